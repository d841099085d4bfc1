"""Owns the log's own speed: how late a following projection is, and how fast a log is replayed and audited.

The projection counts `token`'s tokens per application, in a schema of the bench's own in the stack's database, as a
service would. The lag is counted from the database's time of an event's commit to the projection's commit, on one
machine and so on one clock.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from libs.bus import Bus, Streams
from libs.eventstore import Envelope, Follower, Projection
from libs.eventstore.checkpoints import read_checkpoint
from libs.eventstore.following import Happened
from libs.eventstore.names import ACTIVITY, stream_of
from libs.eventstore.rebuild import Rebuilt, rebuild
from libs.postgres import Connection, Database, Locks, connect, migrate
from libs.runtime.clock import wall
from libs.telemetry.readiness import Readiness
from services.token.events import CATALOGUE, TokenIssued
from tests.bench import limen, openloop
from tests.bench.load import Target
from tests.servers import LOG
from tests.stack import Stack

SCHEMA: Final = "bench"
RATE: Final = 1000
CHUNK: Final = 5000
BOUND: Final = 120.0
SETTLED: Final = 2.0
"""Seconds of the load that are not counted: until the follower has its stream open."""

DDL: Final = """
CREATE TABLE {table} (
    tenant text, client_id text, tokens bigint NOT NULL, last bigint NOT NULL, PRIMARY KEY (tenant, client_id)
)
"""

ONE: Final = """
INSERT INTO {table} VALUES ($1, $2, 1, $3)
ON CONFLICT (tenant, client_id) DO UPDATE SET tokens = {table}.tokens + 1, last = $3
"""

MANY: Final = """
INSERT INTO {table} SELECT tenant, client_id, count(*), max(pos)
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS given(tenant, client_id, pos) GROUP BY tenant, client_id
ON CONFLICT (tenant, client_id) DO UPDATE SET tokens = {table}.tokens + excluded.tokens, last = excluded.last
"""

FILL: Final = """
WITH moved AS (UPDATE token.head SET pos = pos + $1 WHERE log = 'activity' RETURNING pos), model AS (
    SELECT tenant, type, v, data, meta FROM token.activity
    WHERE type = 'token.token_issued' AND data->>'audience' = $2 ORDER BY pos DESC LIMIT 1
)
INSERT INTO token.activity (pos, tenant, id, type, v, data, meta, at)
SELECT moved.pos - $1 + n, tenant, gen_random_uuid(), type, v,
       data || jsonb_build_object('client_id', 'client-' || n % 1000, 'jti', 'jti-' || moved.pos - $1 + n),
       meta, clock_timestamp()
FROM moved, model, generate_series(1, $1) AS n
"""
"""A log grows by copies of its last token for the bench's API, as if of a thousand applications; its relay mirrors them
as any other."""


async def one(rows: Connection, table: str, envelope: Envelope, event: TokenIssued) -> None:
    """Count a token."""
    await rows.execute(ONE.format(table=table), envelope.tenant, event.client_id, envelope.pos)


async def many(rows: Connection, table: str, happened: Sequence[Happened]) -> None:
    """Count many."""
    columns = [(envelope.tenant, event.client_id, envelope.pos) for envelope, event in happened]
    await rows.execute(MANY.format(table=table), *map(list, zip(*columns, strict=True)))


@dataclass
class Lags:
    """Seconds from commit to commit, of each event."""

    seconds: list[float] = field(default_factory=list)

    def heard(self, envelopes: Sequence[Envelope]) -> None:
        """The projection has committed these."""
        now = wall()
        self.seconds += [now - each.at.timestamp() for each in envelopes]

    def at(self, share: float) -> float:
        """Milliseconds within which this share of the events was applied."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def counting(lags: Lags | None = None) -> Projection:
    """Tokens per application."""
    heard = lags.heard if lags else lambda _: None
    return Projection(
        "tokens_v1",
        SCHEMA,
        CATALOGUE,
        DDL,
        {TokenIssued: one},
        many=many,
        log=ACTIVITY,
        is_critical=False,
        on_applied=heard,
    )


