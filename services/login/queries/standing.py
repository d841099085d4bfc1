"""Where an application stands: the application, its tenant and the connections it may use, in one statement.

A page of a login under way reads the login in the same one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import msgspec

from libs.oauth.authorization import Registered
from libs.postgres import Database, Record
from libs.runtime.errors import Unavailable
from services.login.commands import Lifetimes
from services.login.projections.connections import ConnectionRow
from services.login.projections.tenants import TenantRow
from services.login.rows import transactions

_SAID: Final = """
    to_jsonb(t) AS tenant, c.properties, c.registered_at,
    (SELECT coalesce(jsonb_agg(to_jsonb(n) ORDER BY n.connection_id), '[]')
     FROM enabled_v1 e JOIN connections_v2 n ON n.key = e.tenant || '/' || e.connection_id
     WHERE e.tenant = t.tenant AND e.client_id = x.client_id) AS connections
"""

STANDING: Final = f"""
SELECT x.client_id, {_SAID}, a.identifier AS api, a.properties AS api_properties
FROM (SELECT $1::text AS tenant, $2::text AS client_id) x JOIN tenants_v1 t ON t.tenant = x.tenant
LEFT JOIN clients_v1 c ON c.key = t.tenant || '/' || x.client_id
LEFT JOIN apis_v1 a ON a.tenant = t.tenant AND a.identifier = coalesce($3, t.settings->>'default_audience')
"""  # noqa: S608  # of constants

UNDER_WAY: Final = f"""
SELECT {transactions.COLUMNS}, {_SAID}, NULL AS api
FROM transactions x JOIN tenants_v1 t ON t.tenant = x.tenant
LEFT JOIN clients_v1 c ON c.key = t.tenant || '/' || x.client_id
WHERE x.tenant = $1 AND x.id = $2 AND x.expires_at > clock_timestamp()
"""  # noqa: S608

API: Final = "SELECT identifier, properties FROM apis_v1 WHERE tenant = $1 AND identifier = $2"

CLIENTS: Final = "SELECT client_id, properties FROM clients_v1 WHERE key = ANY ($1)"

SETTLING: Final = timedelta(seconds=10)
"""`connections` hears of a new application and enables its own for it; until then there is none."""

IDLE: Final = timedelta(hours=72)
ABSOLUTE: Final = timedelta(hours=168)


@dataclass(frozen=True)
class ClientRow:
    """An application, its tenant, and where people may sign in to it."""

    client_id: str
    properties: dict[str, Any]
    tenant: TenantRow
    connections: tuple[ConnectionRow, ...] = ()
    registered_at: datetime | None = None
    api: "ApiRow | None" = None
    """The one that was asked for together with the application, or the tenant's own choice."""

    def is_settling(self, now: datetime) -> bool:
        """Whether it is so new that the connections which are enabled for it may not have been heard of."""
        return not self.connections and self.registered_at is not None and now - self.registered_at < SETTLING

    @property
    def name(self) -> str:
        """What people know it as."""
        return str(self.properties.get("name") or self.client_id)

    @property
    def is_first_party(self) -> bool:
        """Whether it is the tenant's own: nobody is asked for consent."""
        return self.properties.get("is_first_party") is not False

    @cached_property
    def registered(self) -> Registered:
        """What an authorization request is measured by."""
        properties = self.properties
        return Registered(
            client_id=self.client_id,
            callbacks=_texts(properties.get("callbacks")),
            web_origins=_texts(properties.get("web_origins")),
            grant_types=_texts(properties.get("grant_types")),
            is_native=properties.get("app_type") == "native",
            is_public=properties.get("token_endpoint_auth_method") == "none",
        )

    @property
    def logout_urls(self) -> tuple[str, ...]:
        """Where a logout may lead."""
        return _texts(self.properties.get("allowed_logout_urls"))

    @property
    def backchannel_logout_urls(self) -> tuple[str, ...]:
        """Where it wants to be told that a session is over."""
        return backchannel_of(self.properties)


