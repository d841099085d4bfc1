"""`/api/v2/clients/{id}/connections`: by which connections people come to an application; `connections` knows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Call, Query, Reply, Route, answers
from libs.edge.asks import learn
from libs.edge.operation import CHECKPOINTS, FIELDS, Listing, Operation, Parameter, line
from libs.edge.paging import MAX_PER_PAGE, PER_PAGE, CheckpointPage, Fields
from libs.edge.schema import Anything, Array
from services.connections.commands import ConnectionsAnswer, ConnectionsOf
from services.token import queries
from services.token.routes.clients import scopes_of
from services.token.routes.desk import Desk
from services.token.rules.client_reasons import NoSuchClient

PATH: Final = "/api/v2/clients/{id}/connections"

READ: Final = "read:connections"
SCOPES: Final = (READ, "read:clients", "read:client_summary")
OPTIONS: Final = "read:connections_options"

LIST: Final = Operation(
    query=(*CHECKPOINTS, *FIELDS, Parameter("strategy", Array(line(64)), "Only connections of these kinds")),
    answer=Listing("connections", Anything(), has_offsets=False),
    errors=(404,),
)


@dataclass(frozen=True)
class ClientConnections:
    """The handler."""

    desk: Desk
    bus: Bus

    def routes(self) -> tuple[Route, ...]:
        """The table of routes."""
        return (Route("GET", PATH, self.list, scopes=SCOPES, operation=LIST),)

    async def list(self, call: Call) -> Reply:
        """A page of the connections that an application may use."""
        query, client_id = call.query(), call.parameters["id"]
        page, fields = _page(query), Fields.requested(query)
        after = self.desk.after(call, page)
        if await queries.client(self.desk.database, call.tenant, client_id) is None:
            raise NoSuchClient
        asked = ConnectionsOf(
            tenant=call.tenant,
            client_id=client_id,
            strategies=query.texts("strategy") or None,
            after=after.position,
            take=after.limit,
        )
        found = await learn(self.bus, "connections", "connections_of", asked, ConnectionsAnswer)
        last = found.connections[-1]["id"] if found.has_more else None
        items = [fields.of(_readable(call, each)) for each in found.connections]
        return answers.json(page.answer("connections", items, self.desk.following(call, last)))


def _page(query: Query) -> CheckpointPage:
    return CheckpointPage(query.integer("take", minimum=1, maximum=MAX_PER_PAGE) or PER_PAGE, query.text("from"))


def _readable(call: Call, connection: Mapping[str, Any]) -> dict[str, Any]:
    """What the caller's scopes show: who may read no connections learns which there are, and nothing of them."""
    scopes = scopes_of(call)
    if READ not in scopes:
        return {"id": connection["id"]}
    return {name: value for name, value in connection.items() if name != "options" or OPTIONS in scopes}