@asynccontextmanager
async def _followed(stack: Stack, projection: Projection) -> AsyncIterator[tuple[Database, Bus]]:
    """A service that follows `token`'s activity."""
    url = stack.env["LIMEN_POSTGRES_URL"]
    await _run(url, f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    await migrate(url, SCHEMA, LOG)
    database, locks = await Database.open(url, schema=SCHEMA), Locks(url, SCHEMA)
    bus = await Bus.connect(stack.env["LIMEN_NATS_URL"], name="limen")
    follower = Follower(projection, database, bus, locks, Readiness())
    await follower.prepare()
    following = asyncio.create_task(follower.run())
    try:
        yield database, bus
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await locks.close()
        await bus.close()
        await database.close()


async def _run(url: str, sql: str, *arguments: object) -> None:
    connection = await connect(url, name="limen bench")
    try:
        await connection.execute(sql, *arguments)
    finally:
        await connection.close()


@dataclass(frozen=True)
class Lagged:
    """How late the projection was, in milliseconds, under a load by a timetable."""

    events: int
    p50: float
    p99: float
    longest: float
    load: openloop.Timetable


async def lag(stack: Stack, target: Target, seconds: int) -> Lagged:
    """Follow for so many seconds at `RATE` tokens a second."""
    lags = Lags()
    async with _followed(stack, counting(lags)) as (database, _):
        await _level(stack, database)
        with openloop.beside(target, RATE, seconds + int(SETTLED)) as load:
            await asyncio.sleep(SETTLED)
            lags.seconds.clear()
            ended = await asyncio.to_thread(openloop.result, load)
        await _level(stack, database)
    return Lagged(len(lags.seconds), lags.at(0.5), lags.at(0.99), lags.at(1), ended)


async def _level(stack: Stack, database: Database) -> None:
    """Wait until the projection has all that is committed."""
    url, until = stack.env["LIMEN_POSTGRES_URL"], time.monotonic() + BOUND
    connection = await connect(url, name="limen bench")
    try:
        while True:
            head = await connection.fetchval("SELECT pos FROM token.head WHERE log = 'activity'")
            async with database.connection() as rows:
                if (await read_checkpoint(rows, "tokens_v1")).pos >= head:
                    return
            assert time.monotonic() < until, "the projection does not catch up"
            await asyncio.sleep(0.02)
    finally:
        await connection.close()


@dataclass(frozen=True)
class Replayed:
    """So many events in so many seconds."""

    events: int
    seconds: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


async def filled(stack: Stack, events: int) -> int:
    """Let `token`'s activity grow to `events` at least, and wait for its mirror; where it stands then."""
    connection = await connect(stack.env["LIMEN_POSTGRES_URL"], name="limen bench")
    bus = await Bus.connect(stack.env["LIMEN_NATS_URL"], name="limen")
    try:
        query, stream = "SELECT pos FROM token.head WHERE log = 'activity'", stream_of("token", ACTIVITY)
        while (head := int(await connection.fetchval(query))) < events:
            await connection.execute(FILL, min(CHUNK, events - head), limen.ES256_API)
        until = time.monotonic() + BOUND
        while (state := await Streams(bus).state(stream)) is None or state.last < head:
            assert time.monotonic() < until, "the mirror does not catch up"
            await asyncio.sleep(0.05)
        return head
    finally:
        await bus.close()
        await connection.close()


async def rebuilt(stack: Stack, rounds: int) -> list[Replayed]:
    """Rebuild the projection of everything `token` ever issued, a few times."""
    projection, found = counting(), []
    async with _followed(stack, projection) as (database, bus):
        await _level(stack, database)
        for _ in range(rounds):
            began = time.monotonic()
            outcome = await rebuild(projection, database, bus)
            found.append(Replayed(outcome.events, time.monotonic() - began))
            assert outcome == Rebuilt(outcome.events, 0, is_swapped=True), outcome
    return found


def verified(stack: Stack, rounds: int) -> list[Replayed]:
    """`limen verify`, as an operator runs it, start and all; each log is counted once."""
    found = []
    for _ in range(rounds):
        began = time.monotonic()
        done = stack.limen("verify", timeout=BOUND)
        seconds = time.monotonic() - began
        assert done.returncode == 0, done.stdout + done.stderr
        found.append(Replayed(sum(_heads(done.stdout)), seconds))
    return found


def _heads(said: str) -> list[int]:
    """The heads of the logs that were verified: `ok    token: facts to 123, gapless`."""
    lines = [line for line in said.splitlines() if line.endswith(", gapless")]
    return [int(line.rpartition(" to ")[2].removesuffix(", gapless")) for line in lines]
