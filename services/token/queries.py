"""What the Management API asks of `token`'s rows: applications, APIs and client grants, one by one and in lists.

Lists are ordered by id, so that a page never depends on when rows were written. Filters are parameters, never text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from libs.postgres import Connection, Database, Record

T = TypeVar("T")


@dataclass(frozen=True)
class Slice:
    """Rows by number: `limit` of them after `start` others."""

    start: int
    limit: int


@dataclass(frozen=True)
class After:
    """Rows by place: `limit` of them behind the id `position`."""

    position: str
    limit: int


Window = Slice | After


@dataclass(frozen=True)
class Found(Generic[T]):
    """A page of a list: its rows, how many there are in all pages, and the place behind it when more follow."""

    items: tuple[T, ...]
    total: int
    following: str | None


class ClientRow(msgspec.Struct, frozen=True):
    """An application; `credentials` are the ids of its public keys."""

    client_id: str
    properties: dict[str, Any]
    credentials: tuple[str, ...]


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


@dataclass(frozen=True)
class ClientGrantFilter:
    """Which client grants are wanted; `None` asks nothing."""

    audience: str | None = None
    client_id: str | None = None


_CLIENT_COLUMNS: Final = """
SELECT c.client_id, c.properties,
    ARRAY(SELECT k.credential_id FROM client_credentials k
          WHERE k.tenant = c.tenant AND k.client_id = c.client_id
          ORDER BY k.created_at, k.credential_id) AS credentials
FROM clients c
"""

_CLIENTS_WHERE: Final = """
WHERE c.tenant = $1 AND NOT c.is_deleted
    AND ($2::boolean IS NULL OR coalesce((c.properties->>'is_first_party')::boolean, true) = $2)
    AND ($3::text[] IS NULL OR c.properties->>'app_type' = ANY ($3))
    AND ($4::text IS NULL OR c.properties->>'external_client_id' = $4)
    -- No application is the tenant's global one.
    AND $5::boolean IS NOT TRUE
"""

_CLIENTS_TOTAL: Final = f"SELECT count(*) FROM clients c {_CLIENTS_WHERE}"  # noqa: S608  # two constants
_CLIENTS: Final = f"{_CLIENT_COLUMNS} {_CLIENTS_WHERE} AND c.client_id > $6 ORDER BY c.client_id OFFSET $7 LIMIT $8"

_RESOURCE_SERVERS_WHERE: Final = "WHERE tenant = $1 AND ($2::text[] IS NULL OR identifier = ANY ($2))"
_RESOURCE_SERVERS_TOTAL: Final = f"SELECT count(*) FROM resource_servers {_RESOURCE_SERVERS_WHERE}"  # noqa: S608
_RESOURCE_SERVERS: Final = (
    "SELECT id, identifier, is_system, properties FROM resource_servers "  # noqa: S608
    f"{_RESOURCE_SERVERS_WHERE} AND id > $3 ORDER BY id OFFSET $4 LIMIT $5"
)
# An identifier may look like another API's id: the id goes first.
_RESOURCE_SERVER: Final = """
SELECT id, identifier, is_system, properties FROM resource_servers
WHERE tenant = $1 AND (id = $2 OR identifier = $2) ORDER BY id = $2 DESC LIMIT 1
"""

_CLIENT_GRANT_COLUMNS: Final = "SELECT g.grant_id AS id, g.client_id, r.identifier AS audience, g.scope, g.properties"
# A grant whose API is gone is void for ever, and not shown.
_CLIENT_GRANTS_FROM: Final = """
FROM client_grants g JOIN resource_servers r ON r.tenant = g.tenant AND r.id = g.resource_server_id
WHERE g.tenant = $1
    AND ($2::text IS NULL OR r.identifier = $2)
    AND ($3::text IS NULL OR g.client_id = $3)
