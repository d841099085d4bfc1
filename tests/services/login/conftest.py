import asyncio
from collections.abc import Iterator
from typing import Final

import pytest

from libs.bus import Bus
from libs.eventstore.opening import migrations_of
from libs.postgres import Database
from services.login.projections import PROJECTIONS
from tests.conftest import OpenDatabase
from tests.servers import Addresses, NatsServer, PostgresServer, running
from tests.services.login.front import Browser, Front
from tests.services.login.house import House

MIGRATIONS: Final = migrations_of("login")

EMPTIED: Final = f"""
DROP TABLE IF EXISTS {", ".join(each.name for each in PROJECTIONS)};
DO $$ DECLARE one regclass; BEGIN
    FOR one IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'login'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
            AND relname NOT IN ('head', 'migrations')
    LOOP EXECUTE format('DELETE FROM %s', one); END LOOP;
END $$;
UPDATE head SET epoch = DEFAULT, pos = DEFAULT, floor = DEFAULT;
"""
"""As the migrations left it: making a database takes a processor for longer than most of these tests."""


@pytest.fixture(scope="session")
def nats_of_login() -> Iterator[NatsServer]:
    with running(NatsServer) as server:
        yield server


@pytest.fixture
def nats(nats_of_login: NatsServer) -> NatsServer:
    """One for all tests of this folder: nothing is kept in it, and what a test serves ends with its connection."""
    return nats_of_login


@pytest.fixture(scope="session")
def login_addresses(postgres_process: PostgresServer) -> Iterator[Addresses]:
    addresses = asyncio.run(postgres_process.create({"login": MIGRATIONS}))
    yield addresses
    asyncio.run(postgres_process.drop(addresses))


@pytest.fixture
async def rooms(login_addresses: Addresses, open_database: OpenDatabase) -> Database:
    """The database of `login`, as empty as a new one."""
    database = await open_database(login_addresses.of["login"], "login")
    async with database.connection() as rows:
        await rows.execute(EMPTIED)
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
