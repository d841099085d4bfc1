"""Auditing a log: its positions, its mirror, and that folding each stream gives the rows that stand there.

Everything is read in one snapshot, in which a command's rows and facts are both or neither, so it may run beside a
service that works. Each finding is one line for an operator.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from time import monotonic
from typing import Any, Final, Generic, TypeVar

from libs.bus import Bus, Reader, Streams
from libs.eventstore.envelope import from_wire
from libs.eventstore.events import Catalogue, Event
from libs.eventstore.names import FACTS, stream_of
from libs.postgres import Connection, connect, translated

S = TypeVar("S")

BATCH: Final = 1000
PATIENCE: Final = 5.0
"""Seconds the mirror may need to come level."""

SHOWN: Final = 20
"""Findings of one kind that are told one by one."""


@dataclass(frozen=True)
class FoldCheck(Generic[S]):
    """How to compare one kind of aggregate with its rows.

    `streams` is what its streams' names begin with (`client-`). `shape` gives, of the folded state, what the rows must
    say, in any form that compares by `==`, or `None` when there must be no row; `read(rows, tenant, stream)` gives the
    same of the rows, folded columns alone. `keys`, if given, is SQL for `tenant, stream` of every row that stands
    there, and finds those that no fact made.
    """

    name: str
    streams: str
    initial: S
    evolve: Callable[[S, Event], S]
    shape: Callable[[S], object]
    read: Callable[[Connection, str, str], Awaitable[object]]
    keys: str | None = None


@asynccontextmanager
async def snapshot(url: str, schema: str) -> AsyncIterator[Connection]:
    """A connection that sees one moment, for as long as it takes."""
    rows = await connect(url, name=f"limen verify {schema}")
    try:
        with translated():
            await rows.execute(
                f"SET search_path = {schema}; SET transaction_timeout = 0; SET idle_in_transaction_session_timeout = 0"
            )
            async with rows.transaction(isolation="repeatable_read", readonly=True):
                yield rows
    finally:
        await rows.close()


async def positions(rows: Connection, log: str) -> list[str]:
    """Whether positions are gapless from floor to head."""
    head = await rows.fetchrow("SELECT pos, floor FROM head WHERE log = $1", log)
    if head is None:
        return [f"{log}: there is no head"]
    found = await rows.fetchrow(f"SELECT count(*) AS n, min(pos) AS low, max(pos) AS high FROM {log}")  # noqa: S608
    assert found is not None, "an aggregate gives one row"
    wanted = head["pos"] - head["floor"] + 1
    is_whole = found["n"] == wanted and (wanted == 0 or (found["low"], found["high"]) == (head["floor"], head["pos"]))
    if is_whole:
        return []
    span = f"{found['n']} events from {found['low']} to {found['high']}"
    return [f"{log}: {span}, but floor is {head['floor']} and head {head['pos']}: {wanted} are expected"]


async def mirror(rows: Connection, bus: Bus, service: str, log: str) -> list[str]:
    """Whether the stream holds the same event at every position; activity from where the stream begins."""
    stream = stream_of(service, log)
    head = await rows.fetchval("SELECT pos FROM head WHERE log = $1", log)
    floor = await rows.fetchval("SELECT floor FROM head WHERE log = $1", log)
    first, last = await _level(Streams(bus), stream, head)
    if last is None:
        return [] if head < floor else [f"{log}: the stream {stream} is not there"]
    findings = [f"{log}: {stream} reaches {last}, the log {head}"] if last < head else []
    if log == FACTS and first > floor:
        findings.append(f"{log}: {stream} begins at {first}, the log at {floor}")
    return findings + await _compared(rows, bus, stream, log, max(first, floor), min(last, head))


async def _level(streams: Streams, stream: str, head: int) -> tuple[int, int | None]:
    until = monotonic() + PATIENCE
    while True:
        state = await streams.state(stream)
        if (state is None and head == 0) or monotonic() > until:
            return (state.first, state.last) if state is not None else (0, None)
        if state is not None and state.last >= head:
            return state.first, state.last
        await asyncio.sleep(0.1)


async def _compared(rows: Connection, bus: Bus, stream: str, log: str, start: int, end: int) -> list[str]:
    if start > end:
        return []
    findings: list[str] = []
    async with Reader(bus, stream, start=start) as reader:
        while start <= end and len(findings) < SHOWN:
            batch = await reader.fetch(BATCH, wait=PATIENCE)
            if not batch:
                return [*findings, f"{log}: {stream} has nothing at {start}"]
            wanted = await rows.fetch(
                f"SELECT pos, id FROM {log} WHERE pos BETWEEN $1 AND $2",  # noqa: S608
                start,
                min(batch[-1].sequence, end),
            )
            ids = {row["pos"]: row["id"] for row in wanted}
            mirrored = {each.sequence: from_wire(each.payload).id for each in batch if each.sequence <= end}
            findings += [f"{log}: position {pos} differs in {stream}" for pos in _differing(ids, mirrored)]
            start = batch[-1].sequence + 1
    return findings


def _differing(one: dict[int, Any], other: dict[int, Any]) -> Iterable[int]:
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


async def folds(rows: Connection, catalogue: Catalogue, check: FoldCheck[Any]) -> tuple[int, list[str]]:
    """How many aggregates of one kind there are, and those whose rows say otherwise than their facts."""
    findings: list[str] = []
    seen: set[tuple[str, str]] = set()
    async for tenant, stream, state in _folded(rows, catalogue, check):
        seen.add((tenant, stream))
        wanted, found = check.shape(state), await check.read(rows, tenant, stream)
        if wanted != found:
            findings.append(f"{check.name} {stream} of {tenant}: its facts say {wanted!r}, its rows {found!r}")
    keys = {(row["tenant"], row["stream"]) for row in await rows.fetch(check.keys)} if check.keys else set()
    findings += [f"{check.name} {stream} of {tenant}: rows without facts" for tenant, stream in sorted(keys - seen)]
    return len(seen), findings


async def _folded(rows: Connection, catalogue: Catalogue, check: FoldCheck[S]) -> AsyncIterator[tuple[str, str, S]]:
    """Each stream of the kind, folded; facts come in batches, ordered by stream."""
    cursor = await rows.cursor(
        "SELECT tenant, stream, type, data FROM facts WHERE starts_with(stream, $1) ORDER BY tenant, stream, version",
        check.streams,
    )
    current: tuple[str, str] | None = None
    state = check.initial
    while batch := await cursor.fetch(BATCH):
        for key, group in groupby(batch, key=lambda row: (row["tenant"], row["stream"])):
            if key != current:  # else a stream goes on in the next batch
                if current is not None:
                    yield *current, state
                current, state = key, check.initial
            for row in group:
                event = catalogue.decode(row["type"], row["data"])
                state = state if event is None else check.evolve(state, event)
    if current is not None:
        yield *current, state
