from collections.abc import Iterator
from typing import Final

import pytest

from libs.bus import Bus
from libs.eventstore.opening import migrations_of
from libs.postgres import Database
from services.login.projections import PROJECTIONS
from tests.conftest import OpenDatabase
from tests.emptied import empty, kept
from tests.servers import Addresses, NatsServer, PostgresServer, running
from tests.services.login.front import Browser, Front
from tests.services.login.house import House

MIGRATIONS: Final = migrations_of("login")


@pytest.fixture(scope="session")
def nats_of_login() -> Iterator[NatsServer]:
    with running(NatsServer) as server:
        yield server


@pytest.fixture
def nats(nats_of_login: NatsServer) -> NatsServer:
    """One for all tests of this folder: nothing is kept in it, and what a test serves ends with its connection."""
    return nats_of_login


@pytest.fixture(scope="session")
def addresses_of_login(postgres_process: PostgresServer) -> Iterator[Addresses]:
    with kept(postgres_process, "login") as addresses:
        yield addresses


@pytest.fixture
async def rooms(addresses_of_login: Addresses, open_database: OpenDatabase) -> Database:
    """The database of `login`, as empty as a new one."""
    database = await open_database(addresses_of_login.of["login"], "login")
    await empty(database, *(each.name for each in PROJECTIONS))
    return database


@pytest.fixture
async def front(rooms: Database, bus: Bus) -> Front:
    """The front channel of `login`."""
    return await Front.opened(rooms, bus)


@pytest.fixture
def browser(front: Front) -> Browser:
    """A browser that was never here before."""
    return front.browser()


@pytest.fixture
async def house(rooms: Database, bus: Bus) -> House:
    """The accounts of `login`."""
    return await House.opened(rooms, bus)
