"""What is asked of codes and grants: by a code's hash, a refresh token's handle, a grant's id, a person."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from libs.postgres import Database, Record
from services.token.rules.code import Code
from services.token.rules.refresh_token import Chain


class ApiRow(msgspec.Struct, frozen=True):
    """An API by its rows; `properties` is JSON text."""

    id: str
    version: int
    identifier: str
    properties: str
    is_system: bool


class GrantRow(msgspec.Struct, frozen=True, kw_only=True):
    """A grant that lives, as its row says; `client_is_there` is whether its application still exists.

    `read_at` is the database's time: by the request's, which is older, a retry would seem to be within the leeway.
    """

    grant_id: str
    handle: bytes
    salt: bytes
    epoch: int
    chain: Chain
    requested: dict[str, Any] | None
    idle_expires_at: datetime | None
    last_exchanged_at: datetime | None
    client_id: str
    person: str
    session_id: str
    scope: tuple[str, ...]
    audience: str | None
    auth_time: datetime
    acr: str | None
    amr: tuple[str, ...]
    org_id: str | None
    is_offline: bool
    created_at: datetime
    expires_at: datetime | None
    client_is_there: bool
    is_rotating: bool
    read_at: datetime


_API: Final = """
    r.id AS api_id, r.version AS api_version, r.identifier AS api_identifier, r.properties AS api_properties,
    r.is_system AS api_is_system
"""

_CODE: Final = f"""
SELECT c.sha256, c.client_id, c.redirect_uri, c.scope, c.audience, c.nonce, c.code_challenge, c.requested, c.person,
    c.session_id, c.auth_time, c.acr, c.amr, c.org_id, c.cnf, c.resource, c.act, c.issued_at, c.expires_at, c.spent_at,
    c.grant_id, clock_timestamp() AS read_at, {_API}
FROM codes c LEFT JOIN resource_servers r ON r.tenant = c.tenant AND r.identifier = c.audience
WHERE c.tenant = $1 AND c.sha256 = $2
"""  # noqa: S608

_GRANT: Final = f"""
SELECT g.grant_id, g.handle, g.salt, g.epoch, g.generation, g.retries, g.retry_until, g.requested, g.idle_expires_at,
    g.last_exchanged_at, g.client_id, g.person, g.session_id, g.scope, g.audience, g.auth_time, g.acr, g.amr, g.org_id,
    g.is_offline, g.created_at, g.expires_at, clock_timestamp() AS read_at, {_API},
    EXISTS (SELECT FROM clients c WHERE c.tenant = g.tenant AND c.client_id = g.client_id AND NOT c.is_deleted)
        AS client_is_there,
    coalesce((SELECT c.properties->'refresh_token'->>'rotation_type' = 'rotating' FROM clients c
              WHERE c.tenant = g.tenant AND c.client_id = g.client_id), false) AS is_rotating
FROM grants g LEFT JOIN resource_servers r ON r.tenant = g.tenant AND r.identifier = g.audience
WHERE g.tenant = $1 AND (g.expires_at IS NULL OR g.expires_at > clock_timestamp())
    AND (g.idle_expires_at IS NULL OR g.idle_expires_at > clock_timestamp())
"""  # noqa: S608

_API_BY_IDENTIFIER: Final = f"SELECT {_API} FROM resource_servers r WHERE r.tenant = $1 AND r.identifier = $2"  # noqa: S608

_OF_PERSON: Final = """
SELECT grant_id FROM grants
WHERE tenant = $1 AND person = $2 AND ($3::text IS NULL OR client_id = $3) AND ($4::text IS NULL OR audience = $4)
    AND ($5::text IS NULL OR session_id = $5)
ORDER BY grant_id
"""


async def code(database: Database, tenant: str, sha256: bytes) -> tuple[Code | None, ApiRow | None]:
    """A code, and the API it is for, if that is still there."""
    async with database.connection() as rows:
        row = await rows.fetchrow(_CODE, tenant, sha256)
    return (None, None) if row is None else (_code(row), _api(row))


async def grant_by_handle(database: Database, tenant: str, handle: bytes) -> tuple[GrantRow | None, ApiRow | None]:
    """A living grant by what its refresh tokens name, and the API it is for."""
    async with database.connection() as rows:
        row = await rows.fetchrow(f"{_GRANT} AND g.handle = $2 AND g.is_offline", tenant, handle)
    return (None, None) if row is None else (_grant(row), _api(row))


async def grant(database: Database, tenant: str, grant_id: str) -> GrantRow | None:
    """A living grant by its id."""
    async with database.connection() as rows:
        row = await rows.fetchrow(f"{_GRANT} AND g.grant_id = $2", tenant, grant_id)
    return None if row is None else _grant(row)


async def refresh_tokens(database: Database, tenant: str, person: str, after: str | None, take: int) -> list[GrantRow]:
    """A person's living grants with refresh tokens, by id, after the id `after`."""
    async with database.connection() as rows:
        found = await rows.fetch(
            f"{_GRANT} AND g.is_offline AND g.person = $2 AND g.grant_id > coalesce($3, '') "
            "ORDER BY g.grant_id LIMIT $4",
            tenant,
            person,
            after,
            take,
        )
    return [_grant(row) for row in found]


async def grants_of(
    database: Database, tenant: str, person: str, *, client_id: str | None, audience: str | None, session_id: str | None
) -> list[str]:
    """The ids of a person's grants, all or some."""
    async with database.connection() as rows:
        found = await rows.fetch(_OF_PERSON, tenant, person, client_id, audience, session_id)
    return [row["grant_id"] for row in found]


async def api(database: Database, tenant: str, identifier: str) -> ApiRow | None:
    """An API by its identifier."""
    async with database.connection() as rows:
        row = await rows.fetchrow(_API_BY_IDENTIFIER, tenant, identifier)
    return None if row is None else _api(row)


def _code(row: Record) -> Code:
    fields: dict[str, Any] = {name: row[name] for name in Code.__struct_fields__}
    fields |= {name: tuple(row[name]) for name in ("scope", "amr", "resource")}
    return Code(**{**fields, **_decoded(row, "requested", "cnf", "act")})


def _grant(row: Record) -> GrantRow:
    plain = [name for name in GrantRow.__struct_fields__ if name != "chain"]
    fields: dict[str, Any] = {name: row[name] for name in plain}
    fields |= {name: tuple(row[name]) for name in ("scope", "amr")}
    chain = Chain(row["grant_id"], row["generation"], row["retries"], row["retry_until"])
    return GrantRow(**{**fields, **_decoded(row, "requested"), "chain": chain})


def _decoded(row: Record, *names: str) -> Mapping[str, Any]:
    return {name: None if row[name] is None else msgspec.json.decode(row[name]) for name in names}


def _api(row: Record) -> ApiRow | None:
    if row["api_id"] is None:
        return None
    return ApiRow(row["api_id"], row["api_version"], row["api_identifier"], row["api_properties"], row["api_is_system"])
