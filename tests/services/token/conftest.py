from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from libs.bus import Bus
from services.token.projections import TENANTS
from tests.conftest import OpenDatabase
from tests.emptied import empty, kept
from tests.servers import Addresses, NatsServer, PostgresServer, running
from tests.services.token.office import Office
from tests.services.token.town import TOWN, Town


@pytest.fixture(scope="session")
def addresses_of_token(postgres_process: PostgresServer) -> Iterator[Addresses]:
    with kept(postgres_process, "token") as addresses:
        yield addresses


@pytest.fixture(scope="session")
def nats_of_token() -> Iterator[NatsServer]:
    with running(NatsServer) as server:
        yield server


@pytest.fixture
def nats(nats_of_token: NatsServer) -> NatsServer:
    """One for all tests of this folder: nothing is kept in it, and what a test serves ends with its connection."""
    return nats_of_token


@pytest.fixture
async def office(addresses_of_token: Addresses, open_database: OpenDatabase, bus: Bus) -> Office:
    """The Management API part of `token`, on a database as empty as a new one."""
    database = await open_database(addresses_of_token.of["token"], "token")
    await empty(database, TENANTS)
    return await Office.opened(database, bus)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def the_town(postgres_process: PostgresServer) -> AsyncIterator[Town]:
    """Two replicas of `token` with what they follow and ask, for all tests of a file."""
    with running(NatsServer) as nats:
        addresses = await postgres_process.create(TOWN)
        async with Town(addresses, nats.url) as one:
            yield one
        await postgres_process.drop(addresses)


@pytest.fixture
def town(the_town: Town) -> Town:
    """The same, with people as they were in the beginning."""
    the_town.people.reset()
    return the_town
