"""What the Management API asks of `token`'s rows: applications, APIs and client grants, one by one and in lists.

Lists are ordered by id, so that a page never depends on when rows were written. Filters are parameters, never text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from libs.postgres import Database
from services.token.queries.lists import After, Found, List, Shown, Slice, Walks, Window, found_in


class ClientRow(msgspec.Struct, frozen=True):
    """An application; `credentials` are the ids of the public keys that count, `text` its properties as JSON."""

    client_id: str
    text: str
    credentials: tuple[str, ...]

    @property
    def properties(self) -> dict[str, Any]:
        """The properties, read."""
        read: dict[str, Any] = msgspec.json.decode(self.text)
        return read


class CredentialRow(msgspec.Struct, frozen=True):
    """A public key of an application; `changed_at` is when its end was last changed."""

    credential_id: str
    credential_type: str
    name: str | None
    alg: str
    kid: str
    expires_at: datetime | None
    created_at: datetime
    changed_at: datetime | None


class ResourceServerRow(msgspec.Struct, frozen=True):
    """An API."""

    id: str
    identifier: str
    is_system: bool
    properties: dict[str, Any]


class ClientGrantRow(msgspec.Struct, frozen=True):
    """A client grant for an API that exists; `audience` is what the API is called now."""

    id: str
    client_id: str
    audience: str
    scope: tuple[str, ...]
    properties: dict[str, Any]


@dataclass(frozen=True)
class ClientFilter:
    """Which applications are wanted; `None` asks nothing."""

    is_first_party: bool | None = None
    app_types: tuple[str, ...] | None = None
    external_client_id: str | None = None
    is_global: bool | None = None
    """Of no row: the tenant's global client is nobody's application (`routes.global_client`)."""


@dataclass(frozen=True)
class ClientGrantFilter:
    """Which client grants are wanted; `None` asks nothing."""

    audience: str | None = None
    client_id: str | None = None


_KEYS: Final = """
(SELECT string_agg(k.credential_id, ' ' ORDER BY k.created_at, k.credential_id) FROM client_credentials k
 WHERE k.tenant = page.tenant AND k.client_id = page.client_id AND k.counts)
"""
_ONE_CLIENT: Final = f"""
SELECT client_id, properties, {_KEYS} FROM clients AS page WHERE tenant = $1 AND client_id = $2 AND NOT is_deleted
"""  # noqa: S608 - ours
_UNKNOWN_CLIENTS: Final = """
SELECT wanted.client_id FROM unnest($2::text[]) WITH ORDINALITY AS wanted (client_id, place)
WHERE NOT EXISTS (SELECT FROM clients c WHERE c.tenant = $1 AND c.client_id = wanted.client_id AND NOT c.is_deleted)
ORDER BY wanted.place
"""
_CLIENTS: Final = Shown({"client_id": "page.client_id", "properties": "page.properties", "credentials": _KEYS})
# An identifier may look like another API's id: the id goes first.
_ONE_RESOURCE_SERVER: Final = """
SELECT id, identifier, is_system, properties FROM resource_servers
WHERE tenant = $1 AND (id = $2 OR identifier = $2) ORDER BY id = $2 DESC LIMIT 1
"""
_RESOURCE_SERVERS: Final = Shown({each: f"page.{each}" for each in ("id", "identifier", "is_system", "properties")})
_CLIENT_GRANTS: Final = Shown(
    {
        "id": "page.grant_id",
        "client_id": "page.client_id",
        "audience": "r.identifier",
        "scope": "to_json(page.scope)",
        "properties": "page.properties",
    },
    "JOIN resource_servers r ON r.tenant = page.tenant AND r.id = page.resource_server_id",
)
# A grant whose API is gone is void for ever, and not shown.
_ONE_CLIENT_GRANT: Final = """
SELECT g.grant_id, g.client_id, r.identifier, to_json(g.scope), g.properties
FROM client_grants g JOIN resource_servers r ON r.tenant = g.tenant AND r.id = g.resource_server_id
WHERE g.tenant = $1 AND g.grant_id = $2
"""
_HAS_API: Final = """
EXISTS (SELECT FROM resource_servers r
        WHERE r.tenant = client_grants.tenant AND r.id = client_grants.resource_server_id)
