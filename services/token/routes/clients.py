"""`/api/v2/clients`: applications.

A secret is shown once, in the answer that issues it; afterwards there is only its hash, so `client_secret` is absent
from every other answer, whatever the caller's scopes are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec

from libs.edge import Call, Query, Reply, Route, answers
from libs.edge.management import InsufficientScope
from libs.edge.management_errors import BadRequest, InvalidQuery
from libs.edge.operation import CHECKPOINTS, FIELDS, GONE, PAGES, Listing, Operation, Parameter, line
from libs.edge.paging import CheckpointPage, Fields, Page
from libs.edge.validation import changed, created, stated
from libs.runtime import ids
from libs.sealed import hash_of_secret
from services.token import queries
from services.token.commands import ChangeClient, DeleteClient, NewSecret, RegisterClient, RotateClientSecret
from services.token.queries import ClientFilter, ClientRow
from services.token.queries.lists import Found
from services.token.routes import credentials, global_client
from services.token.routes.desk import Desk
from services.token.routes.schemas.addons import refuse_mappings
from services.token.routes.schemas.client import CLIENT, PROMISES, ROTATION
from services.token.routes.schemas.kinds import BOOLEAN
from services.token.routes.schemas.promises import refuse
from services.token.rules.client import Client
from services.token.rules.client_credentials import counting
from services.token.rules.client_properties import SHOWN_WHEN_ABSENT
from services.token.rules.client_reasons import NoSuchClient

PATH: Final = "/api/v2/clients"
ONE: Final = "/api/v2/clients/{id}"

READ: Final = ("read:clients", "read:client_keys", "read:client_credentials", "read:client_summary")
CHANGE: Final = (
    "update:clients",
    "update:client_keys",
    "update:client_credentials",
    "update:client_token_vault_privileged_access",
)

SUMMARY: Final = frozenset({"client_id", "app_type", "name", "description"})
"""Members that any of the reading scopes shows."""

KEYS: Final = frozenset({"encryption_key", credentials.METHODS})
"""Members that tell how an application proves who it is."""

_SAYS: Final = msgspec.defstruct("_Says", [(name, Any, None) for name in SHOWN_WHEN_ABSENT])
"""Which of the members that are shown when absent are there; the others are passed over, not read."""


LIST: Final = Operation(
    query=(
        *PAGES,
        *CHECKPOINTS,
        *FIELDS,
        Parameter("is_global", BOOLEAN),
        Parameter("is_first_party", BOOLEAN),
        Parameter("app_type", line(1024), "Types of client, parted by commas"),
        Parameter("external_client_id", line(2048)),
        Parameter("q", line(1024)),
    ),
    answer=Listing("clients", CLIENT),
)
CREATE: Final = Operation(body=CLIENT, answer=CLIENT, status=201, identified_by="client_id")
ROTATE: Final = Operation(body=ROTATION, is_body_optional=True, answer=CLIENT)


def routes(desk: Desk) -> tuple[Route, ...]:
    """The table of routes."""
    clients = Clients(desk)
    return (
        Route("GET", PATH, clients.list, scopes=READ, operation=LIST),
        Route("POST", PATH, clients.create, scopes=("create:clients",), operation=CREATE),
        Route("GET", ONE, clients.read, scopes=READ, operation=Operation(query=FIELDS, answer=CLIENT)),
        Route("PATCH", ONE, clients.change, scopes=CHANGE, operation=Operation(body=CLIENT, answer=CLIENT)),
        Route("DELETE", ONE, clients.delete, scopes=("delete:clients",), operation=GONE),
        Route("POST", f"{ONE}/rotate-secret", clients.rotate_secret, scopes=("update:client_keys",), operation=ROTATE),
    )


class AlgorithmNotAllowed(BadRequest):
    """ID tokens are to be signed by an algorithm that the tenant's settings do not name."""

    def __init__(self, alg: str, allowed: Iterable[str]) -> None:
        said = f"'No enum match for: {alg}; the tenant allows {', '.join(allowed)}' on property jwt_configuration.alg"
        super().__init__(f"Payload validation error: {said}.")


class UnknownResourceServer(BadRequest):
    """An application is to be the own one of an API that does not exist."""

    def __init__(self, identifier: str) -> None:
        said = f"'No such resource server: {identifier}' on property resource_server_identifier"
        super().__init__(f"Payload validation error: {said}.")


