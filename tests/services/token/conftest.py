from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from libs.bus import Bus
from libs.eventstore.opening import migrations_of
from tests.conftest import MakeDatabase, OpenDatabase
from tests.servers import NatsServer, PostgresServer, running
from tests.services.token.office import Office
from tests.services.token.town import TOWN, Town

MIGRATIONS: Final = migrations_of("token")


@pytest.fixture
async def office(make_database: MakeDatabase, open_database: OpenDatabase, bus: Bus) -> Office:
    """The Management API part of `token`, on a database of this test's own."""
    addresses = await make_database(token=MIGRATIONS)
    return await Office.opened(await open_database(addresses.of["token"], "token"), bus)


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