def backchannel_of(properties: dict[str, Any]) -> tuple[str, ...]:
    """An application's back-channel logout addresses; the older name of the property counts too."""
    said = properties.get("oidc_logout") or properties.get("oidc_backchannel_logout") or {}
    return _texts(said.get("backchannel_logout_urls"))


def lifetimes_of(tenant: TenantRow) -> Lifetimes:
    """How long its sessions live; Auth0's settings are in hours."""
    idle, absolute = tenant.settings.get("idle_session_lifetime"), tenant.settings.get("session_lifetime")
    return Lifetimes(timedelta(hours=idle) if idle else IDLE, timedelta(hours=absolute) if absolute else ABSOLUTE)


def is_persistent(tenant: TenantRow) -> bool:
    """Whether the session's cookie outlives the browser."""
    mode = (tenant.settings.get("session_cookie") or {}).get("mode")
    return mode != "non-persistent"


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


class UnknownTenant(Unavailable):
    """No such tenant has been heard of yet."""


async def standing(database: Database, tenant: str, client_id: str, audience: str | None = None) -> ClientRow | None:
    """The application, or `None`; with the API of the audience, or of the tenant's default one.

    Raises:
        UnknownTenant: the tenant has not been heard of.
    """
    async with database.connection() as rows:
        row = await rows.fetchrow(STANDING, tenant, client_id, audience)
    if row is None:
        raise UnknownTenant(tenant)
    return _client(row)


async def under_way(
    database: Database, tenant: str, id_: str, secret: str | None
) -> tuple[transactions.Kept, ClientRow | None]:
    """A login under way in the browser that has `secret`, and the application it is for, if that is still there.

    Raises:
        TransactionGone, NotThisBrowser: see `transactions.kept`.
    """
    async with database.connection() as rows:
        row = await rows.fetchrow(UNDER_WAY, tenant, id_)
    kept = transactions.kept(tenant, id_, secret, row)
    return kept, _client(row) if row else None


def _client(row: Record) -> ClientRow | None:
    if row["properties"] is None:
        return None
    return ClientRow(
        row["client_id"],
        msgspec.json.decode(row["properties"]),
        msgspec.json.decode(row["tenant"], type=TenantRow),
        msgspec.json.decode(row["connections"], type=tuple[ConnectionRow, ...]),
        row["registered_at"],
        None if row["api"] is None else ApiRow(row["api"], msgspec.json.decode(row["api_properties"])),
    )


async def tenant_row(database: Database, tenant: str) -> TenantRow:
    """The tenant.

    Raises:
        UnknownTenant: it has not been heard of.
    """
    async with database.connection() as rows:
        row = await rows.fetchval("SELECT to_jsonb(t) FROM tenants_v1 t WHERE tenant = $1", tenant)
    if row is None:
        raise UnknownTenant(tenant)
    return msgspec.json.decode(row, type=TenantRow)


@dataclass(frozen=True)
class ApiRow:
    """An API, as a consent page tells of it."""

    identifier: str
    properties: dict[str, Any]

    @property
    def name(self) -> str:
        """What people know it as."""
        return str(self.properties.get("name") or self.identifier)

    @property
    def scopes(self) -> dict[str, str]:
        """What may be asked of it, with what people are told."""
        return {each["value"]: each.get("description") or "" for each in self.properties.get("scopes") or ()}


async def api(database: Database, tenant: str, audience: str) -> ApiRow | None:
    """The API of this audience."""
    async with database.connection() as rows:
        row = await rows.fetchrow(API, tenant, audience)
    return None if row is None else ApiRow(row["identifier"], msgspec.json.decode(row["properties"]))


async def clients_of(database: Database, tenant: str, client_ids: list[str]) -> dict[str, dict[str, Any]]:
    """The properties of applications, by id."""
    async with database.connection() as rows:
        found = await rows.fetch(CLIENTS, [f"{tenant}/{each}" for each in client_ids])
    return {row["client_id"]: msgspec.json.decode(row["properties"]) for row in found}
