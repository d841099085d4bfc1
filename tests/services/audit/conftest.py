from typing import Final

import pytest

from libs.bus import Bus
from libs.eventstore.opening import migrations_of
from libs.postgres import Database
from tests.conftest import MakeDatabase, OpenDatabase
from tests.servers import Addresses
from tests.services.audit.journal import Journal

MIGRATIONS: Final = migrations_of("audit")


@pytest.fixture
async def addresses(make_database: MakeDatabase) -> Addresses:
    return await make_database(audit=MIGRATIONS)


@pytest.fixture
async def database(addresses: Addresses, open_database: OpenDatabase) -> Database:
    return await open_database(addresses.of["audit"], "audit")


@pytest.fixture
def journal(database: Database, bus: Bus) -> Journal:
    """The Management API's part of `audit`, on a database of this test's own."""
    return Journal.opened(database, bus)
