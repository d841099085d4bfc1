"""Auditing a log: its positions, its mirror, and that folding each stream gives the rows that stand there.

Everything is read in one snapshot, in which a command's rows and facts are both or neither, so it may run beside a
service that works. Each finding is one line for an operator.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from libs.bus import Bus, Reader, Streams
from libs.eventstore.events import Catalogue, Event
from libs.eventstore.forms import FORMS
from libs.eventstore.names import FACTS, stream_of
from libs.postgres import Connection, connect, translated

S = TypeVar("S")

BATCH: Final = 2000
PATIENCE: Final = 5.0
"""Seconds the mirror may need to come level."""

SHOWN: Final = 20
"""Findings of one kind that are told one by one."""

Key = tuple[str, str]
"""Tenant and stream: an aggregate's name."""


@dataclass(frozen=True)
class FoldCheck(Generic[S]):
    """How to compare one kind of aggregate with its rows.

    `streams` is what its streams' names begin with (`client-`). `shape` gives, of the folded state, what the rows must
    say, in any form that compares by `==`, or `None` when there must be no row; `read(rows, tenants, streams)` gives
    the same of the rows, folded columns alone, of many aggregates by one statement or a few: those that have rows, by
    tenant and stream. `keys`, if given, is SQL for `tenant, stream` of every row that stands there, and finds those
    that no fact made.
    """

    name: str
    streams: str
    initial: S
    evolve: Callable[[S, Event], S]
    shape: Callable[[S], object]
    read: Callable[[Connection, Sequence[str], Sequence[str]], Awaitable[Mapping[Key, object]]]
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
    identity = FORMS[log].identity
    async with Reader(bus, stream, start=start) as reader:
        while start <= end and len(findings) < SHOWN:
            batch = await reader.fetch(BATCH, wait=PATIENCE)
            if not batch:
                return [*findings, f"{log}: {stream} has nothing at {start}"]
            mirrored = {each.sequence: identity(each).id for each in batch if each.sequence <= end}
            ids = await _ids(rows, log, start, min(batch[-1].sequence, end))
            findings += [f"{log}: position {pos} differs in {stream}" for pos in _differing(ids, mirrored)]
            start = batch[-1].sequence + 1
    return findings


async def _ids(rows: Connection, log: str, start: int, end: int) -> dict[int, UUID]:
    """The ids between two positions: two lists in one row cost a fraction of a row each."""
    found = await rows.fetchrow(
        f"SELECT array_agg(pos) AS positions, array_agg(id) AS ids FROM {log} WHERE pos BETWEEN $1 AND $2",  # noqa: S608
        start,
        end,
    )
    assert found is not None, "an aggregate gives one row"
    return dict(zip(found["positions"] or (), found["ids"] or (), strict=True))


def _differing(one: dict[int, UUID], other: dict[int, UUID]) -> Iterable[int]:
    if one == other:
        return ()
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


async def folds(rows: Connection, catalogue: Catalogue, check: FoldCheck[Any]) -> tuple[int, list[str]]:
    """How many aggregates of one kind there are, and those whose rows say otherwise than their facts."""
    findings: list[str] = []
    seen: set[Key] = set()
    async for folded in _folded(rows, catalogue, check):
        seen.update(folded)
        findings += await _unlike(rows, check, folded)
    keys = {(row["tenant"], row["stream"]) for row in await rows.fetch(check.keys)} if check.keys else set()
    findings += [f"{check.name} {stream} of {tenant}: rows without facts" for tenant, stream in sorted(keys - seen)]
    return len(seen), findings


async def _unlike(rows: Connection, check: FoldCheck[S], folded: Mapping[Key, S]) -> list[str]:
    """The aggregates among `folded` whose rows say otherwise."""
    found = await check.read(rows, [tenant for tenant, _ in folded], [stream for _, stream in folded])
    pairs = ((*key, check.shape(state), found.get(key)) for key, state in folded.items())
    return [
        f"{check.name} {stream} of {tenant}: its facts say {wanted!r}, its rows {there!r}"
        for tenant, stream, wanted, there in pairs
        if wanted != there
    ]


async def _folded(rows: Connection, catalogue: Catalogue, check: FoldCheck[S]) -> AsyncIterator[dict[Key, S]]:
    """The streams of the kind, folded, many at a time; one that may go on in the next batch waits for it."""
    cursor = await rows.cursor(
        "SELECT tenant, stream, type, data FROM facts WHERE starts_with(stream, $1) ORDER BY tenant, stream, version",
        check.streams,
    )
    states: dict[Key, S] = {}
    while batch := await cursor.fetch(BATCH):
        for tenant, stream, name, data in batch:
            event = catalogue.decode(name, data)
            state = states.get((tenant, stream), check.initial)
            states[tenant, stream] = state if event is None else check.evolve(state, event)
        last = (batch[-1]["tenant"], batch[-1]["stream"])
        unfinished = {last: states.pop(last)}
        yield states
        states = unfinished
    yield states
