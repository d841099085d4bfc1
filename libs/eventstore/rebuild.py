"""Rebuilding a following projection beside the live one: replay, compare at the same position, swap.

The live table goes on serving. Only for the last few events, the comparison and the swap are its writers held off, so
that both tables are compared where they claim to stand. The order of locks is the follower's: table, then checkpoint.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from libs.bus import Bus, Reader
from libs.eventstore.checkpoints import Checkpoint, read_checkpoint
from libs.eventstore.envelope import from_wire
from libs.eventstore.following import Projection
from libs.postgres import Connection, Database, connect, translated

FETCH: Final = 1000
PATIENCE: Final = 5.0
CATCH_UP: Final = 500
"""Events behind the live table from which on its writers are held off."""

OWNER: Final = "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = $1"


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild found: events replayed, rows that differ, and whether the new table took the old one's place."""

    events: int
    differences: int
    is_swapped: bool


async def rebuild(projection: Projection, database: Database, bus: Bus, *, accept_difference: bool = False) -> Rebuilt:
    """Rebuild `projection`; swap if both tables are equal, or if a difference is accepted. One at a time.

    Raises:
        StreamRefused, Disconnected, DatabaseAway: nothing was swapped.
    """
    beside = f"{projection.name}_rebuilt"
    async with _alone(database, projection.name) as rows:
        await rows.execute(f"DROP TABLE IF EXISTS {beside}")
        await rows.execute(projection.ddl.format(table=beside))
        reached = 0
        while (live := (await read_checkpoint(rows, projection.name)).pos) - reached > CATCH_UP:
            reached = await _replay(projection, rows, bus, beside, reached, live)
        async with rows.transaction():
            await rows.execute(f"LOCK TABLE {projection.name} IN EXCLUSIVE MODE")
            await rows.execute("SELECT 1 FROM checkpoints WHERE name = $1 FOR UPDATE", projection.name)
            at = await read_checkpoint(rows, projection.name)
            await _replay(projection, rows, bus, beside, reached, at.pos)
            differences = await _differences(rows, projection.name, beside)
            is_swapped = differences == 0 or accept_difference
            await _finish(rows, projection, beside, at, is_swapped=is_swapped)
    return Rebuilt(at.pos, differences, is_swapped)


@asynccontextmanager
async def _alone(database: Database, name: str) -> AsyncIterator[Connection]:
    """A connection without the bounds of a request, holding the lock of this rebuild."""
    rows = await connect(database.url, name=f"limen rebuild {name}")
    try:
        with translated():
            # As the schema's owner, also when an operator connects: the new table must belong to the service.
            owner = await rows.fetchval(OWNER, database.schema)
            await rows.execute(f"SET ROLE {owner}; SET search_path = {database.schema}; SET transaction_timeout = 0")
            await rows.execute("SET idle_in_transaction_session_timeout = '30s'; SET lock_timeout = '10s'")
            await rows.execute("SELECT pg_advisory_lock(hashtextextended($1, 3))", f"rebuild {database.schema} {name}")
            yield rows
    finally:
        await rows.close()


async def _replay(projection: Projection, rows: Connection, bus: Bus, table: str, reached: int, end: int) -> int:
    """Apply what lies behind `reached` up to `end`; the position reached."""
    if reached >= end:
        return reached
    async with Reader(bus, projection.stream, start=reached + 1) as reader:
        while reached < end:
            batch = [each for each in await reader.fetch(FETCH, wait=PATIENCE) if reached < each.sequence <= end]
            async with rows.transaction():
                await projection.apply(rows, table, [from_wire(each.payload) for each in batch])
            reached = batch[-1].sequence if batch else reached
    return reached


async def _differences(rows: Connection, live: str, beside: str) -> int:
    found: int = await rows.fetchval(
        f"SELECT count(*) FROM ((SELECT * FROM {live} EXCEPT ALL SELECT * FROM {beside}) "  # noqa: S608
        f"UNION ALL (SELECT * FROM {beside} EXCEPT ALL SELECT * FROM {live})) AS different"
    )
    return found


async def _finish(rows: Connection, projection: Projection, beside: str, at: Checkpoint, *, is_swapped: bool) -> None:
    if not is_swapped:
        await rows.execute(f"DROP TABLE {beside}")
        return
    await rows.execute(f"DROP TABLE {projection.name}")
    await rows.execute(f"ALTER TABLE {beside} RENAME TO {projection.name}")
    await rows.execute(
        "UPDATE checkpoints SET handles = $2, updated_at = now() WHERE name = $1 AND pos = $3",
        projection.name,
        projection.types,
        at.pos,
    )
