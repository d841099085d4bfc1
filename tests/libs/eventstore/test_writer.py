"""Commands that share commits: each answered once, in time, and never run again when nobody knows."""

import asyncio
import time

import asyncpg
import pytest

from libs.bus import Bus
from libs.eventstore import BatchWriter, EventStore, EventTooLarge, Refused, Written
from libs.eventstore.writer import Overloaded, PastDeadline
from libs.postgres import DatabaseAway, OutcomeUnknown
from libs.runtime.errors import Unavailable
from tests.conftest import Background, OpenDatabase
from tests.doubles.wire import wire_to
from tests.libs.eventstore.shop import (
    ANYBODY,
    CATALOGUE,
    HANDLERS,
    SELL,
    RegisterGood,
    RenameGood,
    Sale,
    head_of,
    sale_arguments,
)
from tests.servers import Addresses, PostgresServer


def soon(seconds: float = 5) -> float:
    return time.monotonic() + seconds


@pytest.fixture
async def writer(store: EventStore) -> BatchWriter[Sale]:
    """Not running yet: what is written waits."""
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    await store.execute(RegisterGood("t", "2", "chair"), ANYBODY)
    return BatchWriter(store, SELL, sale_arguments, most=50, queue=120)


async def sold(store: EventStore, good: str = "1") -> int:
    async with store.database.connection() as rows:
        count: int | None = await rows.fetchval("SELECT sold FROM tills WHERE id = $1", good)
    return count or 0


async def test_what_waits_goes_together(store: EventStore, writer: BatchWriter[Sale], background: Background) -> None:
    answers = [asyncio.ensure_future(writer.write(Sale("1", 1), deadline=soon())) for _ in range(100)]
    await asyncio.sleep(0)
    background(writer.run())
    assert all(isinstance(each, Written) for each in await asyncio.gather(*answers))
    assert await head_of(store, "activity") == 100
    async with store.database.connection() as rows:
        assert await rows.fetchval("SELECT count(DISTINCT xmin::text) FROM activity") == 2


async def test_a_batch_changes_each_state_row_once(
    store: EventStore, writer: BatchWriter[Sale], background: Background
) -> None:
    sales = [("1", 20), ("2", 20)]
    answers = [
        asyncio.ensure_future(writer.write(Sale(good, 1), keys=[f"till {good}"], deadline=soon()))
        for good, count in sales
        for _ in range(count)
    ]
    background(writer.run())
    await asyncio.gather(*answers)
    assert (await sold(store, "1"), await sold(store, "2")) == (20, 20)
    async with store.database.connection() as rows:
        assert await rows.fetchval("SELECT max(n) FROM (SELECT count(*) AS n FROM activity GROUP BY xmin::text)") == 2


async def test_what_was_decided_from_a_stale_row_is_left_out(
    store: EventStore, writer: BatchWriter[Sale], background: Background
) -> None:
    background(writer.run())
    await store.execute(RenameGood("t", "1", "bulb"), ANYBODY)
    stale, good = await asyncio.gather(
        writer.write(Sale("1", 1), deadline=soon()), writer.write(Sale("1", 2), deadline=soon())
    )
    assert isinstance(stale, Refused)
    assert stale.reason == "stale"
    assert isinstance(good, Written)
    assert await head_of(store, "activity") == 1


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (Sale("1", 1, data="no json"), asyncpg.PostgresError),
        (Sale("1", 1, note="x" * 65536), EventTooLarge),
        (Sale("1", 1, note="\ud800"), ValueError),
    ],
)
async def test_one_item_at_fault_harms_no_other(
    store: EventStore, writer: BatchWriter[Sale], background: Background, bad: Sale, error: type[Exception]
) -> None:
    items = [Sale("1", 1)] * 10 + [bad] + [Sale("1", 1)] * 10
    answers = [asyncio.ensure_future(writer.write(item, deadline=soon())) for item in items]
    background(writer.run())
    results = await asyncio.gather(*answers, return_exceptions=True)
    assert [number for number, result in enumerate(results) if not isinstance(result, Written)] == [10]
    assert isinstance(results[10], error)
    assert await head_of(store, "activity") == 20
    assert isinstance(await writer.write(Sale("1", 1), deadline=soon()), Written)


async def test_the_queue_is_bounded(writer: BatchWriter[Sale], background: Background) -> None:
    answers = [asyncio.ensure_future(writer.write(Sale("1", 1), deadline=soon())) for _ in range(130)]
    await asyncio.sleep(0)
    background(writer.run())
    results = await asyncio.gather(*answers, return_exceptions=True)
    assert sum(isinstance(result, Overloaded) for result in results) == 10
    assert issubclass(Overloaded, Unavailable)


