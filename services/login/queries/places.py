"""Where somebody is: the tenant with its issuer and settings, and the connection, as the read models say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from libs.postgres import Database, Record
from libs.runtime.errors import Unavailable
from services.login.rules.protection import guards

PLACE: Final = "SELECT tenant, name, issuer, settings FROM tenants_v1 WHERE tenant = $1"

CONNECTION: Final = """
SELECT connection_id, name, strategy, properties FROM connections_v2
WHERE tenant = $1 AND (connection_id = $2 OR name = $2) ORDER BY (connection_id = $2) DESC LIMIT 1
"""

MAY_USE: Final = "SELECT EXISTS (SELECT FROM enabled_v1 WHERE tenant = $1 AND client_id = $2 AND connection_id = $3)"

CLIENT_NAME: Final = "SELECT properties->>'name' FROM clients_v1 WHERE tenant = $1 AND client_id = $2"
IS_CLIENT: Final = "SELECT true FROM clients_v1 WHERE tenant = $1 AND client_id = $2"


@dataclass(frozen=True)
class Place:
    """A tenant."""

    tenant: str
    name: str
    issuer: str
    settings: Mapping[str, Any]

    def has_flag(self, name: str) -> bool:
        """Whether one of Auth0's flags is on; off when nobody set it."""
        return (self.settings.get("flags") or {}).get(name) is True

    @property
    def friendly_name(self) -> str:
        """What people know it as."""
        return str(self.settings.get("friendly_name") or self.name)


@dataclass(frozen=True)
class Connection:
    """A connection."""

    connection_id: str
    name: str
    strategy: str
    options: Mapping[str, Any]

    @property
    def is_database(self) -> bool:
        """Whether its people are kept here."""
        return self.strategy == "auth0"

    @property
    def is_guarded(self) -> bool:
        """Whether its people are locked after wrong passwords, where the tenant has people locked at all."""
        return guards(self.options)


class UnknownTenant(Unavailable):
    """No such tenant has been heard of yet."""


async def place(database: Database, tenant: str) -> Place:
    """The tenant.

    Raises:
        UnknownTenant: it has not been heard of.
    """
    async with database.connection() as rows:
        row = await rows.fetchrow(PLACE, tenant)
    if row is None:
        raise UnknownTenant(tenant)
    return Place(row["tenant"], row["name"], row["issuer"], msgspec.json.decode(row["settings"]))


async def connection(database: Database, tenant: str, named: str) -> Connection | None:
    """A connection by its id or its name."""
    async with database.connection() as rows:
        row = await rows.fetchrow(CONNECTION, tenant, named)
    return None if row is None else _connection(row)


async def may_use(database: Database, tenant: str, client_id: str, connection_id: str) -> bool:
    """Whether an application may have people sign in by a connection."""
    async with database.connection() as rows:
        return bool(await rows.fetchval(MAY_USE, tenant, client_id, connection_id))


async def client_name(database: Database, tenant: str, client_id: str | None) -> str | None:
    """What an application is called; `None` when there is none of this id."""
    if client_id is None:
        return None
    async with database.connection() as rows:
        if await rows.fetchval(IS_CLIENT, tenant, client_id) is None:
            return None
        return await rows.fetchval(CLIENT_NAME, tenant, client_id) or client_id


def _connection(row: Record) -> Connection:
    options = msgspec.json.decode(row["properties"]).get("options")
    return Connection(
        row["connection_id"],
        row["name"],
        row["strategy"],
        options if isinstance(options, dict) else {},
    )
