from typing import Final

import pytest

from libs.bus import Bus
from libs.eventstore.opening import migrations_of
from tests.conftest import MakeDatabase, OpenDatabase
from tests.services.login.front import Browser, Front
from tests.services.login.house import House

MIGRATIONS: Final = migrations_of("login")


@pytest.fixture
async def front(make_database: MakeDatabase, open_database: OpenDatabase, bus: Bus) -> Front:
    """The front channel of `login`, on a database of this test's own."""
    addresses = await make_database(login=MIGRATIONS)
    return await Front.opened(await open_database(addresses.of["login"], "login"), bus)


@pytest.fixture
def browser(front: Front) -> Browser:
    """A browser that was never here before."""
    return front.browser()


@pytest.fixture
async def house(make_database: MakeDatabase, open_database: OpenDatabase, bus: Bus) -> House:
    """The accounts of `login`, on a database of this test's own."""
    addresses = await make_database(login=MIGRATIONS)
    return await House.opened(await open_database(addresses.of["login"], "login"), bus)
