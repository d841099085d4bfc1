"""A log that went back to a backup: nobody goes on from a position that may now hold another event."""

import asyncio
from functools import partial

import msgspec
import pytest

from libs.bus import Bus, Outgoing, StreamRefused, Streams
from libs.eventstore import Envelope, Event, EventStore, Follower, MemoryFollower, Reaction, Reactor, Relay
from libs.eventstore.checkpoints import read_checkpoint
from libs.eventstore.envelope import from_wire
from libs.eventstore.epochs import SourceRestored, reader_after, require_epoch
from libs.eventstore.memory import EpochChanged
from libs.eventstore.relay import LossAccepted
from libs.eventstore.restored import begin_epoch, loss_of, tail
from libs.postgres import Database, Locks
from libs.telemetry.readiness import Readiness
from tests.conftest import Background, eventually
from tests.libs.eventstore.conftest import FACTS, Mirrored
from tests.libs.eventstore.shop import (
    ANYBODY,
    CATALOGUE,
    HANDLERS,
    SHELF,
    GoodRegistered,
    RegisterGood,
    RenameGood,
    SellGood,
    log_of,
)


@pytest.fixture
async def mirroring(store: EventStore, bus: Bus, locks: Locks, mirrored: Mirrored) -> "asyncio.Future[None]":
    """The relay of ten goods that were mirrored."""
    for number in range(10):
        await store.execute(RegisterGood("t", str(number), f"good {number}"), ANYBODY)
    task = asyncio.ensure_future(Relay(store, bus, locks, Readiness(), log="facts").run())
    await mirrored()
    return task


async def restore(store: EventStore, to: int) -> None:
    """What a restored backup looks like: the newest facts never happened."""
    async with store.database.transaction() as rows:
        await rows.execute("DELETE FROM facts WHERE pos > $1", to)
        await rows.execute("DELETE FROM goods WHERE id::int >= $1", to)
        await rows.execute("UPDATE head SET pos = $1 WHERE log = 'facts'", to)


async def accept(store: EventStore, bus: Bus) -> None:
    """What `limen restored` does to a log, here without bringing its followers along."""
    loss = await loss_of(store.database, bus, "shop", "facts")
    assert loss is not None
    await begin_epoch(store.database, loss)
    await Streams(bus).delete(FACTS)


async def has_ended(task: "asyncio.Future[None]", reason: type[Exception]) -> None:
    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(task, 10)
    assert ended.group_contains(reason)


async def goes_back(store: EventStore, bus: Bus, mirroring: "asyncio.Future[None]", to: int) -> EventStore:
    """The log goes back, its service stops and, once that is accepted, starts anew, with one more good."""
    await restore(store, to)
    await eventually(lambda: store.halted)
    await accept(store, bus)
    await has_ended(mirroring, LossAccepted)
    anew = EventStore(store.database, CATALOGUE, bus, HANDLERS)
    await anew.execute(RegisterGood("t", "99", "new"), ANYBODY)
    return anew


async def test_a_follower_opens_no_stream_that_is_not_there_yet(bus: Bus) -> None:
    with pytest.raises(StreamRefused):
        await reader_after(bus, FACTS, 10)
    await Streams(bus).create(FACTS, ["evt.shop.>"], first=1)
    async with await reader_after(bus, FACTS, 10) as reader:
        await Streams(bus).append([Outgoing("evt.shop.good_registered", b"{}", {})], expected_last=0)
        assert [each.sequence for each in await reader.fetch(1, wait=5)] == [1], "however far it had come before"


