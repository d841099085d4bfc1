"""The feeder: what is public of another log, once, in order, whatever moves under it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from libs.bus import Bus, Reader, Streams
from libs.eventstore import Envelope, Event, EventStore, Relay
from libs.eventstore.feeding import Feeder, Public, Publish
from libs.eventstore.forms import FORMS
from libs.eventstore.names import ACTIVITY, FACTS, FEED, FEED_STREAM, stream_of
from libs.postgres import Database, Locks
from libs.telemetry.readiness import Readiness
from services.audit.events import CATALOGUE
from tests.conftest import Background, MakeDatabase, OpenDatabase, eventually
from tests.libs.eventstore import shop
from tests.libs.eventstore.shop import ANYBODY, GoodRegistered, GoodSold, RegisterGood, RenameGood, SellGood
from tests.servers import Addresses
from tests.services.audit.conftest import MIGRATIONS


def publish(name: str, field: str) -> Publish:
    """Publishes an event under a name; one of the good `secret` is nobody's business."""

    def public(_: Envelope, event: Any) -> Public | None:
        key = getattr(event, field)
        if key == "secret":
            return None
        return Public(name, 1, key, msgspec.json.encode(event), None, None, None)

    return public


PUBLISHES: dict[str, dict[type[Event], Publish]] = {
    FACTS: {GoodRegistered: publish("good.registered", "id")},
    ACTIVITY: {GoodSold: publish("good.sold", "good")},
}


@pytest.fixture
async def addresses(make_database: MakeDatabase) -> Addresses:
    return await make_database(shop=shop.MIGRATIONS, audit=MIGRATIONS)


@pytest.fixture
async def database(addresses: Addresses, open_database: OpenDatabase) -> Database:
    return await open_database(addresses.of["audit"], "audit")


OpenLocks = Callable[..., Locks]


@pytest.fixture
async def locks(addresses: Addresses) -> AsyncIterator[OpenLocks]:
    """Opens locks of another process of a service."""
    async with AsyncExitStack() as at_end:

        def opened(service: str = "audit") -> Locks:
            made = Locks(addresses.of[service], service)
            at_end.push_async_callback(made.close)
            return made

        yield opened


@pytest.fixture
async def selling(
    addresses: Addresses, open_database: OpenDatabase, bus: Bus, readiness: Readiness, locks: OpenLocks,
    background: Background,
) -> EventStore:  # fmt: skip
    """The shop, with both of its logs mirrored."""
    store = EventStore(await open_database(addresses.of["shop"], "shop"), shop.CATALOGUE, bus, shop.HANDLERS)
    own = locks("shop")
    for log in (FACTS, ACTIVITY):
        background(Relay(store, bus, own, readiness, log=log).run())
    return store


@pytest.fixture
def feed(database: Database, bus: Bus) -> EventStore:
    return EventStore(database, CATALOGUE, bus, {})


Feed = Callable[..., Awaitable[Callable[[], Awaitable[None]]]]


@pytest.fixture
def feeding(feed: EventStore, bus: Bus, readiness: Readiness, locks: OpenLocks, background: Background) -> Feed:
    """Starts a feeder with locks of its own."""

    async def start(log: str = FACTS) -> Callable[[], Awaitable[None]]:
        feeder = Feeder(shop.CATALOGUE, log, PUBLISHES[log], feed, bus, locks(), readiness)
        await feeder.prepare()
        return background(feeder.run())

    return start


async def fed(database: Database) -> list[tuple[int, str, str]]:
    async with database.connection() as rows:
        found = await rows.fetch("SELECT pos, type, entity FROM feed ORDER BY pos")
    return [(row["pos"], row["type"], row["entity"]) for row in found]


async def checkpoint(database: Database, log: str = FACTS) -> int:
    async with database.connection() as rows:
        pos: int = await rows.fetchval(
            "SELECT pos FROM checkpoints WHERE name = $1", f"feed_{stream_of('shop', log).lower()}"
        )
    return pos


async def sold(store: EventStore, count: int) -> None:
    """So many sales, of a good each, which is registered if it has to be."""
    for number in range(count):
        try:
            await store.execute(SellGood("t", f"g{number}"), ANYBODY)
        except shop.Unknown:
            await store.execute(RegisterGood("t", f"g{number}", f"G{number}"), ANYBODY)
            await store.execute(SellGood("t", f"g{number}"), ANYBODY)


async def test_what_is_public_is_appended_in_order_and_the_rest_passed_over(
    selling: EventStore, feeding: Feed, database: Database
) -> None:
    await feeding()
    for good in ("a", "secret", "b"):
        await selling.execute(RegisterGood("t", good, good.upper()), ANYBODY)
        await selling.execute(RenameGood("t", good, f"{good} again"), ANYBODY)
    await eventually(lambda: checkpoint_is(database, 6))
    assert await fed(database) == [(1, "good.registered", "a"), (2, "good.registered", "b")]
    async with database.connection() as rows:
        (row,) = await rows.fetch("SELECT f.*, h.pos AS head FROM feed f, head h WHERE f.pos = 1 AND h.log = 'feed'")
    (original, *_) = await shop.log_of(selling)
    assert (row["tenant"], row["source"], row["head"]) == ("t", "shop", 2)
    assert msgspec.json.decode(row["data"]) == original[2]
    assert msgspec.json.decode(row["meta"])["request_id"] == "r1"


async def checkpoint_is(database: Database, pos: int, log: str = FACTS) -> bool:
    return await checkpoint(database, log) == pos


