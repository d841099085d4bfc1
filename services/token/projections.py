"""What `token` keeps of others: tenants as rows, for its statements to join; public keys and issuers in memory."""

from typing import Any

import msgspec

from libs.edge.guard import Callers
from libs.eventstore import Envelope, Projection
from libs.jose import FollowedKeys
from libs.postgres import Connection
from services.key_rotation.events import SigningKeyPublished, SigningKeyRevoked, SigningKeyScheduled
from services.tenants.events import (
    CATALOGUE,
    TenantDomainChanged,
    TenantOpened,
    TenantRegistered,
    TenantSettingsChanged,
)

TENANTS = "tenants_v1"

DDL = """
CREATE TABLE {table} (
    tenant               text    PRIMARY KEY,
    version              bigint  NOT NULL,
    domain               text    NOT NULL,
    scheme               text    NOT NULL,
    issuer               text    NOT NULL,
    is_open              boolean NOT NULL DEFAULT false,
    default_audience     text,
    allowed_signing_algs text[]  NOT NULL DEFAULT '{{RS256}}'
);
COMMENT ON TABLE  {table}                      IS 'Tenants as the token endpoint needs them; follows tenants.';
COMMENT ON COLUMN {table}.tenant               IS 'Its id.';
COMMENT ON COLUMN {table}.version              IS 'Position of the last fact that changed it.';
COMMENT ON COLUMN {table}.domain               IS 'host[:port].';
COMMENT ON COLUMN {table}.scheme               IS 'http or https.';
COMMENT ON COLUMN {table}.issuer               IS 'scheme://domain/, the slash included.';
COMMENT ON COLUMN {table}.is_open              IS 'Whether provisioning has finished.';
COMMENT ON COLUMN {table}.default_audience     IS 'The audience when a request names none.';
COMMENT ON COLUMN {table}.allowed_signing_algs IS 'What an API may sign with.';
"""


async def registered(rows: Connection, table: str, envelope: Envelope, event: TenantRegistered) -> None:
    """A tenant exists."""
    await rows.execute(
        f"INSERT INTO {table} (tenant, version, domain, scheme, issuer) VALUES ($1, $2, $3, $4, $5) "  # noqa: S608
        "ON CONFLICT (tenant) DO NOTHING",
        envelope.tenant,
        envelope.pos,
        event.domain,
        event.scheme,
        issuer_of(event.scheme, event.domain),
    )


async def moved(rows: Connection, table: str, envelope: Envelope, event: TenantDomainChanged) -> None:
    """Its issuer is another."""
    await rows.execute(
        f"UPDATE {table} SET version = $2, domain = $3, scheme = $4, issuer = $5 WHERE tenant = $1",  # noqa: S608
        envelope.tenant,
        envelope.pos,
        event.domain,
        event.scheme,
        issuer_of(event.scheme, event.domain),
    )


async def settings_changed(rows: Connection, table: str, envelope: Envelope, event: TenantSettingsChanged) -> None:
    """Some of its settings concern tokens."""
    settings = event.settings
    await rows.execute(
        f"UPDATE {table} SET version = $2, "  # noqa: S608
        "default_audience = CASE WHEN $3 THEN $4 ELSE default_audience END, "
        "allowed_signing_algs = CASE WHEN $5 THEN $6::text[] ELSE allowed_signing_algs END WHERE tenant = $1",
        envelope.tenant,
        envelope.pos,
        "default_audience" in settings,
        settings.get("default_audience") or None,
        "allowed_signing_algs" in settings,
        settings.get("allowed_signing_algs") or ["RS256"],
    )


async def opened(rows: Connection, table: str, envelope: Envelope, _event: TenantOpened) -> None:
    """It has all it needs."""
    await rows.execute(
        f"UPDATE {table} SET version = $2, is_open = true WHERE tenant = $1",  # noqa: S608
        envelope.tenant,
        envelope.pos,
    )


def issuer_of(scheme: str, domain: str) -> str:
    """A tenant's issuer (OpenID Connect Discovery section 3), with Auth0's slash."""
    return f"{scheme}://{domain}/"


def tenants(**hooks: Any) -> Projection:
    """The following projection of tenants."""
    return Projection(
        name=TENANTS,
        service="token",
        source=CATALOGUE,
        ddl=DDL,
        handles={
            TenantRegistered: registered,
            TenantDomainChanged: moved,
            TenantSettingsChanged: settings_changed,
            TenantOpened: opened,
        },
        **hooks,
    )


class TenantRow(msgspec.Struct, frozen=True):
    """A tenant as the row says."""

    tenant: str
    version: int
    domain: str
    scheme: str
    issuer: str
    is_open: bool
    default_audience: str | None
    allowed_signing_algs: tuple[str, ...]


def callers() -> Callers:
    """Whom the Management API believes, in memory; a revoked key is gone as soon as its fact is heard."""
    keys = FollowedKeys(published=SigningKeyPublished, scheduled=SigningKeyScheduled, revoked=SigningKeyRevoked)
    return Callers(keys=keys, placed=(TenantRegistered, TenantDomainChanged))
