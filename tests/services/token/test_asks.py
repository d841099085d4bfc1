"""What other services ask `token` of applications."""

import pytest

from libs.edge.asks import ask
from services.token.commands import DeleteClient, UnknownClients, UnknownClientsOf
from tests.services.token.town import Town

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def unknown(town: Town, tenant: str, *client_ids: str) -> list[str]:
    question = UnknownClientsOf(tenant=tenant, client_ids=list(client_ids))
    return (await ask(town.bus, "token", "unknown_clients", question, UnknownClients)).client_ids


async def test_an_application_is_known_in_its_tenant_until_it_is_deleted(town: Town) -> None:
    one, two = (await town.app()).client_id, (await town.app()).client_id
    assert await unknown(town, "acme", "ghost", one, two, "nobody") == ["ghost", "nobody"]
    assert await unknown(town, "other", one) == [one]
    await town.run(DeleteClient("acme", two))
    assert await unknown(town, "acme", one, two) == [two]