"""
_CREDENTIALS: Final = """
SELECT k.credential_id, k.credential_type, k.name, k.alg, k.kid, k.expires_at, k.created_at, k.changed_at
FROM clients c LEFT JOIN client_credentials k ON k.tenant = c.tenant AND k.client_id = c.client_id
WHERE c.tenant = $1 AND c.client_id = $2 AND NOT c.is_deleted
ORDER BY k.created_at, k.credential_id
"""


async def client(database: Database, tenant: str, client_id: str) -> ClientRow | None:
    """One application."""
    async with database.connection() as rows:
        row = await rows.fetchrow(_ONE_CLIENT, tenant, client_id)
    return None if row is None else _client(tuple(row))


async def unknown_clients(database: Database, tenant: str, client_ids: Sequence[str]) -> list[str]:
    """Those of the ids of which there is no application, in their order; one that was deleted is none."""
    async with database.connection() as rows:
        return [row["client_id"] for row in await rows.fetch(_UNKNOWN_CLIENTS, tenant, list(client_ids))]


async def clients(
    database: Database, tenant: str, wanted: ClientFilter, window: Window, walks: Walks
) -> Found[ClientRow]:
    """A page of a tenant's applications."""
    found = List(tenant, "clients", "client_id", "NOT is_deleted")
    found.where("coalesce((properties->>'is_first_party')::boolean, true) = {}", wanted.is_first_party)
    found.where("properties->>'app_type' = ANY ({})", None if wanted.app_types is None else list(wanted.app_types))
    found.where("properties->>'external_client_id' = {}", wanted.external_client_id)
    async with database.connection() as rows:
        total, page = await found.page(rows, _CLIENTS, window, walks)
    return found_in([_client(row) for row in page], total, window, "client_id")


async def client_credentials(database: Database, tenant: str, client_id: str) -> tuple[CredentialRow, ...] | None:
    """The public keys of an application, the oldest first; `None` when there is no such application."""
    async with database.connection() as rows:
        found = await rows.fetch(_CREDENTIALS, tenant, client_id)
    if not found:
        return None
    return tuple(CredentialRow(*row) for row in found if row["credential_id"] is not None)


async def resource_server(database: Database, tenant: str, name: str) -> ResourceServerRow | None:
    """One API, by its id or its identifier."""
    async with database.connection() as rows:
        row = await rows.fetchrow(_ONE_RESOURCE_SERVER, tenant, name)
    return None if row is None else _resource_server(tuple(row))


async def resource_servers(
    database: Database, tenant: str, identifiers: Sequence[str] | None, window: Window, walks: Walks
) -> Found[ResourceServerRow]:
    """A page of a tenant's APIs; `identifiers` are the only ones wanted."""
    found = List(tenant, "resource_servers", "id")
    found.where("identifier = ANY ({})", None if identifiers is None else list(identifiers))
    async with database.connection() as rows:
        total, page = await found.page(rows, _RESOURCE_SERVERS, window, walks)
    return found_in([_resource_server(row) for row in page], total, window, "id")


async def client_grant(database: Database, tenant: str, grant_id: str) -> ClientGrantRow | None:
    """One client grant."""
    async with database.connection() as rows:
        row = await rows.fetchrow(_ONE_CLIENT_GRANT, tenant, grant_id)
    return None if row is None else _client_grant(tuple(row))


async def client_grants(
    database: Database, tenant: str, wanted: ClientGrantFilter, window: Window, walks: Walks
) -> Found[ClientGrantRow]:
    """A page of a tenant's client grants."""
    found = List(tenant, "client_grants", "grant_id", _HAS_API)
    of_api = "resource_server_id = (SELECT r.id FROM resource_servers r WHERE r.tenant = $1 AND r.identifier = {})"
    found.where(of_api, wanted.audience)
    found.where("client_id = {}", wanted.client_id)
    async with database.connection() as rows:
        total, page = await found.page(rows, _CLIENT_GRANTS, window, walks)
    return found_in([_client_grant(row) for row in page], total, window, "id")


async def client_of_grant(database: Database, tenant: str, grant_id: str) -> str | None:
    """Whose client grant it is, even one whose API is gone."""
    async with database.connection() as rows:
        client_id: str | None = await rows.fetchval(
            "SELECT client_id FROM client_grants WHERE tenant = $1 AND grant_id = $2", tenant, grant_id
        )
    return client_id


async def allowed_signing_algs(database: Database, tenant: str) -> tuple[str, ...]:
    """What the tenant's APIs may sign with; nothing before the tenant was heard of."""
    async with database.connection() as rows:
        algs = await rows.fetchval("SELECT allowed_signing_algs FROM tenants_v1 WHERE tenant = $1", tenant)
    return tuple(algs or ())


def _client(row: Sequence[Any]) -> ClientRow:
    client_id, text, credentials = row
    return ClientRow(client_id, text, tuple((credentials or "").split()))


def _resource_server(row: Sequence[Any]) -> ResourceServerRow:
    id_, identifier, is_system, properties = row
    return ResourceServerRow(id_, identifier, is_system, msgspec.json.decode(properties))


def _client_grant(row: Sequence[Any]) -> ClientGrantRow:
    id_, client_id, audience, scope, properties = row
    return ClientGrantRow(id_, client_id, audience, tuple(msgspec.json.decode(scope)), msgspec.json.decode(properties))
