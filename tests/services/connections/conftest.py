from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.servers import NatsServer
from tests.services.connections.house import House, house


@pytest.fixture
async def home(make_database: MakeDatabase, nats: NatsServer) -> AsyncIterator[House]:
    """`connections` without a mail server, as it starts when nothing is said."""
    async with house(make_database, nats.url) as one:
        yield one
