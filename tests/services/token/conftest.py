from collections.abc import AsyncIterator
from typing import Final

import pytest

from libs.bus import Bus
from libs.eventstore.opening import migrations_of
from tests.conftest import MakeDatabase, OpenDatabase
from tests.servers import NatsServer
from tests.services.token.office import Office
from tests.services.token.town import TOWN, Town

MIGRATIONS: Final = migrations_of("token")


@pytest.fixture
async def office(make_database: MakeDatabase, open_database: OpenDatabase, bus: Bus) -> Office:
    """The Management API part of `token`, on a database of this test's own."""
    addresses = await make_database(token=MIGRATIONS)
    return await Office.opened(await open_database(addresses.of["token"], "token"), bus)


@pytest.fixture
async def town(make_database: MakeDatabase, nats: NatsServer) -> AsyncIterator[Town]:
    """`token` whole, with what it follows and asks."""
    async with Town(await make_database(**TOWN), nats.url) as one:
        yield one
