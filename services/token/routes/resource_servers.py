"""`/api/v2/resource-servers`: APIs, named in the path by their id or by their identifier, percent-encoded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from libs.edge import Call, Reply, Route, answers
from libs.edge.management_errors import InvalidQuery
from libs.edge.operation import FIELDS, GONE, PAGES, Listing, Operation, Parameter, line
from libs.edge.paging import Fields, OffsetPage
from libs.edge.schema import Array
from libs.edge.validation import changed, created
from libs.runtime import ids
from services.token import queries
from services.token.commands import ChangeResourceServer, DeleteResourceServer, RegisterResourceServer
from services.token.queries import ResourceServerRow
from services.token.routes.desk import Desk
from services.token.routes.schemas.promises import refuse
from services.token.routes.schemas.resource_server import (
    PROMISES,
    RESOURCE_SERVER,
    refuse_algorithm,
    refuse_repeated_scopes,
)
from services.token.rules.resource_server import SYSTEM_NAME, NoSuchResourceServer, ResourceServer

PATH: Final = "/api/v2/resource-servers"
ONE: Final = "/api/v2/resource-servers/{id}"
MOST_IDENTIFIERS: Final = 100


LIST: Final = Operation(
    query=(
        *PAGES,
        *FIELDS,
        Parameter("identifiers", Array(line(600), max_items=MOST_IDENTIFIERS), "Only those so called"),
    ),
    answer=Listing("resource_servers", RESOURCE_SERVER, has_checkpoints=False),
)
CREATE: Final = Operation(body=RESOURCE_SERVER, answer=RESOURCE_SERVER, status=201, identified_by="id")
READ: Final = Operation(query=FIELDS, answer=RESOURCE_SERVER)
CHANGE: Final = Operation(body=RESOURCE_SERVER, answer=RESOURCE_SERVER)


def routes(desk: Desk) -> tuple[Route, ...]:
    """The table of routes."""
    apis = ResourceServers(desk)
    return (
        Route("GET", PATH, apis.list, scopes=("read:resource_servers",), operation=LIST),
        Route("POST", PATH, apis.create, scopes=("create:resource_servers",), operation=CREATE),
        Route("GET", ONE, apis.read, scopes=("read:resource_servers",), operation=READ),
        Route("PATCH", ONE, apis.change, scopes=("update:resource_servers",), operation=CHANGE),
        Route("DELETE", ONE, apis.delete, scopes=("delete:resource_servers",), operation=GONE),
    )


@dataclass(frozen=True)
class ResourceServers:
    """The handlers."""

    desk: Desk

    async def list(self, call: Call) -> Reply:
        """A page of the APIs; `identifiers` may be repeated."""
        query = call.query()
        wanted, fields = query.texts("identifiers"), Fields.requested(query)
        if len(wanted) > MOST_IDENTIFIERS:
            raise InvalidQuery.about("identifiers", f"Array is too long ({len(wanted)}), maximum {MOST_IDENTIFIERS}")
        page = self.desk.page(query, has_checkpoints=False)
        assert isinstance(page, OffsetPage), "no checkpoints were offered"
        window = self.desk.window(call, page)
        found = await queries.resource_servers(self.desk.database, call.tenant, wanted or None, window, self.desk.walks)
        items = [fields.of(_members(api.id, api.identifier, api.properties, api.is_system)) for api in found.items]
        return answers.json(page.answer("resource_servers", items, found.total))

    async def create(self, call: Call) -> Reply:
        """Register an API."""
        properties = await self._checked(call, created(RESOURCE_SERVER, call))
        identifier = properties.pop("identifier")
        command = RegisterResourceServer(call.tenant, ids.hex24(), identifier, properties)
        return await self.desk.once(command, call, lambda api: answers.json(_state(api), status=201))

    async def read(self, call: Call) -> Reply:
        """One API."""
        fields = Fields.requested(call.query())
        row = await self._named(call)
        if row is None:
            raise NoSuchResourceServer
        return answers.json(fields.of(_members(row.id, row.identifier, row.properties, row.is_system)))

    async def change(self, call: Call) -> Reply:
        """Change some properties."""
        properties = await self._checked(call, changed(RESOURCE_SERVER, call))
        row = await self._named(call)
        if row is None:
            raise NoSuchResourceServer
        committed, headers = await self.desk.run(ChangeResourceServer(call.tenant, row.id, properties), call)
        return answers.json(_state(committed.state), headers=headers)

    async def delete(self, call: Call) -> Reply:
        """Delete an API; 204 also where there was none."""
        row = await self._named(call)
        if row is None:
            return answers.empty()
        _, headers = await self.desk.run(DeleteResourceServer(call.tenant, row.id), call)
        return answers.empty(headers=headers)

    async def _named(self, call: Call) -> ResourceServerRow | None:
        return await queries.resource_server(self.desk.database, call.tenant, call.parameters["id"])

    async def _checked(self, call: Call, properties: dict[str, Any]) -> dict[str, Any]:
        refuse(PROMISES, properties)
        refuse_repeated_scopes(properties)
        if properties.get("signing_alg") is not None:
            refuse_algorithm(properties, await queries.allowed_signing_algs(self.desk.database, call.tenant))
        return properties


def _state(api: ResourceServer) -> dict[str, Any]:
    return _members(api.id, api.identifier, api.properties, api.is_system)


def _members(id_: str, identifier: str, properties: Mapping[str, Any], is_system: bool) -> dict[str, Any]:  # noqa: FBT001
    # Auth0 shows `is_system` only where it is true. Tenants of 0.1.0 were told of the Management API by another name.
    system = {"name": SYSTEM_NAME, "is_system": True} if is_system else {}
    return {"id": id_, **properties, "identifier": identifier, **system}
