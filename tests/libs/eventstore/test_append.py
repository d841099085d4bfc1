"""Positions: gapless, in commit order, whatever races, fails or is paused beside them."""

import asyncio
import random
import time

import pytest

from libs.bus import Bus
from libs.eventstore import BatchWriter, EventStore, EventTooLarge
from libs.eventstore.deciding import HasTenant
from libs.postgres import AlreadyThere, Database, DatabaseAway, OutcomeUnknown
from libs.runtime.errors import Unavailable
from tests.conftest import Background, OpenDatabase
from tests.doubles.wire import wire_to
from tests.libs.eventstore.shop import (
    ANYBODY,
    CATALOGUE,
    HANDLERS,
    SELL,
    Refusal,
    RegisterGood,
    RenameGood,
    Sale,
    SellGood,
    Unknown,
    head_of,
    log_of,
    sale_arguments,
)
from tests.servers import Addresses


@pytest.mark.parametrize("seed", range(3))
async def test_positions_are_gapless_and_in_commit_order_under_racing_writers(
    seed: int, addresses: Addresses, open_database: OpenDatabase, bus: Bus, background: Background
) -> None:
    stores = [EventStore(await open_database(addresses.of["shop"]), CATALOGUE, bus, HANDLERS) for _ in range(3)]
    chance = random.Random(seed)
    seen: list[list[int]] = []

    async def watch() -> None:
        """Whoever reads must never see a position before all smaller ones."""
        while True:
            async with stores[0].database.connection() as rows:
                seen.append([row["pos"] for row in await rows.fetch("SELECT pos FROM facts ORDER BY pos")])
            await asyncio.sleep(0.005)

    async def write(number: int) -> None:
        store = stores[number % 3]
        for turn in range(12):
            good = str(chance.randrange(6))
            commands: list[HasTenant] = [
                RegisterGood("t", good, f"good {good}"),
                RegisterGood("t", f"never {number} {turn}", "x", fails=True),
                RenameGood("t", good, f"{number} {turn}", times=chance.randrange(1, 4)),
                SellGood("t", good),
            ]
            try:
                await store.execute(chance.choice(commands), ANYBODY)
            except (Unavailable, Unknown, Refusal):
                continue

    writer = BatchWriter(stores[1], SELL, sale_arguments)
    background(writer.run())
    stop = background(watch())
    await stores[0].execute(RegisterGood("t", "batch", "batch"), ANYBODY)

    async def sell() -> None:
        for _ in range(20):
            soon = time.monotonic() + 5
            batch = [writer.write(Sale("batch", chance.choice([1, 2])), deadline=soon) for _ in range(5)]
            await asyncio.gather(*batch)

    await asyncio.gather(*(write(number) for number in range(12)), sell())
    await stop()
    for log in ("facts", "activity"):
        positions = [pos for pos, _, _ in await log_of(stores[0], log)]
        assert positions == list(range(1, len(positions) + 1))
        assert len(positions) == await head_of(stores[0], log)
    assert all(positions == list(range(1, len(positions) + 1)) for positions in seen)
    async with stores[0].database.connection() as rows:
        times = await rows.fetch(
            "SELECT stream, array_agg(version ORDER BY pos) AS versions FROM facts GROUP BY stream"
        )
    assert all(row["versions"] == list(range(1, len(row["versions"]) + 1)) for row in times)


async def test_racing_for_one_stream_decides_again(store: EventStore) -> None:
    committed = await asyncio.gather(
        *(store.execute(RegisterGood("t", "1", f"name {number}"), ANYBODY) for number in range(4))
    )
    assert sum(len(each.events) for each in committed) == 1, "the others saw that it is registered"
    assert await head_of(store) == 1


async def test_a_taken_name_is_refused_and_not_taken_for_a_lost_race(store: EventStore) -> None:
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    with pytest.raises(AlreadyThere) as refusal:
        await store.execute(RegisterGood("t", "2", "lamp"), ANYBODY)
    assert refusal.value.constraint == "goods_name"
    assert await head_of(store) == 1