@pytest.mark.parametrize("after", [0, 3, 9])
async def test_the_last_common_position_is_found_and_what_lies_behind_it(
    store: EventStore, bus: Bus, mirroring: "asyncio.Future[None]", after: int
) -> None:
    mirroring.cancel()
    assert await loss_of(store.database, bus, "shop", "facts") is None
    await restore(store, after)
    anew = EventStore(store.database, CATALOGUE, bus, HANDLERS)
    await anew.execute(RegisterGood("t", "99", "new"), ANYBODY)
    await anew.execute(RenameGood("t", "99", "other", times=20), ANYBODY)
    loss = await loss_of(store.database, bus, "shop", "facts")
    assert loss is not None
    assert (loss.common, loss.last, loss.head, loss.epoch) == (after, 10, after + 21, 2)
    lost = [each async for batch in tail(store.database, bus, loss) for each in batch]
    assert [each.envelope and each.envelope.pos for each in lost] == list(range(after + 1, 11))


async def names(database: Database) -> set[str]:
    async with database.connection() as rows:
        return {row["id"] for row in await rows.fetch("SELECT id FROM shelf_v1")}


async def is_shelf(database: Database, *ids: str) -> bool:
    return await names(database) == set(ids)


async def test_a_projection_that_nobody_brought_along_begins_anew(
    store: EventStore, database: Database, bus: Bus, locks: Locks, mirroring: "asyncio.Future[None]",
    background: Background
) -> None:  # fmt: skip
    follower = Follower(SHELF, database, bus, locks, Readiness())
    await follower.prepare()
    background(follower.run())
    await eventually(partial(is_shelf, database, *map(str, range(10))))
    anew = await goes_back(store, bus, mirroring, 4)
    background(Relay(anew, bus, locks, Readiness(), log="facts").run())
    await eventually(partial(is_shelf, database, "0", "1", "2", "3", "99"), within=15)
    async with database.connection() as rows:
        reached = await read_checkpoint(rows, "shelf_v1")
    assert (reached.epoch, reached.pos) == (2, 5)


async def sell(envelope: Envelope, event: GoodRegistered) -> SellGood:
    return SellGood(envelope.tenant, event.id)


SELLS = Reaction("sells", CATALOGUE, {GoodRegistered: sell}, from_start=True)


async def test_a_reaction_that_nobody_brought_along_misses_nothing(
    store: EventStore, bus: Bus, locks: Locks, mirroring: "asyncio.Future[None]", background: Background
) -> None:
    async def is_sold(times: int) -> bool:
        return len(await log_of(store, "activity")) == times

    reactor = Reactor(SELLS, store, bus, locks, Readiness())
    await reactor.prepare()
    stop = background(reactor.run())
    await eventually(partial(is_sold, 10))
    await stop()
    anew = await goes_back(store, bus, mirroring, 4)
    background(Relay(anew, bus, locks, Readiness(), log="facts").run())
    background(Reactor(SELLS, anew, bus, locks, Readiness()).run())

    async def is_new_sold() -> bool:
        return "99" in [data["good"] for _, _, data in await log_of(store, "activity")]

    await eventually(is_new_sold, within=15)


async def test_a_follower_in_memory_ends_even_where_the_new_stream_is_shorter(
    store: EventStore, bus: Bus, locks: Locks, mirroring: "asyncio.Future[None]", background: Background
) -> None:
    seen: list[int] = []

    def apply(envelope: Envelope, _event: Event) -> None:
        seen.append(envelope.pos)

    following = asyncio.ensure_future(MemoryFollower(bus, CATALOGUE, apply, name="t", readiness=Readiness()).run())
    await eventually(lambda: len(seen) == 10)
    anew = await goes_back(store, bus, mirroring, 4)
    background(Relay(anew, bus, locks, Readiness(), log="facts").run())
    await has_ended(following, EpochChanged)


async def test_an_event_of_another_epoch_is_refused(
    store: EventStore, bus: Bus, mirroring: "asyncio.Future[None]"
) -> None:
    mirroring.cancel()
    stored = await Streams(bus).message(FACTS, 1)
    assert stored is not None
    assert store.halted is None
    envelope = from_wire(stored.payload)
    require_epoch(0, envelope)
    require_epoch(1, envelope)
    with pytest.raises(StreamRefused, match="epoch 1, which has ended"):
        require_epoch(2, envelope)
    with pytest.raises(SourceRestored):
        require_epoch(1, msgspec.structs.replace(envelope, epoch=2))
