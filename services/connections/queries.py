"""What is asked of `connections`' rows: connections one by one and in lists, the applications that may use one.

Lists are ordered by id, so that a page never depends on when rows were written. Filters are parameters, never text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from libs.postgres import Connection as Rows
from libs.postgres import Database, Record
from services.connections.projections import TENANTS, TenantRow
from services.connections.rules.defaults import DATABASE_STRATEGY

MOST: Final = 1000
"""Applications that an answer names of one connection; more are asked by pages of `/clients`."""


class ConnectionRow(msgspec.Struct, frozen=True):
    """A connection, with the first applications that may use it."""

    connection_id: str
    name: str
    strategy: str
    properties: Mapping[str, Any]
    enabled: list[str]


@dataclass(frozen=True)
class Filter:
    """Which connections are wanted; `None` asks nothing, `after` is the id before the first one."""

    strategies: tuple[str, ...] | None = None
    name: str | None = None
    client_id: str | None = None
    after: str = ""


@dataclass(frozen=True)
class LettingIn:
    """Whether new applications may use the tenant's databases, and which those are.

    `was_made` is whether the tenant's first connection is there, or was.
    """

    enables_clients: bool
    was_made: bool
    databases: list[str]


_LETTING_IN: Final = f"""
SELECT t.enables_clients,
    EXISTS (SELECT FROM connections c WHERE c.tenant = $1 AND c.connection_id = $2) AS was_made,
    ARRAY(SELECT c.connection_id FROM connections c
          WHERE c.tenant = $1 AND c.strategy = $3 AND NOT c.is_deleted ORDER BY c.connection_id) AS databases
FROM {TENANTS} t WHERE t.tenant = $1
"""  # noqa: S608
_CONNECTION: Final = f"""
SELECT c.connection_id, c.name, c.strategy, c.properties, ARRAY(
    SELECT e.client_id FROM connection_clients e WHERE e.tenant = c.tenant AND e.connection_id = c.connection_id
    ORDER BY e.client_id LIMIT {MOST}) AS enabled
FROM connections c WHERE c.tenant = $1 AND NOT c.is_deleted
"""  # noqa: S608
_WANTED: Final = """
FROM connections c WHERE c.tenant = $1 AND NOT c.is_deleted
    AND ($2::text[] IS NULL OR c.strategy = ANY ($2)) AND ($3::text IS NULL OR c.name = $3)
    AND ($4::text IS NULL OR EXISTS (SELECT FROM connection_clients e
        WHERE e.tenant = c.tenant AND e.connection_id = c.connection_id AND e.client_id = $4))
"""
_PAGE: Final = f"""
{_CONNECTION} AND c.connection_id IN (
    SELECT c.connection_id {_WANTED} AND c.connection_id > $5 ORDER BY c.connection_id OFFSET $6 LIMIT $7)
ORDER BY c.connection_id
"""
_CLIENTS: Final = """
SELECT client_id FROM connection_clients
WHERE tenant = $1 AND connection_id = $2 AND client_id > $3 ORDER BY client_id LIMIT $4
"""
_WITH_CLIENT: Final = """
SELECT c.connection_id FROM connections c JOIN connection_clients e USING (tenant, connection_id)
WHERE c.tenant = $1 AND e.client_id = $2 AND NOT c.is_deleted ORDER BY c.connection_id
"""


async def connection(database: Database, tenant: str, connection_id: str) -> ConnectionRow | None:
    """One connection."""
    async with database.connection() as rows:
        row = await rows.fetchrow(f"{_CONNECTION} AND c.connection_id = $2", tenant, connection_id)
    return None if row is None else _connection(row)


async def connections(database: Database, tenant: str, wanted: Filter, start: int, limit: int) -> list[ConnectionRow]:
    """`limit` of the connections that are wanted, after `start` others."""
    strategies = None if wanted.strategies is None else list(wanted.strategies)
    async with database.connection() as rows:
        found = await rows.fetch(_PAGE, tenant, strategies, wanted.name, wanted.client_id, wanted.after, start, limit)
    return [_connection(row) for row in found]


async def how_many(database: Database, tenant: str, wanted: Filter) -> int:
    """How many connections are wanted in all."""
    strategies = None if wanted.strategies is None else list(wanted.strategies)
    async with database.connection() as rows:
        counted: int = await rows.fetchval(
            f"SELECT count(*) {_WANTED}", tenant, strategies, wanted.name, wanted.client_id
        )
    return counted


async def clients(database: Database, tenant: str, connection_id: str, after: str, limit: int) -> list[str]:
    """`limit` of the applications that may use a connection, behind the id `after`."""
    async with database.connection() as rows:
        found = await rows.fetch(_CLIENTS, tenant, connection_id, after, limit)
    return [row["client_id"] for row in found]


async def letting_in(database: Database, tenant: str, first: str) -> LettingIn | None:
    """What is done about a new application of the tenant, whose first connection would be `first`."""
    async with database.connection() as rows:
        row = await rows.fetchrow(_LETTING_IN, tenant, first, DATABASE_STRATEGY)
    return None if row is None else LettingIn(**row)


async def connections_of(database: Database, tenant: str, client_id: str) -> list[str]:
    """The ids of the connections that an application may use."""
    async with database.connection() as rows:
        return [row["connection_id"] for row in await rows.fetch(_WITH_CLIENT, tenant, client_id)]


async def tenant(database: Database, name: str) -> TenantRow | None:
    """A tenant as far as it was heard of."""
    async with database.connection() as rows:
        return await _tenant(rows, name)


async def _tenant(rows: Rows, name: str) -> TenantRow | None:
    columns = ", ".join(TenantRow.__struct_fields__)
    row = await rows.fetchrow(f"SELECT {columns} FROM {TENANTS} WHERE tenant = $1", name)  # noqa: S608
    return None if row is None else TenantRow(**{**dict(row), "locales": tuple(row["locales"])})


def _connection(row: Record) -> ConnectionRow:
    properties = msgspec.json.decode(row["properties"])
    return ConnectionRow(row["connection_id"], row["name"], row["strategy"], properties, list(row["enabled"]))