@dataclass(frozen=True)
class Clients:
    """The handlers."""

    desk: Desk

    async def list(self, call: Call) -> Reply:
        """A page of the applications that are wanted."""
        query = call.query()
        wanted, fields, page = _filter(query), Fields.requested(query), self.desk.page(query)
        if wanted.is_global:
            members = _Shown(call, fields).of(global_client.members(call.tenant))
            return answers.json(global_client.page_of(page, members))
        found = await queries.clients(
            self.desk.database, call.tenant, wanted, self.desk.window(call, page), self.desk.walks
        )
        return answers.json(self._page(call, page, fields, found))

    def _page(self, call: Call, page: Page, fields: Fields, found: Found[ClientRow]) -> Any:
        shown = _Shown(call, fields)
        items = [shown.row(row) for row in found.items]
        if isinstance(page, CheckpointPage):
            return page.answer("clients", items, self.desk.following(call, found.following))
        return page.answer("clients", items, found.total)

    async def create(self, call: Call) -> Reply:
        """Register an application; its secret, if it has one, is shown here and never again."""
        properties = _checked(created(CLIENT, call))
        await self._require_algorithm(call.tenant, properties)
        if properties.get(credentials.METHODS) is not None:
            _require_scope(call, "create:client_credentials")
        await self._require_api(call.tenant, properties.get("resource_server_identifier"))
        new = credentials.require_new(credentials.taken_from(properties))
        secret = ids.client_secret()
        command = RegisterClient(call.tenant, ids.client_id(), properties, _kept(secret), new)

        def answered(client: Client) -> Reply:
            return answers.json(_state(call, client, secret if client.secrets else None), status=201)

        return await self.desk.once(command, call, answered)

    async def _require_algorithm(self, tenant: str, properties: Mapping[str, Any]) -> None:
        """ID tokens are signed as the tenant allows; by anything else they would be signed with RS256, unsaid."""
        alg = (properties.get("jwt_configuration") or {}).get("alg")
        if alg in {None, "RS256"}:
            return
        allowed = await queries.allowed_signing_algs(self.desk.database, tenant)
        if alg not in allowed:
            raise AlgorithmNotAllowed(alg, allowed)

    async def _require_api(self, tenant: str, identifier: str | None) -> None:
        """An application is an API's own where there is that API; nothing depends on it yet, so a look is enough."""
        if identifier is None:
            return
        found = await queries.resource_server(self.desk.database, tenant, identifier)
        if found is None or found.identifier != identifier:
            raise UnknownResourceServer(identifier)

    async def read(self, call: Call) -> Reply:
        """One application."""
        shown = _Shown(call, Fields.requested(call.query()))
        if call.parameters["id"] == global_client.global_client_id(call.tenant):
            return answers.json(shown.of(global_client.members(call.tenant)))
        row = await queries.client(self.desk.database, call.tenant, call.parameters["id"])
        if row is None:
            raise NoSuchClient
        return answers.json(shown.row(row))

    async def change(self, call: Call) -> Reply:
        """Change some properties, or which keys count."""
        global_client.refuse(call.tenant, call.parameters["id"])
        properties = _checked(changed(CLIENT, call))
        _require_scopes_of(call, properties)
        await self._require_algorithm(call.tenant, properties)
        wanted = credentials.taken_from(properties)
        command = ChangeClient(call.tenant, call.parameters["id"], properties, wanted)
        committed, headers = await self.desk.run(command, call)
        return answers.json(_state(call, committed.state, None), headers=headers)

    async def delete(self, call: Call) -> Reply:
        """Delete an application, its secrets, keys and grants; 204 also where there was none."""
        global_client.refuse(call.tenant, call.parameters["id"])
        _, headers = await self.desk.run(DeleteClient(call.tenant, call.parameters["id"]), call)
        return answers.empty(headers=headers)

    async def rotate_secret(self, call: Call) -> Reply:
        """Issue a new secret; the old one ends at once, or after `previous_secret_lifetime` seconds."""
        body = stated(ROTATION, call)
        client_id = call.parameters["id"]
        if body.get("id", client_id) != client_id:
            raise BadRequest("Payload validation error: 'Not the application of the path' on property id.")
        lifetime = timedelta(seconds=body.get("previous_secret_lifetime") or 0)
        secret = ids.client_secret()
        command = RotateClientSecret(call.tenant, client_id, _kept(secret), lifetime)
        return await self.desk.once(command, call, lambda client: answers.json(_state(call, client, secret)))


