"""Keeping activity and the feed in bounds: partitions made ahead, and dropped when they are old and mirrored."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg

from libs.bus import Bus, BusError, Streams
from libs.eventstore.execute import EventStore
from libs.eventstore.names import ACTIVITY, stream_of
from libs.postgres import Connection, DatabaseAway, connect
from libs.postgres.errors import AWAY
from libs.telemetry.logs import log as say

AHEAD: Final = 10
"""Partitions ready before they are needed."""

EVERY: Final = 60.0
"""Seconds between two rounds."""


@dataclass(frozen=True)
class Retention:
    """How many events one partition of a log holds, and how long they are kept."""

    rows: int = 1_000_000
    keep: timedelta = timedelta(days=30)
    log: str = ACTIVITY


async def keep_partitions(store: EventStore, bus: Bus, retention: Retention) -> None:
    """Make and drop partitions for ever (a background task); safe on every replica."""
    while True:
        try:
            await one_round(store, bus, retention)
        except (DatabaseAway, BusError, asyncpg.PostgresError) as error:
            say.warning("partitions could not be kept", log=retention.log, reason=repr(error))
        await asyncio.sleep(EVERY)


async def one_round(store: EventStore, bus: Bus, retention: Retention) -> None:
    """Make what is missing ahead of the head; drop what is older than `retention.keep` and mirrored."""
    try:
        rows = await connect(store.database.url, name=f"limen partitions {store.database.schema}")
    except AWAY as error:
        raise DatabaseAway(repr(error)) from error
    try:
        await rows.execute(f"SET search_path = {store.database.schema}; SET transaction_timeout = 0")
        name = f"{store.database.schema} {retention.log}"
        if not await rows.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 2))", name):
            return
        await _make(rows, retention)
        state = await Streams(bus).state(stream_of(store.catalogue.service, retention.log))
        await _drop(rows, retention, mirrored=state.last if state else 0)
    finally:
        await rows.close()


async def _make(rows: Connection, retention: Retention) -> None:
    log = retention.log
    head = await rows.fetchval("SELECT pos FROM head WHERE log = $1", log)
    first = head // retention.rows
    for number in range(first, first + AHEAD):
        low, high = number * retention.rows, (number + 1) * retention.rows
        if await rows.fetchval("SELECT to_regclass($1) IS NULL", f"{log}_{number}"):
            try:
                await rows.execute(
                    f"CREATE TABLE {log}_{number} PARTITION OF {log} FOR VALUES FROM ({low}) TO ({high})"
                )
            except (asyncpg.CheckViolationError, asyncpg.InvalidObjectDefinitionError):
                # Rows of this range went to the default partition already: they stay there.
                say.info("a partition is left to the default", number=number)


async def _drop(rows: Connection, retention: Retention, *, mirrored: int) -> None:
    log = retention.log
    floor = await rows.fetchval("SELECT floor FROM head WHERE log = $1", log)
    number = floor // retention.rows
    while (number + 1) * retention.rows <= mirrored:
        table, end = f"{log}_{number}", (number + 1) * retention.rows
        if await rows.fetchval("SELECT to_regclass($1) IS NULL", table):
            return
        newest = await rows.fetchval(f"SELECT max(at) < clock_timestamp() - $1::interval FROM {table}", retention.keep)  # noqa: S608
        if newest is False:
            return
        await rows.execute("UPDATE head SET floor = $1 WHERE log = $2", end, log)
        # Another partition's readers and writers go on: only this one is locked.
        await rows.execute(f"ALTER TABLE {log} DETACH PARTITION {table}")
        await rows.execute(f"DROP TABLE {table}")
        say.info("a partition was dropped", table=table, floor=end)
        number += 1
