from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.servers import NatsServer
from tests.services.world import SCHEMAS, World


@pytest.fixture
async def world(make_database: MakeDatabase, nats: NatsServer) -> AsyncIterator[World]:
    """Both services, and the tenants `acme` and `other`."""
    async with World(await make_database(**SCHEMAS), nats.url) as one:
        await one.tenant("acme", "id.acme.example")
        await one.tenant("other", "id.other.example")
        yield one
