from collections.abc import AsyncIterator

import pytest_asyncio

from tests.servers import PostgresServer
from tests.services.connections.house import House, shared_house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def the_house(postgres_process: PostgresServer) -> AsyncIterator[House]:
    """`connections` without a mail server, as it starts when nothing is said, for all tests of a file."""
    async with shared_house(postgres_process) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def home(the_house: House) -> House:
    """The same, with tenants of this test's own."""
    await the_house.move_in()
    return the_house