async def test_what_is_past_its_deadline_is_dropped(
    store: EventStore, writer: BatchWriter[Sale], background: Background
) -> None:
    late = asyncio.ensure_future(writer.write(Sale("1", 1), deadline=soon(-1)))
    good = asyncio.ensure_future(writer.write(Sale("1", 1), deadline=soon()))
    await asyncio.sleep(0)
    background(writer.run())
    with pytest.raises(PastDeadline):
        await late
    assert isinstance(await good, Written)
    assert await head_of(store, "activity") == 1


async def test_whoever_gave_up_is_left_out(
    store: EventStore, writer: BatchWriter[Sale], background: Background
) -> None:
    gone = asyncio.ensure_future(writer.write(Sale("1", 1), deadline=soon()))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    background(writer.run())
    await writer.write(Sale("1", 1), deadline=soon())
    assert await head_of(store, "activity") == 1


@pytest.mark.parametrize("heard", [False, True])
async def test_a_batch_cut_at_its_commit_is_unknown_to_all_and_not_run_again(
    addresses: Addresses, open_database: OpenDatabase, store: EventStore, bus: Bus, writer: BatchWriter[Sale],
    background: Background, *, heard: bool
) -> None:  # fmt: skip
    del writer  # the goods are there
    async with wire_to(addresses.of["shop"]) as wire:
        through = EventStore(await open_database(wire.url(addresses.of["shop"])), CATALOGUE, bus, HANDLERS)
        cut = BatchWriter(through, SELL, sale_arguments)
        background(cut.run())
        assert isinstance(await cut.write(Sale("1", 1), deadline=soon()), Written)
        wire.cut_at(b"it is cut here", heard=heard)
        sales = [Sale("1", 1, note="it is cut here"), *[Sale("1", 1)] * 19]
        results = await asyncio.gather(*(cut.write(sale, deadline=soon()) for sale in sales), return_exceptions=True)
        assert {type(result) for result in results} == {OutcomeUnknown}
        assert isinstance(await cut.write(Sale("1", 1), deadline=soon()), Written)
    assert await head_of(store, "activity") == 2 + (20 if heard else 0)


async def test_nobody_waits_past_their_deadline_while_a_statement_hangs(
    addresses: Addresses, open_database: OpenDatabase, bus: Bus, writer: BatchWriter[Sale], background: Background
) -> None:
    del writer  # the goods are there
    async with wire_to(addresses.of["shop"]) as wire:
        through = EventStore(await open_database(wire.url(addresses.of["shop"])), CATALOGUE, bus, HANDLERS)
        hung = BatchWriter(through, SELL, sale_arguments)
        background(hung.run())
        await hung.write(Sale("1", 1), deadline=soon())
        wire.hold()
        began = time.monotonic()
        first = asyncio.ensure_future(hung.write(Sale("1", 1), deadline=soon(0.5)))
        await asyncio.sleep(0.05)
        second = asyncio.ensure_future(hung.write(Sale("1", 1), deadline=soon(0.5)))
        with pytest.raises(OutcomeUnknown):
            await first
        with pytest.raises(PastDeadline):
            await second
        assert time.monotonic() - began < 1


async def test_without_a_database_everybody_is_told_at_once_and_later_all_is_well(
    store: EventStore, writer: BatchWriter[Sale], background: Background, postgres: PostgresServer
) -> None:
    background(writer.run())
    await writer.write(Sale("1", 1), deadline=soon())
    postgres.kill()
    began = time.monotonic()
    results = await asyncio.gather(
        *(writer.write(Sale("1", 1), deadline=soon()) for _ in range(100)), return_exceptions=True
    )
    assert all(isinstance(result, DatabaseAway) for result in results)
    assert time.monotonic() - began < 3
    await postgres.back()
    assert isinstance(await writer.write(Sale("1", 1), deadline=soon()), Written)
    assert await head_of(store, "activity") == 2


async def test_a_halted_log_takes_no_batch(store: EventStore, writer: BatchWriter[Sale]) -> None:
    store.halt("restore it")
    with pytest.raises(Unavailable, match="restore it"):
        await writer.write(Sale("1", 1), deadline=soon())


async def test_who_still_waits_when_the_writer_stops_is_told(writer: BatchWriter[Sale], background: Background) -> None:
    stop = background(writer.run())
    await writer.write(Sale("1", 1), deadline=soon())
    waiting = asyncio.ensure_future(writer.write(Sale("1", 1), deadline=soon()))
    await asyncio.sleep(0)
    await stop()
    results = await asyncio.gather(waiting, return_exceptions=True)
    assert isinstance(results[0], (Written, Unavailable))
