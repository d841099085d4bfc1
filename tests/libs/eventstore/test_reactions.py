"""Reactions: each event's command exactly once, never again by a rebuild, a repeat or a death."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from libs.bus import Bus
from libs.eventstore import Envelope, EventStore, Reaction, Reactor
from libs.eventstore.checkpoints import read_checkpoint, skip
from libs.eventstore.deciding import HasTenant
from libs.postgres import Locks
from libs.telemetry.readiness import Readiness
from tests.conftest import Background, OpenDatabase, eventually
from tests.doubles.wire import wire_to
from tests.libs.eventstore.conftest import MakeRelay, Mirrored
from tests.libs.eventstore.shop import (
    ANYBODY,
    CATALOGUE,
    HANDLERS,
    POISON,
    GoodRegistered,
    RegisterGood,
    RenameGood,
    SellGood,
    head_of,
    log_of,
)
from tests.servers import Addresses


async def sell_once(envelope: Envelope, event: GoodRegistered) -> HasTenant | None:
    if event.name == POISON:
        raise ValueError(event.name)
    return SellGood(envelope.tenant, event.id) if event.name != "unsold" else None


async def rename_it(envelope: Envelope, event: GoodRegistered) -> HasTenant:
    return RenameGood(envelope.tenant, event.id, f"{event.name}!", times=2)


SELLS = Reaction("sells", CATALOGUE, {GoodRegistered: sell_once}, from_start=True)
TOGETHER = Reaction("sells", CATALOGUE, SELLS.reacts, from_start=True, together=frozenset({GoodRegistered}))
RENAMES = Reaction("renames", CATALOGUE, {GoodRegistered: rename_it}, from_start=True)

React = Callable[..., Awaitable[Callable[[], Awaitable[None]]]]


@pytest.fixture
def react(store: EventStore, bus: Bus, locks: Locks, readiness: Readiness, background: Background) -> React:
    async def start(reaction: Reaction = SELLS) -> Callable[[], Awaitable[None]]:
        reactor = Reactor(reaction, store, bus, locks, readiness)
        await reactor.prepare()
        return background(reactor.run())

    return start


async def sold(store: EventStore) -> list[str]:
    return [data["good"] for _, _, data in await log_of(store, "activity")]


async def test_each_event_causes_its_command_once(store: EventStore, react: React, relay: MakeRelay) -> None:
    relay()
    await react()
    for number in range(5):
        await store.execute(RegisterGood("t", str(number), f"good {number}"), ANYBODY)
    await store.execute(RegisterGood("t", "u", "unsold"), ANYBODY)

    async def is_done() -> bool:
        async with store.database.connection() as rows:
            return (await read_checkpoint(rows, "sells")).pos == 6

    await eventually(is_done)
    assert await sold(store) == list("01234")


async def test_events_that_share_a_transaction_cause_the_same_and_one_by_one_where_one_is_poison(
    store: EventStore, react: React, relay: MakeRelay, mirrored: Mirrored, readiness: Readiness
) -> None:
    relay()
    for number, name in enumerate(["lamp", "chair", "unsold", "table", POISON, "shelf"]):
        await store.execute(RegisterGood("t", str(number), name), ANYBODY)
    await mirrored()
    await react(TOGETHER)
    await eventually(lambda: "reaction sells" in readiness.missing())
    assert await sold(store) == ["0", "1", "3"]
    async with store.database.connection() as rows:
        assert (await read_checkpoint(rows, "sells")).pos == 4
    async with store.database.transaction() as rows:
        await skip(rows, "shop", "sells")

    async def is_done() -> bool:
        return await sold(store) == ["0", "1", "3", "5"]

    await eventually(is_done)


async def test_a_new_reaction_begins_at_the_head(
    store: EventStore, react: React, relay: MakeRelay, mirrored: Mirrored
) -> None:
    relay()
    await store.execute(RegisterGood("t", "old", "old"), ANYBODY)
    await mirrored()
    await react(Reaction("sells", CATALOGUE, {GoodRegistered: sell_once}))
    await store.execute(RegisterGood("t", "new", "new"), ANYBODY)

    async def is_done() -> bool:
        return bool(await sold(store))

    await eventually(is_done)
    assert await sold(store) == ["new"]


async def test_a_repeat_by_hand_changes_nothing(store: EventStore, react: React, relay: MakeRelay) -> None:
    relay()
    stop = await react(RENAMES)
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)

    async def is_renamed() -> bool:
        return await head_of(store) == 3

    await eventually(is_renamed)
    await stop()
    async with store.database.transaction() as rows:
        await rows.execute("UPDATE checkpoints SET pos = 0")
    await react(RENAMES)

    async def is_through() -> bool:
        async with store.database.connection() as rows:
            return (await read_checkpoint(rows, "renames")).pos == 3

    await eventually(is_through)
    assert await head_of(store) == 3


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("reaction", [SELLS, TOGETHER], ids=["one by one", "together"])
@pytest.mark.parametrize("word", [b"FROM goods", b"UPDATE checkpoints", b"SELECT append_"])
async def test_a_reactor_cut_at_any_statement_causes_each_command_once(
    addresses: Addresses, open_database: OpenDatabase, store: EventStore, bus: Bus, locks: Locks, relay: MakeRelay,
    readiness: Readiness, background: Background, word: bytes, reaction: Reaction, *, heard: bool
) -> None:  # fmt: skip
    relay()
    for number in range(5):
        await store.execute(RegisterGood("t", str(number), f"good {number}"), ANYBODY)
    async with wire_to(addresses.of["shop"]) as wire:
        through = EventStore(await open_database(wire.url(addresses.of["shop"])), CATALOGUE, bus, HANDLERS)
        reactor = Reactor(reaction, through, bus, locks, readiness)
        await reactor.prepare()
        wire.cut_at(word, heard=heard)
        background(reactor.run())

        async def is_done() -> bool:
            async with store.database.connection() as rows:
                return wire.cuts == 1 and (await read_checkpoint(rows, "sells")).pos == 5

        await eventually(is_done, within=8)
    assert await sold(store) == list("01234")


async def test_a_poison_event_halts_a_reaction_and_a_skip_goes_past_it(
    store: EventStore, react: React, relay: MakeRelay, readiness: Readiness
) -> None:
    relay()
    await react()
    await store.execute(RegisterGood("t", "1", POISON), ANYBODY)
    await store.execute(RegisterGood("t", "2", "lamp"), ANYBODY)
    await eventually(lambda: "reaction sells" in readiness.missing())
    assert await sold(store) == []
    async with store.database.transaction() as rows:
        await skip(rows, "shop", "sells")

    async def is_done() -> bool:
        return await sold(store) == ["2"]

    await eventually(is_done)
    await eventually(lambda: readiness.is_ready)
    await asyncio.sleep(0)
