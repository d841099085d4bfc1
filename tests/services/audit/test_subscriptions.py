"""The durable consumers of subscribers: made, remembered, made anew where the bus has forgotten, deleted."""

from collections.abc import Awaitable, Callable

import pytest

from libs.bus import Bus, BusError, Durables, Outgoing, Streams
from libs.eventstore import Context, EventStore
from libs.eventstore.names import FEED_STREAM
from libs.eventstore.verify import folds
from libs.postgres import Database, Locks
from services.audit import queries
from services.audit.app import AGGREGATES, COMMANDS
from services.audit.commands import AddSubscriber, RemoveSubscriber
from services.audit.events import CATALOGUE
from services.audit.sinks.subscriptions import Subscriptions
from tests.conftest import Background, OpenBus, eventually
from tests.servers import Addresses, NatsServer

ANYBODY = Context()
NAME = "billing"


@pytest.fixture
def store(database: Database, bus: Bus) -> EventStore:
    return EventStore(database, CATALOGUE, bus, COMMANDS)


@pytest.fixture
def durables(bus: Bus) -> Durables:
    return Durables(bus, FEED_STREAM)


@pytest.fixture
def subscriptions(database: Database, bus: Bus) -> Subscriptions:
    return Subscriptions(database, bus)


async def filled(bus: Bus, first: int, last: int, *, subject: str = "auth.v1.t.good.x.sold") -> None:
    """The feed's stream, with events from `first` to `last`."""
    streams = Streams(bus)
    if await streams.state(FEED_STREAM) is None:
        await streams.create(FEED_STREAM, ["auth.v1.>"], first=first)
    await streams.append([Outgoing(subject, b"{}", {}) for _ in range(first, last + 1)], expected_last=first - 1)


async def added(store: EventStore, *, start: int = 1, events: str = "auth.v1.>") -> None:
    await store.execute(AddSubscriber(name=NAME, events=events, start=start), ANYBODY)


Pulled = Callable[[int], Awaitable[list[int]]]


@pytest.fixture
def pulled(open_bus: OpenBus) -> Pulled:
    """Pulls and acknowledges so many, with plain nats-py; their positions."""

    async def pull(count: int) -> list[int]:
        bus = await open_bus()
        client = bus._client
        events = await client.jetstream().pull_subscribe_bind(NAME, FEED_STREAM)
        found: list[int] = []
        while len(found) < count:
            for event in await events.fetch(count - len(found), timeout=5):
                await event.ack_sync()
                found.append(event.metadata.sequence.stream)
        return found

    return pull


async def acked(database: Database) -> int:
    row = await queries.subscriber(database, NAME)
    assert row is not None
    return row.acked


async def test_a_consumer_is_made_where_it_begins_and_what_it_acknowledged_is_kept(
    store: EventStore, bus: Bus, subscriptions: Subscriptions, pulled: Pulled, database: Database
) -> None:
    await filled(bus, 1, 10)
    await added(store, start=4)
    await subscriptions.round()
    assert await pulled(3) == [4, 5, 6]
    await subscriptions.round()
    assert await acked(database) == 6


async def test_a_consumer_that_the_bus_forgot_goes_on_behind_what_was_acknowledged(
    store: EventStore, bus: Bus, subscriptions: Subscriptions, pulled: Pulled, durables: Durables
) -> None:
    await filled(bus, 1, 10)
    await added(store)
    await subscriptions.round()
    assert await pulled(4) == [1, 2, 3, 4]
    await subscriptions.round()
    await durables.delete(NAME)
    await subscriptions.round()
    assert await pulled(6) == [5, 6, 7, 8, 9, 10]


async def test_a_server_that_died_keeps_no_consumer(
    store: EventStore, bus: Bus, subscriptions: Subscriptions, durables: Durables, nats: NatsServer,
    background: Background, addresses: Addresses, pulled: Pulled,
) -> None:  # fmt: skip
    """Its memory of what was on its way would let later events go first."""
    await filled(bus, 1, 6)
    await added(store)
    locks = Locks(addresses.of["audit"], "x")
    stop = background(subscriptions.run(locks))
    await eventually(lambda: is_there(durables))
    assert await pulled(2) == [1, 2]
    await eventually(lambda: has_acked(store.database, 2))
    nats.kill()
    nats.start()
    await eventually(lambda: bus.is_connected, within=10)
    await eventually(lambda: is_there(durables), within=10)
    assert await pulled(4) == [3, 4, 5, 6]
    await stop()
    await locks.close()


async def is_there(durables: Durables) -> bool:
    try:
        return await durables.state(NAME) is not None
    except BusError:
        return False


async def has_acked(database: Database, pos: int) -> bool:
    return await acked(database) == pos


async def test_a_stream_that_comes_back_later_is_waited_for(
    store: EventStore, bus: Bus, subscriptions: Subscriptions, pulled: Pulled
) -> None:
    await added(store, start=3)
    await subscriptions.round()
    await filled(bus, 1, 2)
    await subscriptions.round()
    await filled(bus, 3, 4)
    assert await pulled(2) == [3, 4]


async def test_what_is_remembered_never_goes_back(
    store: EventStore, bus: Bus, subscriptions: Subscriptions, database: Database, durables: Durables
) -> None:
    await filled(bus, 1, 5)
    await added(store)
    await subscriptions.round()
    await queries.note_acknowledged(database, NAME, 4)
    await queries.note_acknowledged(database, NAME, 2)
    assert await acked(database) == 4
    await durables.delete(NAME)
    await subscriptions.round()
    state = await durables.state(NAME)
    assert state is not None
    assert (state.acked, state.pending) == (4, 1)


async def test_a_removed_one_has_no_consumer_and_comes_back_as_a_new_one(
    store: EventStore, bus: Bus, subscriptions: Subscriptions, durables: Durables, pulled: Pulled
) -> None:
    await filled(bus, 1, 5)
    await added(store)
    await subscriptions.round()
    assert await pulled(3) == [1, 2, 3]
    await subscriptions.round()
    await store.execute(RemoveSubscriber(name=NAME), ANYBODY)
    await subscriptions.round()
    assert await durables.state(NAME) is None
    await added(store, start=2, events="auth.v1.t.>")
    await subscriptions.round()
    assert await pulled(2) == [2, 3]


async def test_the_backlog_counts_what_the_filter_lets_through_and_the_lag_its_oldest(
    store: EventStore, bus: Bus, subscriptions: Subscriptions, database: Database
) -> None:
    await filled(bus, 1, 3, subject="auth.v1.t.other.x.sold")
    await filled(bus, 4, 5)
    await added(store, events="auth.v1.*.good.>")
    row = await queries.subscriber(database, NAME)
    assert row is not None
    state = await subscriptions.tend(row)
    assert state is not None
    assert (state.pending, state.unacknowledged) == (2, 0)
    assert 0 < await subscriptions.lag(row, state) < 5


async def test_rows_are_as_their_facts_say(store: EventStore, database: Database) -> None:
    await added(store)
    await store.execute(RemoveSubscriber(name=NAME), ANYBODY)
    await added(store, start=9)
    async with database.connection() as rows, rows.transaction():
        assert await folds(rows, CATALOGUE, AGGREGATES[0]) == (1, [])
        await rows.execute("UPDATE subscribers SET start = 3")
        _, findings = await folds(rows, CATALOGUE, AGGREGATES[0])
    assert len(findings) == 1
