"""What is asked of codes and grants: by a code's hash, a refresh token's handle, a grant's id, a person."""

from collections.abc import Mapping, Sequence
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
    """A grant that lives, as its row says.

    `client_is_there` and `api_is_there` are whether its application and the API, if it is for one, still exist.

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
    metadata: dict[str, str] | None
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
    api_is_there: bool
    is_rotating: bool
    read_at: datetime


_API: Final = """
    r.id AS api_id, r.version AS api_version, r.identifier AS api_identifier, r.properties AS api_properties,
    r.is_system AS api_is_system
"""

_CODES: Final = f"""
SELECT n, c.sha256, c.client_id, c.redirect_uri, c.is_redirect_uri_implied, c.scope, c.audience, c.nonce,
    c.code_challenge, c.requested, c.person, c.session_id, c.auth_time, c.acr, c.amr, c.org_id, c.cnf, c.resource,
    c.act, c.issued_at, c.expires_at, c.spent_at, c.grant_id, clock_timestamp() AS read_at, {_API}
FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS asked(tenant, sha256, n)
JOIN codes c ON c.tenant = asked.tenant AND c.sha256 = asked.sha256
LEFT JOIN resource_servers r ON r.tenant = c.tenant AND r.identifier = c.audience
"""  # noqa: S608

_READ: Final = f"""
g.grant_id, g.handle, g.salt, g.epoch, g.generation, g.retries, g.retry_until, g.requested, g.idle_expires_at,
    g.last_exchanged_at, g.metadata, g.client_id, g.person, g.session_id, g.scope, g.audience, g.auth_time, g.acr,
    g.amr, g.org_id, g.is_offline, g.created_at, g.expires_at, clock_timestamp() AS read_at, {_API},
    EXISTS (SELECT FROM clients c WHERE c.tenant = g.tenant AND c.client_id = g.client_id AND NOT c.is_deleted)
        AS client_is_there,
    (g.audience IS NULL OR r.id IS NOT NULL) AS api_is_there,
    coalesce((SELECT c.properties->'refresh_token'->>'rotation_type' = 'rotating' FROM clients c
              WHERE c.tenant = g.tenant AND c.client_id = g.client_id), false) AS is_rotating
"""  # noqa: S608  # of constants
_API_OF_GRANT: Final = "LEFT JOIN resource_servers r ON r.tenant = g.tenant AND r.identifier = g.audience"
_LIVES: Final = """
(g.expires_at IS NULL OR g.expires_at > clock_timestamp())
    AND (g.idle_expires_at IS NULL OR g.idle_expires_at > clock_timestamp())
"""

_GRANT: Final = f"SELECT {_READ} FROM grants g {_API_OF_GRANT} WHERE g.tenant = $1 AND {_LIVES}"  # noqa: S608

_BY_HANDLE: Final = f"""
SELECT n, {_READ}
FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS asked(tenant, handle, n)
JOIN grants g ON g.tenant = asked.tenant AND g.handle = asked.handle AND g.is_offline AND {_LIVES} {_API_OF_GRANT}
"""  # noqa: S608

_API_BY_IDENTIFIER: Final = f"SELECT {_API} FROM resource_servers r WHERE r.tenant = $1 AND r.identifier = $2"  # noqa: S608

_OF_PERSON: Final = """
SELECT grant_id FROM grants
WHERE tenant = $1 AND person = $2 AND ($3::text IS NULL OR client_id = $3) AND ($4::text IS NULL OR audience = $4)
    AND ($5::text IS NULL OR session_id = $5)
ORDER BY grant_id
"""

_NAMED: Final = """
SELECT DISTINCT session_id FROM grants WHERE tenant = $1 AND person = ANY ($2) AND session_id = ANY ($3)
"""


Named = tuple[str, bytes]
"""A tenant, and what of its: the hash of a code, the handle of a refresh token."""


async def codes(database: Database, named: Sequence[Named]) -> list[tuple[Code | None, ApiRow | None]]:
    """Codes, and the APIs they are for, if those are still there; in the order in which they are named."""
    async with database.connection() as rows:
        found = {row["n"]: row for row in await rows.fetch(_CODES, *_columns(named))}
    numbers = range(1, len(named) + 1)
    return [(_code(found[n]), _api(found[n])) if n in found else (None, None) for n in numbers]


async def grants_by_handle(database: Database, named: Sequence[Named]) -> list[tuple[GrantRow | None, ApiRow | None]]:
    """Living grants by what their refresh tokens name, and the APIs they are for; in the order of the names."""
    async with database.connection() as rows:
        found = {row["n"]: row for row in await rows.fetch(_BY_HANDLE, *_columns(named))}
    numbers = range(1, len(named) + 1)
    return [(_grant(found[n]), _api(found[n])) if n in found else (None, None) for n in numbers]


def _columns(named: Sequence[Named]) -> tuple[list[str], list[bytes]]:
    return [tenant for tenant, _ in named], [name for _, name in named]


async def grant(database: Database, tenant: str, grant_id: str) -> GrantRow | None:
    """A living grant by its id."""
    async with database.connection() as rows:
        row = await rows.fetchrow(f"{_GRANT} AND g.grant_id = $2", tenant, grant_id)
    return None if row is None else _grant(row)


async def refresh_tokens(
    database: Database, tenant: str, person: str, client_id: str | None, after: str | None, take: int
) -> list[GrantRow]:
    """A person's living grants with refresh tokens, all or an application's, by id, after the id `after`."""
    async with database.connection() as rows:
        found = await rows.fetch(
            f"{_GRANT} AND g.is_offline AND g.person = $2 AND g.grant_id > coalesce($3, '') "
            "AND ($5::text IS NULL OR g.client_id = $5) ORDER BY g.grant_id LIMIT $4",
            tenant,
            person,
            after,
            take,
            client_id,
        )
    return [_grant(row) for row in found]


async def grants_of(
    database: Database, tenant: str, person: str, *, client_id: str | None, audience: str | None, session_id: str | None
) -> list[str]:
    """The ids of a person's grants, all or some."""
    async with database.connection() as rows:
        found = await rows.fetch(_OF_PERSON, tenant, person, client_id, audience, session_id)
    return [row["grant_id"] for row in found]


async def named_sessions(
    database: Database, tenant: str, persons: Sequence[str], session_ids: Sequence[str]
) -> list[str]:
    """Those of some people's sessions in which a grant began that has not ended."""
    async with database.connection() as rows:
        found = await rows.fetch(_NAMED, tenant, persons, session_ids)
    return [row["session_id"] for row in found]


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
    return GrantRow(**{**fields, **_decoded(row, "requested", "metadata"), "chain": chain})


def _decoded(row: Record, *names: str) -> Mapping[str, Any]:
    return {name: None if row[name] is None else msgspec.json.decode(row[name]) for name in names}


def _api(row: Record) -> ApiRow | None:
    if row["api_id"] is None:
        return None
    return ApiRow(row["api_id"], row["api_version"], row["api_identifier"], row["api_properties"], row["api_is_system"])
