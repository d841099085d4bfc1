"""What is asked about signing keys; it reads the state rows, so it never lags."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.jose import SIGNING_GRACE, ScheduledKey, retired_at
from libs.postgres import Connection, Database
from services.key_rotation.commands import WrappedKey
from services.key_rotation.projections import TENANTS


@dataclass(frozen=True)
class Due:
    """A tenant's algorithm whose announced key became current, so that another must be announced."""

    tenant: str
    alg: str


async def keys(database: Database, tenant: str) -> list[ScheduledKey]:
    """Every key of `tenant` with its public JWK, in the order in which they sign."""
    async with database.connection() as rows:
        found = await rows.fetch(
            "SELECT kid, alg, active_from, jwk, is_revoked FROM signing_keys "
            "WHERE tenant = $1 ORDER BY alg, active_from, kid",
            tenant,
        )
    return [
        ScheduledKey(row["kid"], row["alg"], row["active_from"], json.loads(row["jwk"]), is_revoked=row["is_revoked"])
        for row in found
    ]


async def jwk(rows: Connection, tenant: str, kid: str) -> dict[str, Any]:
    """The public key `kid`, which is there."""
    found: dict[str, Any] = json.loads(
        await rows.fetchval("SELECT jwk FROM signing_keys WHERE tenant = $1 AND kid = $2", tenant, kid)
    )
    return found


async def private_keys(database: Database, tenant: str, now: datetime) -> list[WrappedKey]:
    """The wrapped keys that sign now, or will, or may still within the grace of a replica that is late."""
    async with database.connection() as rows:
        found = await rows.fetch(
            "SELECT kid, alg, active_from, wrapped FROM signing_keys "
            "WHERE tenant = $1 AND NOT is_revoked ORDER BY alg, active_from, kid",
            tenant,
        )
    line = [ScheduledKey(row["kid"], row["alg"], row["active_from"], {}) for row in found]
    return [
        WrappedKey(
            kid=row["kid"], alg=row["alg"], wrapped=row["wrapped"], active_from=row["active_from"], is_revoked=False
        )
        for row, key in zip(found, line, strict=True)
        if _may_sign(key, line, now)
    ]


def _may_sign(key: ScheduledKey, line: Iterable[ScheduledKey], now: datetime) -> bool:
    retired = retired_at(key, line)
    return retired is None or now < retired + SIGNING_GRACE


async def due(database: Database) -> list[Due]:
    """Whose lines of keys have nothing announced, by the database's clock, among the algorithms that are allowed."""
    async with database.connection() as rows:
        found = await rows.fetch(
            "SELECT tenant, alg FROM signing_keys AS key WHERE NOT is_revoked AND NOT EXISTS ("  # noqa: S608
            f"SELECT FROM {TENANTS} AS t WHERE t.tenant = key.tenant AND key.alg <> ALL (t.allowed_signing_algs)) "
            "GROUP BY tenant, alg HAVING max(active_from) <= clock_timestamp() ORDER BY tenant, alg LIMIT 100"
        )
    return [Due(row["tenant"], row["alg"]) for row in found]


async def algorithms(database: Database, tenant: str) -> set[str]:
    """The algorithms for which `tenant` has keys."""
    async with database.connection() as rows:
        found = await rows.fetch("SELECT DISTINCT alg FROM signing_keys WHERE tenant = $1 AND NOT is_revoked", tenant)
    return {row["alg"] for row in found}


async def is_allowed(database: Database, tenant: str, alg: str) -> bool:
    """Whether `tenant` allows `alg`; one that has not been heard of allows what it has."""
    async with database.connection() as rows:
        allowed = await rows.fetchval(
            f"SELECT $2 = ANY (allowed_signing_algs) FROM {TENANTS} WHERE tenant = $1",  # noqa: S608
            tenant,
            alg,
        )
    return allowed is not False


async def tenants(database: Database) -> list[str]:
    """Every tenant that has keys, by id."""
    async with database.connection() as rows:
        found = await rows.fetch("SELECT tenant FROM key_lines ORDER BY tenant")
    return [row["tenant"] for row in found]


async def issuer_name(database: Database, tenant: str) -> str:
    """The name on a tenant's certificates: its domain, or its id while that has not been heard."""
    async with database.connection() as rows:
        domain = await rows.fetchval(f"SELECT domain FROM {TENANTS} WHERE tenant = $1", tenant)  # noqa: S608
    return domain or tenant


async def one_of_each_wrapping(rows: Connection) -> list[Any]:
    """One wrapped key for every key-encryption key that some row bears (its id follows its length, at byte 3)."""
    return list(
        await rows.fetch(
            "SELECT DISTINCT ON (substring(wrapped FROM 3 FOR get_byte(wrapped, 1))) tenant, kid, alg, wrapped "
            "FROM signing_keys ORDER BY substring(wrapped FROM 3 FOR get_byte(wrapped, 1))"
        )
    )
