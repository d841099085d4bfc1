"""A batch makes the rows that its events make one by one, and a poison event in it halts where it stands."""

import random

import pytest

from libs.bus import Bus
from libs.eventstore import Event, EventStore, Follower, Projection
from libs.eventstore.rebuild import Rebuilt, rebuild
from libs.postgres import Database, Locks
from libs.telemetry.readiness import Readiness
from tests.batches import difference
from tests.conftest import Background, eventually
from tests.libs.eventstore.conftest import MakeRelay
from tests.libs.eventstore.shop import (
    ANYBODY,
    POISON,
    STOCK,
    TAKINGS,
    GoodRegistered,
    GoodRenamed,
    GoodSold,
    RegisterGood,
    RenameGood,
    SellGood,
    head_of,
)
from tests.libs.eventstore.test_following import position


def some_event(chance: random.Random) -> tuple[str, Event]:
    good, name = str(chance.randrange(12)), f"name {chance.randrange(100)}"
    kinds: tuple[Event, ...] = (
        GoodRegistered(id=good, name=name),
        GoodRenamed(id=good, name=name),
        GoodSold(good=good),
    )
    return "t", chance.choice(kinds)


@pytest.mark.parametrize("projection", [STOCK, TAKINGS], ids=["folded", "one statement"])
@pytest.mark.parametrize("seed", range(4))
async def test_a_batch_makes_the_rows_of_its_events_one_by_one(
    database: Database, projection: Projection, seed: int
) -> None:
    chance = random.Random(seed)
    happened = [some_event(chance) for _ in range(250)]
    assert await difference(projection, database, happened, chance) == (12, 0)


async def test_a_batched_projection_is_followed_and_rebuilt_alike(
    store: EventStore, bus: Bus, locks: Locks, readiness: Readiness, background: Background, relay: MakeRelay
) -> None:
    relay("activity")
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    for _ in range(30):
        await store.execute(SellGood("t", "1"), ANYBODY)
    follower = Follower(TAKINGS, store.database, bus, locks, readiness)
    await follower.prepare()
    background(follower.run())

    async def has_all() -> bool:
        return (await position(store.database, TAKINGS.name))[0] == await head_of(store, "activity")

    await eventually(has_all)
    async with store.database.connection() as rows:
        assert await rows.fetchval("SELECT sold FROM takings_v1 WHERE good = '1'") == 30
    assert await rebuild(TAKINGS, store.database, bus) == Rebuilt(30, 0, is_swapped=True)


async def test_a_poison_event_in_a_batch_halts_where_it_stands(
    store: EventStore, bus: Bus, locks: Locks, readiness: Readiness, background: Background, relay: MakeRelay
) -> None:
    for good, name in (("1", "lamp"), ("2", "table"), ("3", POISON), ("4", "chair")):
        await store.execute(RegisterGood("t", good, name), ANYBODY)
    await store.execute(RenameGood("t", "1", "lantern"), ANYBODY)
    follower = Follower(STOCK, store.database, bus, locks, readiness)
    await follower.prepare()
    background(follower.run())
    relay()

    async def is_halted() -> bool:
        return await position(store.database, STOCK.name) == (2, "the event at 3: ValueError('poison')")

    await eventually(is_halted)
    async with store.database.connection() as rows:
        assert [row["id"] for row in await rows.fetch("SELECT id FROM stock_v1 ORDER BY id")] == ["1", "2"]