"""
_CLIENT_GRANTS_TOTAL: Final = f"SELECT count(*) {_CLIENT_GRANTS_FROM}"
_CLIENT_GRANTS: Final = (
    f"{_CLIENT_GRANT_COLUMNS} {_CLIENT_GRANTS_FROM} AND g.grant_id > $4 ORDER BY g.grant_id OFFSET $5 LIMIT $6"
)
_CLIENT_GRANT: Final = f"{_CLIENT_GRANT_COLUMNS} {_CLIENT_GRANTS_FROM} AND g.grant_id = $4"


async def client(database: Database, tenant: str, client_id: str) -> ClientRow | None:
    """One application."""
    async with database.connection() as rows:
        row = await rows.fetchrow(
            f"{_CLIENT_COLUMNS} WHERE c.tenant = $1 AND c.client_id = $2 AND NOT c.is_deleted", tenant, client_id
        )
    return None if row is None else _client(row)


async def clients(database: Database, tenant: str, wanted: ClientFilter, window: Window) -> Found[ClientRow]:
    """A page of a tenant's applications."""
    filters = (
        wanted.is_first_party,
        None if wanted.app_types is None else list(wanted.app_types),
        wanted.external_client_id,
        wanted.is_global,
    )
    async with database.connection() as rows:
        total, found = await _page(rows, _CLIENTS_TOTAL, _CLIENTS, (tenant, *filters), window)
    return _found([_client(row) for row in found], total, window, "client_id")


async def resource_server(database: Database, tenant: str, name: str) -> ResourceServerRow | None:
    """One API, by its id or its identifier."""
    async with database.connection() as rows:
        row = await rows.fetchrow(_RESOURCE_SERVER, tenant, name)
    return None if row is None else _resource_server(row)


async def resource_servers(
    database: Database, tenant: str, identifiers: Sequence[str] | None, window: Window
) -> Found[ResourceServerRow]:
    """A page of a tenant's APIs; `identifiers` are the only ones wanted."""
    filters = (None if identifiers is None else list(identifiers),)
    async with database.connection() as rows:
        total, found = await _page(rows, _RESOURCE_SERVERS_TOTAL, _RESOURCE_SERVERS, (tenant, *filters), window)
    return _found([_resource_server(row) for row in found], total, window, "id")


async def client_grant(database: Database, tenant: str, grant_id: str) -> ClientGrantRow | None:
    """One client grant."""
    async with database.connection() as rows:
        row = await rows.fetchrow(_CLIENT_GRANT, tenant, None, None, grant_id)
    return None if row is None else _client_grant(row)


async def client_grants(
    database: Database, tenant: str, wanted: ClientGrantFilter, window: Window
) -> Found[ClientGrantRow]:
    """A page of a tenant's client grants."""
    filters = (tenant, wanted.audience, wanted.client_id)
    async with database.connection() as rows:
        total, found = await _page(rows, _CLIENT_GRANTS_TOTAL, _CLIENT_GRANTS, filters, window)
    return _found([_client_grant(row) for row in found], total, window, "id")


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


async def _page(
    rows: Connection, total: str, page: str, filters: Sequence[object], window: Window
) -> tuple[int, list[Record]]:
    """The count, only where it is asked by number, and the rows; by place one more, to know whether more follow."""
    match window:
        case Slice(start, limit):
            return await rows.fetchval(total, *filters), await rows.fetch(page, *filters, "", start, limit)
        case After(position, limit):
            return 0, await rows.fetch(page, *filters, position, 0, limit + 1)


def _found(items: list[T], total: int, window: Window, key: str) -> Found[T]:
    page = items[: window.limit]
    has_more = len(items) > window.limit
    return Found(tuple(page), total, getattr(page[-1], key) if has_more else None)


def _client(row: Record) -> ClientRow:
    return ClientRow(row["client_id"], msgspec.json.decode(row["properties"]), tuple(row["credentials"]))


def _resource_server(row: Record) -> ResourceServerRow:
    properties = msgspec.json.decode(row["properties"])
    return ResourceServerRow(row["id"], row["identifier"], row["is_system"], properties)


def _client_grant(row: Record) -> ClientGrantRow:
    properties = msgspec.json.decode(row["properties"])
    return ClientGrantRow(row["id"], row["client_id"], row["audience"], tuple(row["scope"]), properties)