def _filter(query: Query) -> ClientFilter:
    if "q" in query:
        raise InvalidQuery.about("q", "Searching by organization is not supported")
    app_types = query.text("app_type")
    return ClientFilter(
        is_first_party=query.boolean("is_first_party"),
        app_types=None if app_types is None else tuple(app_types.split(",")),
        external_client_id=query.text("external_client_id"),
        is_global=query.boolean("is_global"),
    )


def _checked(properties: dict[str, Any]) -> dict[str, Any]:
    refuse(PROMISES, properties)
    refuse_mappings(properties)
    return properties


def _kept(secret: str) -> NewSecret:
    return NewSecret(ids.prefixed("sec", 16), hash_of_secret(secret))


def scopes_of(call: Call) -> frozenset[str]:
    """The scopes of the caller's token."""
    claims: Mapping[str, Any] = call.claims or {}
    return _words(str(claims.get("scope", "")))


@lru_cache(maxsize=64)
def _words(scope: str) -> frozenset[str]:
    """A list asks for every item, and a token may bear hundreds."""
    return frozenset(scope.split(" "))


def _require_scope(call: Call, scope: str) -> None:
    if scope not in scopes_of(call):
        raise InsufficientScope((scope,))


def _require_scopes_of(call: Call, properties: Mapping[str, Any]) -> None:
    """Each kind of property has its own scope; the route's only open the door."""
    if credentials.METHODS in properties:
        _require_scope(call, "update:client_credentials")
    if properties.keys() - {credentials.METHODS}:
        _require_scope(call, "update:clients")


def _state(call: Call, client: Client, secret: str | None) -> dict[str, Any]:
    # As the rows list them: two that came with one body are equally old.
    listed = sorted(counting(client.credentials), key=lambda each: (client.credentials[each].created_at, each))
    members = _members(call, client.client_id, client.properties, listed)
    return members if secret is None else {**members, "client_secret": secret}


def _members(
    call: Call, client_id: str, properties: Mapping[str, Any], credential_ids: Iterable[str]
) -> dict[str, Any]:
    listed = [{"id": each} for each in credential_ids]
    methods = {credentials.METHODS: {"private_key_jwt": {"credentials": listed}}} if listed else {}
    return {**_ours(call), **SHOWN_WHEN_ABSENT, **properties, "client_id": client_id, **methods}


def _ours(call: Call) -> dict[str, Any]:
    """What is told of every application."""
    return {"tenant": call.tenant, "global": False}


class _Shown:
    """What a caller is shown of applications: the members its scopes open, as in Auth0, and of these what it asked for.

    Scopes and fields are read once for a page.
    """

    def __init__(self, call: Call, fields: Fields) -> None:
        scopes = scopes_of(call)
        self._call = call
        self._fields = fields
        self._may_read_all = not scopes.isdisjoint({"read:clients", "read:client_keys"})
        self._may_read_keys = not scopes.isdisjoint({"read:client_keys", "read:client_credentials"})
        self._is_whole = self._may_read_all and self._may_read_keys and not fields.names
        self._beginnings: dict[tuple[str, ...], bytes] = {}

    def of(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """Those of one application's members."""
        opened = {name: value for name, value in members.items() if self._is_open(name)}
        return self._fields.of(opened)

    def row(self, row: ClientRow) -> Any:
        """The same of a row; where all of it is shown, it goes as the database has it, without being read."""
        if not self._is_whole or row.credentials:
            return self.of(_members(self._call, row.client_id, row.properties, row.credentials))
        there = msgspec.json.decode(row.text, type=_SAYS)
        lacking = tuple(name for name in SHOWN_WHEN_ABSENT if getattr(there, name) is None)
        # A client has a name, so its properties are never empty.
        client_id = msgspec.json.encode(row.client_id)
        return msgspec.Raw(b'%b,"client_id":%b,%b' % (self._beginning(lacking), client_id, row.text[1:].encode()))

    def _beginning(self, lacking: tuple[str, ...]) -> bytes:
        """How the JSON of every application begins that lacks these."""
        if lacking not in self._beginnings:
            shown = {**_ours(self._call), **{name: SHOWN_WHEN_ABSENT[name] for name in lacking}}
            self._beginnings[lacking] = msgspec.json.encode(shown)[:-1]
        return self._beginnings[lacking]

    def _is_open(self, name: str) -> bool:
        return name in SUMMARY or (self._may_read_keys if name in KEYS else self._may_read_all)
