"""The made-up shop on a database and a bus of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import pytest

from libs.bus import Bus, Streams
from libs.eventstore import EventStore, Relay
from libs.eventstore.names import stream_of
from libs.postgres import Database, Locks
from libs.telemetry.readiness import Readiness
from tests.conftest import Background, MakeDatabase, OpenDatabase, eventually
from tests.libs.eventstore.shop import CATALOGUE, HANDLERS, MIGRATIONS, head_of
from tests.servers import Addresses

FACTS: Final = stream_of("shop")
ACTIVITY: Final = stream_of("shop", "activity")


@pytest.fixture
async def addresses(make_database: MakeDatabase) -> Addresses:
    return await make_database(shop=MIGRATIONS)


@pytest.fixture
async def database(addresses: Addresses, open_database: OpenDatabase) -> Database:
    return await open_database(addresses.of["shop"])


@pytest.fixture
def store(database: Database, bus: Bus) -> EventStore:
    return EventStore(database, CATALOGUE, bus, HANDLERS)


@pytest.fixture
async def locks(addresses: Addresses) -> AsyncIterator[Locks]:
    locks = Locks(addresses.of["shop"], "shop")
    yield locks
    await locks.close()


MakeRelay = Callable[..., Relay]


@pytest.fixture
def relay(store: EventStore, bus: Bus, locks: Locks, readiness: Readiness, background: Background) -> MakeRelay:
    """Starts a relay: `relay("facts")`."""

    def start(log: str = "facts", **limits: int) -> Relay:
        made = Relay(store, bus, locks, readiness, log=log, **limits)
        background(made.run())
        return made

    return start


Mirrored = Callable[..., Awaitable[float]]


@pytest.fixture
def mirrored(store: EventStore, bus: Bus) -> Mirrored:
    """Waits until the stream has come as far as the log."""

    async def wait(log: str = "facts", within: float = 5.0) -> float:
        streams = Streams(bus)

        async def level() -> bool:
            state = await streams.state(stream_of("shop", log))
            return state is not None and state.last == await head_of(store, log)

        return await eventually(level, within=within)

    return wait