async def test_an_over_size_event_is_refused_and_nothing_is_written(store: EventStore) -> None:
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    with pytest.raises(EventTooLarge):
        await store.execute(RenameGood("t", "1", "x" * 65536), ANYBODY)
    with pytest.raises(EventTooLarge):
        await store.execute(SellGood("t", "1", "x" * 65536), ANYBODY)
    assert (await head_of(store), await head_of(store, "activity")) == (1, 0)
    await store.execute(RenameGood("t", "1", "x" * 65000), ANYBODY)
    assert await head_of(store) == 2


@pytest.mark.parametrize(
    "name", ["it's", "''; DROP TABLE facts; --", "{events}", "\\'", "$1", "ä\u2028\U0001f600", '"']
)
async def test_any_text_is_only_text(store: EventStore, name: str) -> None:
    await store.execute(RegisterGood("t", "1", name), ANYBODY)
    assert await log_of(store) == [(1, "shop.good_registered", {"id": "1", "name": name})]


async def test_nobody_holds_the_head_while_a_client_thinks(
    addresses: Addresses, open_database: OpenDatabase, database: Database, bus: Bus
) -> None:
    """A client paused before any of its statements stops no other writer."""
    other = EventStore(database, CATALOGUE, bus, HANDLERS)
    async with wire_to(addresses.of["shop"]) as wire:
        for turn, word in enumerate(
            (b"BEGIN", b"advisory", b"FROM goods", b"clock_timestamp()", b"INTO goods", b"append_facts")
        ):
            # A connection of its own, because a statement's text is said once per connection.
            paused = EventStore(await open_database(wire.url(addresses.of["shop"])), CATALOGUE, bus, HANDLERS)
            wire.hold_at(word)
            running = asyncio.ensure_future(paused.execute(RegisterGood("t", f"p{turn}", f"p{turn}"), ANYBODY))
            await asyncio.wait_for(wire.held.wait(), 2)
            began = time.monotonic()
            await other.execute(RegisterGood("t", f"o{turn}", f"o{turn}"), ANYBODY)
            assert time.monotonic() - began < 0.5, word
            wire.release()
            await running
    assert await head_of(other) == 12


@pytest.mark.parametrize("heard", [False, True])
async def test_an_append_cut_at_its_commit_is_unknown_and_not_run_again(
    addresses: Addresses, open_database: OpenDatabase, store: EventStore, bus: Bus, *, heard: bool
) -> None:
    async with wire_to(addresses.of["shop"]) as wire:
        cut = EventStore(await open_database(wire.url(addresses.of["shop"])), CATALOGUE, bus, HANDLERS)
        wire.cut_at(b"append_facts", heard=heard)
        with pytest.raises(OutcomeUnknown):
            await cut.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
        assert wire.cuts == 1
    assert await head_of(store) == int(heard)


async def test_what_is_committed_is_answered_even_if_the_database_goes_right_after(
    addresses: Addresses, open_database: OpenDatabase, store: EventStore, bus: Bus
) -> None:
    async with wire_to(addresses.of["shop"]) as wire:
        cut = EventStore(await open_database(wire.url(addresses.of["shop"])), CATALOGUE, bus, HANDLERS)
        wire.cut_at(b"head.epoch, facts.pos")
        committed = await cut.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
        assert (len(committed.events), committed.pos) == (1, 0)
    assert await head_of(store) == 1


async def test_a_halted_log_takes_nothing(store: EventStore) -> None:
    store.halt("restore it")
    with pytest.raises(Unavailable, match="restore it"):
        await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)


async def test_a_row_held_too_long_is_unavailable(store: EventStore, background: Background) -> None:
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    is_held = asyncio.Event()

    async def hold() -> None:
        async with store.database.transaction() as rows:
            await rows.execute("SELECT 1 FROM goods FOR UPDATE")
            is_held.set()
            await rows.execute("SELECT pg_sleep(3)")

    background(hold())
    await is_held.wait()
    with pytest.raises(DatabaseAway):
        await store.execute(RenameGood("t", "1", "x"), ANYBODY)
    assert await head_of(store) == 1
