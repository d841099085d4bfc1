"""A read model filled anew: equal is swapped, different is told, and the live one goes on meanwhile."""

import asyncio

import pytest

from libs.bus import Bus
from libs.eventstore import EventStore, Follower
from libs.eventstore.rebuild import Rebuilt, rebuild
from libs.postgres import Database, Locks
from libs.telemetry.readiness import Readiness
from tests.conftest import Background, OpenDatabase, eventually
from tests.libs.eventstore.conftest import MakeRelay
from tests.libs.eventstore.shop import ANYBODY, SHELF, RegisterGood, RenameGood, head_of
from tests.libs.eventstore.test_following import is_level, position, shelf
from tests.servers import Addresses


@pytest.fixture
async def followed(
    store: EventStore, bus: Bus, locks: Locks, readiness: Readiness, background: Background, relay: MakeRelay
) -> EventStore:
    relay()
    follower = Follower(SHELF, store.database, bus, locks, readiness)
    await follower.prepare()
    background(follower.run())
    for number in range(10):
        await store.execute(RegisterGood("t", str(number), f"good {number}"), ANYBODY)
    await store.execute(RenameGood("t", "7", "seven", times=1200), ANYBODY)

    async def has_all() -> bool:
        return (await position(store.database))[0] == await head_of(store)

    await eventually(has_all)
    return store


async def test_an_equal_one_is_swapped_and_followed_on(followed: EventStore, bus: Bus) -> None:
    for _ in range(2):
        assert await rebuild(SHELF, followed.database, bus) == Rebuilt(1210, 0, is_swapped=True)
    await followed.execute(RenameGood("t", "1", "x"), ANYBODY)
    await eventually(lambda: is_level(followed))


async def test_a_different_one_is_told_and_swapped_only_when_that_is_accepted(followed: EventStore, bus: Bus) -> None:
    async with followed.database.transaction() as rows:
        await rows.execute("UPDATE shelf_v1 SET name = 'other' WHERE id = '7'")
    assert await rebuild(SHELF, followed.database, bus) == Rebuilt(1210, 2, is_swapped=False)
    assert (await shelf(followed.database))["7"] == ("other", 1201)
    assert await rebuild(SHELF, followed.database, bus, accept_difference=True) == Rebuilt(1210, 2, is_swapped=True)
    assert (await shelf(followed.database))["7"] == ("seven", 1201)


async def test_it_rebuilds_under_load_and_loses_nothing(followed: EventStore, bus: Bus) -> None:
    async def write() -> None:
        for turn in range(60):
            await followed.execute(RenameGood("t", str(turn % 10), f"turn {turn}", times=3), ANYBODY)

    writing = asyncio.ensure_future(write())
    for _ in range(3):
        outcome = await rebuild(SHELF, followed.database, bus)
        assert (outcome.differences, outcome.is_swapped) == (0, True)
    await writing
    await eventually(lambda: is_level(followed))


async def test_two_at_once_take_turns(followed: EventStore, bus: Bus) -> None:
    outcomes = await asyncio.gather(*(rebuild(SHELF, followed.database, bus) for _ in range(2)))
    assert [outcome.is_swapped for outcome in outcomes] == [True, True]


async def test_an_operators_rebuild_leaves_the_table_to_the_service(
    followed: EventStore, bus: Bus, addresses: Addresses, open_database: OpenDatabase
) -> None:
    operator: Database = await open_database(addresses.operator, "shop")
    assert (await rebuild(SHELF, operator, bus)).is_swapped
    await followed.execute(RenameGood("t", "1", "x"), ANYBODY)
    await eventually(lambda: is_level(followed))
