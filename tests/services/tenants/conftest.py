from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import MakeDatabase
from tests.servers import NatsServer, PostgresServer, running
from tests.services.world import SCHEMAS, World


@pytest.fixture
async def world(make_database: MakeDatabase, nats: NatsServer) -> AsyncIterator[World]:
    """Both services, and the tenants `acme` and `other`."""
    async with World(await make_database(**SCHEMAS), nats.url) as one:
        await one.tenant("acme", "id.acme.example")
        await one.tenant("other", "id.other.example")
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_world(postgres_process: PostgresServer) -> AsyncIterator[World]:
    """The same for all tests of a file, who leave it as it was or move into a tenant of their own."""
    addresses = await postgres_process.create(SCHEMAS)
    with running(NatsServer) as nats:
        async with World(addresses, nats.url) as one:
            await one.tenant("acme", "id.acme.example")
            await one.tenant("other", "id.other.example")
            yield one
    await postgres_process.drop(addresses)
