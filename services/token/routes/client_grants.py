"""`/api/v2/client-grants`: what an application may ask of an API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from libs.edge import Call, Query, Reply, Route, answers
from libs.edge.operation import CHECKPOINTS, GONE, PAGES, Listing, Operation, Parameter, line
from libs.edge.paging import CheckpointPage
from libs.edge.schema import Anything
from libs.edge.validation import changed, created
from libs.runtime import ids
from services.token import queries
from services.token.commands import ChangeClientGrant, DeleteClientGrant, GrantClient
from services.token.queries import ClientGrantFilter, ClientGrantRow
from services.token.queries.lists import Found, Window
from services.token.routes.desk import Desk
from services.token.routes.schemas.client_grant import CLIENT_GRANT, DEFAULT_FOR, PROMISES, SUBJECT_TYPES
from services.token.routes.schemas.kinds import BOOLEAN
from services.token.routes.schemas.promises import refuse
from services.token.rules.client import Client
from services.token.rules.client_reasons import NoSuchGrant

PATH: Final = "/api/v2/client-grants"
ONE: Final = "/api/v2/client-grants/{id}"

SUBJECT_TYPE: Final = "client"
"""The only kind of grant there is: the application asks in its own name."""


LIST: Final = Operation(
    query=(
        *PAGES,
        *CHECKPOINTS,
        Parameter("audience", line(600), "Only those for this API"),
        Parameter("client_id", line(64), "Only this client's"),
        Parameter("allow_any_organization", BOOLEAN),
        Parameter("subject_type", SUBJECT_TYPES),
        Parameter("default_for", DEFAULT_FOR),
    ),
    answer=Listing("client_grants", CLIENT_GRANT),
)
ORGANIZATIONS: Final = Operation(query=(*PAGES, *CHECKPOINTS), answer=Listing("organizations", Anything()))
CREATE: Final = Operation(body=CLIENT_GRANT, answer=CLIENT_GRANT, status=201, errors=(404,), identified_by="id")
CHANGE: Final = Operation(body=CLIENT_GRANT, answer=CLIENT_GRANT)


def routes(desk: Desk) -> tuple[Route, ...]:
    """The table of routes."""
    grants = ClientGrants(desk)
    return (
        Route("GET", PATH, grants.list, scopes=("read:client_grants",), operation=LIST),
        Route("POST", PATH, grants.create, scopes=("create:client_grants",), operation=CREATE),
        Route("GET", ONE, grants.read, scopes=("read:client_grants",), operation=Operation(answer=CLIENT_GRANT)),
        Route("PATCH", ONE, grants.change, scopes=("update:client_grants",), operation=CHANGE),
        Route("DELETE", ONE, grants.delete, scopes=("delete:client_grants",), operation=GONE),
        Route(
            "GET",
            f"{ONE}/organizations",
            grants.organizations,
            scopes=("read:organization_client_grants",),
            operation=ORGANIZATIONS,
        ),
    )


@dataclass(frozen=True)
class ClientGrants:
    """The handlers."""

    desk: Desk

    async def list(self, call: Call) -> Reply:
        """A page of the client grants that are wanted."""
        query = call.query()
        page = self.desk.page(query)
        found = await self._found(call, query, self.desk.window(call, page))
        items = [_members(row.id, row.client_id, row.audience, row.scope, row.properties) for row in found.items]
        if isinstance(page, CheckpointPage):
            return answers.json(page.answer("client_grants", items, self.desk.following(call, found.following)))
        return answers.json(page.answer("client_grants", items, found.total))

    async def _found(self, call: Call, query: Query, window: Window) -> Found[ClientGrantRow]:
        if _asks_for_others(query):
            return Found((), 0, None)
        wanted = ClientGrantFilter(query.text("audience"), query.text("client_id"))
        return await queries.client_grants(self.desk.database, call.tenant, wanted, window, self.desk.walks)

    async def create(self, call: Call) -> Reply:
        """Let an application ask tokens of an API."""
        body = created(CLIENT_GRANT, call)
        refuse(PROMISES, body)
        grant_id, scope = ids.prefixed("cgr", 16), tuple(body.get("scope") or ())
        command = GrantClient(call.tenant, body["client_id"], grant_id, body["audience"], scope, _extra(body))

        def answered(client: Client) -> Reply:
            grant = client.grants[grant_id]
            members = _members(grant_id, client.client_id, grant.audience, grant.scope, grant.properties)
            return answers.json(members, status=201)

        return await self.desk.once(command, call, answered)

    async def read(self, call: Call) -> Reply:
        """One client grant."""
        row = await self._named(call)
        return answers.json(_members(row.id, row.client_id, row.audience, row.scope, row.properties))

    async def organizations(self, call: Call) -> Reply:
        """The organizations for which it may be used: none, until there are organizations."""
        await self._named(call)
        page = self.desk.page(call.query())
        self.desk.window(call, page)
        if isinstance(page, CheckpointPage):
            return answers.json(page.answer("organizations", [], None))
        return answers.json(page.answer("organizations", [], 0))

    async def change(self, call: Call) -> Reply:
        """Change what may be asked."""
        body = changed(CLIENT_GRANT, call)
        refuse(PROMISES, body)
        row = await self._named(call)
        scope = tuple(body["scope"] or ()) if "scope" in body else None
        command = ChangeClientGrant(call.tenant, row.client_id, row.id, scope, _extra(body))
        committed, headers = await self.desk.run(command, call)
        grant = committed.state.grants[row.id]
        answer = _members(row.id, row.client_id, row.audience, grant.scope, grant.properties)
        return answers.json(answer, headers=headers)

    async def delete(self, call: Call) -> Reply:
        """Delete a client grant; 204 also where there was none."""
        grant_id = call.parameters["id"]
        client_id = await queries.client_of_grant(self.desk.database, call.tenant, grant_id)
        if client_id is None:
            return answers.empty()
        _, headers = await self.desk.run(DeleteClientGrant(call.tenant, client_id, grant_id), call)
        return answers.empty(headers=headers)

    async def _named(self, call: Call) -> ClientGrantRow:
        row = await queries.client_grant(self.desk.database, call.tenant, call.parameters["id"])
        if row is None:
            raise NoSuchGrant
        return row


def _asks_for_others(query: Query) -> bool:
    """Whether only kinds of grants are wanted that do not exist here."""
    return (
        query.text("subject_type") not in {None, SUBJECT_TYPE}
        or query.boolean("allow_any_organization") is True
        or "default_for" in query
    )


def _extra(body: dict[str, Any]) -> dict[str, Any]:
    """What is kept beside client, API and scope: what the body says and `PROMISES` let through."""
    kept = ("organization_usage", "allow_any_organization", "authorization_details_types", "allow_all_scopes")
    return {name: body[name] for name in kept if name in body}


def _members(
    id_: str, client_id: str, audience: str, scope: Sequence[str], properties: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": id_,
        "client_id": client_id,
        "audience": audience,
        "scope": list(scope),
        **properties,
        "subject_type": SUBJECT_TYPE,
    }