async def test_two_logs_share_one_sequence_without_gaps(selling: EventStore, feeding: Feed, database: Database) -> None:
    await feeding(FACTS)
    await feeding(ACTIVITY)
    for number in range(10):
        await selling.execute(RegisterGood("t", f"g{number}", f"G{number}"), ANYBODY)
        await selling.execute(SellGood("t", f"g{number}"), ANYBODY)
    await eventually(lambda: checkpoint_is(database, 10))
    await eventually(lambda: checkpoint_is(database, 10, ACTIVITY))
    found = await fed(database)
    assert [pos for pos, _, _ in found] == list(range(1, 21))
    registered = [entity for _, name, entity in found if name == "good.registered"]
    assert registered == [f"g{number}" for number in range(10)]


async def test_two_that_both_lead_publish_each_event_once(
    selling: EventStore, feed: EventStore, bus: Bus, database: Database, readiness: Readiness, background: Background,
    locks: OpenLocks,
) -> None:  # fmt: skip
    """As when a leader was paused and woke up: both read, and the checkpoint decides who appends."""
    both = [Feeder(shop.CATALOGUE, ACTIVITY, PUBLISHES[ACTIVITY], feed, bus, locks(), readiness) for _ in range(2)]
    await both[0].prepare()
    for feeder in both:
        background(feeder._lead())
    await sold(selling, 60)
    await eventually(lambda: checkpoint_is(database, 60, ACTIVITY), within=20)
    assert [entity for _, _, entity in await fed(database)] == [f"g{number}" for number in range(60)]


async def test_it_goes_on_where_it_was(selling: EventStore, feeding: Feed, database: Database) -> None:
    stop = await feeding(ACTIVITY)
    await sold(selling, 3)
    await eventually(lambda: checkpoint_is(database, 3, ACTIVITY))
    await stop()
    await sold(selling, 3)
    await feeding(ACTIVITY)
    await eventually(lambda: checkpoint_is(database, 6, ACTIVITY))
    assert len(await fed(database)) == 6


async def test_activity_that_is_gone_is_recorded_and_passed_over(
    selling: EventStore, feeding: Feed, database: Database, bus: Bus
) -> None:
    await sold(selling, 5)
    streams = Streams(bus)
    await eventually(lambda: is_mirrored(streams, 5))
    await streams.purge(stream_of("shop", ACTIVITY), up_to=4)
    await feeding(ACTIVITY)
    await eventually(lambda: checkpoint_is(database, 5, ACTIVITY))
    assert [entity for _, _, entity in await fed(database)] == ["g3", "g4"]
    async with database.connection() as rows:
        assert await rows.fetchval("SELECT count(*) FROM facts WHERE type = 'audit.activity_missed'") == 1


async def is_mirrored(streams: Streams, pos: int) -> bool:
    state = await streams.state(stream_of("shop", ACTIVITY))
    return state is not None and state.last == pos


async def test_nothing_is_appended_while_the_feed_and_its_mirror_disagree(
    selling: EventStore, feeding: Feed, feed: EventStore, database: Database
) -> None:
    feed.halt("the mirror disagrees")
    await feeding(ACTIVITY)
    await sold(selling, 3)
    await asyncio.sleep(1.0)
    assert await fed(database) == []
    feed.halted = None
    await eventually(lambda: checkpoint_is(database, 3, ACTIVITY))


async def test_a_source_of_a_later_epoch_is_not_followed_by_itself(
    selling: EventStore, feeding: Feed, database: Database
) -> None:
    """`limen restored` brings the checkpoint along: only it knows what was published of what is lost."""
    stop = await feeding(ACTIVITY)
    await sold(selling, 2)
    await eventually(lambda: checkpoint_is(database, 2, ACTIVITY))
    await stop()
    async with database.connection() as rows:
        await rows.execute("UPDATE checkpoints SET epoch = -1 WHERE source = 'ACT_SHOP_0'")
    await feeding(ACTIVITY)
    await sold(selling, 2)
    await asyncio.sleep(1.0)
    assert len(await fed(database)) == 2
    async with database.connection() as rows:
        await rows.execute("UPDATE checkpoints SET epoch = 1 WHERE source = 'ACT_SHOP_0'")
    await eventually(lambda: checkpoint_is(database, 4, ACTIVITY))
    assert len(await fed(database)) == 4


async def test_the_feed_is_mirrored_as_cloud_events_at_its_positions(
    selling: EventStore, feeding: Feed, feed: EventStore, bus: Bus, readiness: Readiness, background: Background,
    locks: OpenLocks, database: Database,
) -> None:  # fmt: skip
    background(Relay(feed, bus, locks(), readiness, log=FEED).run())
    await feeding(ACTIVITY)
    await sold(selling, 4)
    await eventually(lambda: checkpoint_is(database, 4, ACTIVITY))
    streams = Streams(bus)

    async def is_level() -> bool:
        state = await streams.state(FEED_STREAM)
        return state is not None and state.last == 4

    await eventually(is_level)
    async with Reader(bus, FEED_STREAM, start=1) as reader:
        heard = await reader.fetch(4, wait=5)
    async with database.connection() as rows:
        ids = [row["id"] for row in await rows.fetch("SELECT id FROM feed ORDER BY pos")]
    assert [FORMS[FEED].identity(each) for each in heard] == [(each, 1) for each in ids]
    assert [each.headers["ce-sequence"] for each in heard] == ["1", "2", "3", "4"]
    assert heard[0].headers["ce-source"] == "urn:limen:shop"
    assert heard[0].headers["ce-type"] == "auth.v1.good.sold"
