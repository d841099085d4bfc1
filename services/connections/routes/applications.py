"""Applications as a connection's body names them: whether there are any of these ids, only `token` knows."""

from collections.abc import Iterable
from typing import Final

from libs.bus import Bus
from libs.edge.asks import learn
from libs.edge.management_errors import BadRequest
from services.token.commands import UnknownClients, UnknownClientsOf

SHOWN: Final = 5
"""Ids that a refusal names; there may be fifty."""


class NoSuchClients(BadRequest):
    """The tenant has no applications of these ids: they were mistyped, deleted, or are another tenant's."""

    def __init__(self, client_ids: list[str]) -> None:
        named = ", ".join(client_ids[:SHOWN])
        more = f" and {len(client_ids) - SHOWN} more" if len(client_ids) > SHOWN else ""
        super().__init__(f"Payload validation error: 'No such client: {named}{more}'.")


async def require_clients(bus: Bus, tenant: str, client_ids: Iterable[str]) -> None:
    """Have `token` say that there are applications of all these ids; none are asked for where there are none.

    Raises:
        NoSuchClients: there are not.
        Unavailable: `token` is away.
    """
    if not (wanted := sorted(set(client_ids))):
        return
    asked = UnknownClientsOf(tenant=tenant, client_ids=wanted)
    answer = await learn(bus, "token", "unknown_clients", asked, UnknownClients)
    if answer.client_ids:
        raise NoSuchClients(answer.client_ids)
