"""Read models in memory: level before ready, once each, back by themselves, halting loudly."""

import asyncio

import pytest

from libs.bus import Bus, Streams
from libs.eventstore import Applied, Envelope, Event, EventStore, MemoryFollower
from libs.eventstore.memory import EpochChanged
from libs.telemetry.readiness import Readiness
from tests.conftest import Background, eventually
from tests.libs.eventstore.conftest import FACTS, MakeRelay, Mirrored
from tests.libs.eventstore.shop import (
    ANYBODY,
    CATALOGUE,
    POISON,
    GoodRegistered,
    GoodRenamed,
    RegisterGood,
    RenameGood,
    head_of,
)
from tests.servers import NatsServer


class Names:
    def __init__(self) -> None:
        self.seen: list[int] = []
        self.names: dict[str, str] = {}

    def apply(self, envelope: Envelope, event: Event) -> None:
        self.seen.append(envelope.pos)
        match event:
            case GoodRegistered(name=name) if name == POISON:
                raise ValueError(name)
            case GoodRegistered() | GoodRenamed():
                self.names[event.id] = event.name
            case _:
                raise AssertionError(event)


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def memory(bus: Bus, names: Names, readiness: Readiness) -> MemoryFollower:
    return MemoryFollower(bus, CATALOGUE, names.apply, name="tests", readiness=readiness)


async def test_it_is_ready_only_when_level(
    store: EventStore, relay: MakeRelay, memory: MemoryFollower, names: Names, background: Background,
    readiness: Readiness
) -> None:  # fmt: skip
    background(memory.run())
    await asyncio.sleep(0.3)
    assert "follows shop" in readiness.missing(), "there is no stream yet"
    assert memory.silent_for == float("inf")
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    await store.execute(RenameGood("t", "1", "bulb", times=600), ANYBODY)
    relay()
    await eventually(lambda: "follows shop" not in readiness.missing())
    assert names.names == {"1": "bulb"}
    assert names.seen == list(range(1, 602))


async def test_who_waits_for_the_level_waits_for_all_that_was_said(
    store: EventStore, relay: MakeRelay, memory: MemoryFollower, names: Names, background: Background
) -> None:
    background(memory.run())
    waiting = asyncio.ensure_future(memory.level())
    await asyncio.sleep(0.3)
    assert not waiting.done(), "there is no stream yet"
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    await store.execute(RenameGood("t", "1", "bulb", times=600), ANYBODY)
    relay()
    await asyncio.wait_for(waiting, 5)
    assert names.names == {"1": "bulb"}


async def test_who_begins_while_a_stream_is_refilled_is_not_level_before_it_is_full(
    store: EventStore, bus: Bus, relay: MakeRelay, memory: MemoryFollower, names: Names, background: Background,
    readiness: Readiness
) -> None:  # fmt: skip
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    await store.execute(RenameGood("t", "1", "bulb"), ANYBODY)
    await Streams(bus).create(FACTS, ["evt.shop.>"], first=1, due=2)  # as a relay makes it that is paused then
    background(memory.run())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(memory.level(), 1)
    assert "follows shop" in readiness.missing()
    relay()
    await asyncio.wait_for(memory.level(), 5)
    assert names.names == {"1": "bulb"}


async def test_it_goes_on_when_nats_comes_back_empty_and_applies_nothing_twice(
    store: EventStore, bus: Bus, relay: MakeRelay, mirrored: Mirrored, memory: MemoryFollower, names: Names,
    background: Background, nats: NatsServer
) -> None:  # fmt: skip
    background(memory.run())
    relay()
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    await store.execute(RenameGood("t", "1", "bulb", times=10), ANYBODY)
    await eventually(lambda: len(names.seen) == 11)
    nats.kill()
    await eventually(lambda: memory.silent_for > 0.5)
    nats.empty()
    await nats.back()
    await store.execute(RenameGood("t", "1", "tube"), ANYBODY)
    await eventually(lambda: names.names == {"1": "tube"}, within=4)
    assert names.seen == list(range(1, 13))
    await mirrored()
    await Streams(bus).delete(FACTS)
    await store.execute(RenameGood("t", "1", "last"), ANYBODY)
    await eventually(lambda: names.names == {"1": "last"}, within=4)
    assert names.seen == list(range(1, 14))


async def test_a_poison_event_halts_it_and_readiness_says_so(
    store: EventStore, relay: MakeRelay, memory: MemoryFollower, names: Names, background: Background,
    readiness: Readiness
) -> None:  # fmt: skip
    background(memory.run())
    relay()
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    await eventually(lambda: names.names)
    await store.execute(RegisterGood("t", "2", POISON), ANYBODY)
    await store.execute(RegisterGood("t", "3", "next"), ANYBODY)
    await eventually(lambda: memory.halted)
    assert readiness.missing()["follows shop"] == "halted after position 1: the event at 2: ValueError('poison')"
    await asyncio.sleep(0.5)
    assert names.names == {"1": "lamp"}


async def test_another_epoch_ends_the_process(
    store: EventStore, relay: MakeRelay, memory: MemoryFollower, names: Names
) -> None:
    following = asyncio.ensure_future(memory.run())
    relay()
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    await eventually(lambda: names.names)
    async with store.database.transaction() as rows:
        await rows.execute("UPDATE head SET epoch = 2 WHERE log = 'facts'")
    await store.execute(RegisterGood("t", "2", "lamp 2"), ANYBODY)
    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(following, 3)
    assert ended.group_contains(EpochChanged)


async def test_an_owner_waits_until_its_followers_have_applied(
    store: EventStore, bus: Bus, relay: MakeRelay, memory: MemoryFollower, names: Names, background: Background
) -> None:
    applied = Applied(bus, "shop")
    await applied.listen()
    relay()
    stop = background(memory.run())
    first = await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    await eventually(lambda: not applied.behind(first.epoch, first.pos) and applied._words)
    for turn in range(20):
        committed = await store.execute(RenameGood("t", "1", f"lamp {turn}"), ANYBODY)
        assert await applied.settled(committed.epoch, committed.pos) == []
        assert names.names == {"1": f"lamp {turn}"}
    await stop()
    committed = await store.execute(RenameGood("t", "1", "dark"), ANYBODY)
    behind = await applied.settled(committed.epoch, committed.pos)
    assert [who.split("/")[0] for who in behind] == ["tests"], "it is named"
    assert committed.pos == await head_of(store)
