"""Read models of `key_rotation`: tenants as rows (following), issuers and public keys in memory (following)."""

from typing import Any, Final

from libs.edge.guard import Callers
from libs.eventstore import Envelope, Projection
from libs.jose import FollowedKeys
from libs.postgres import Connection
from services.key_rotation.events import SigningKeyPublished, SigningKeyRevoked, SigningKeyScheduled
from services.tenants.events import CATALOGUE as TENANT_FACTS
from services.tenants.events import TenantDomainChanged, TenantRegistered, TenantSettingsChanged

TENANTS: Final = "tenants_v1"

DDL: Final = """
CREATE TABLE {table} (
    tenant               text   PRIMARY KEY,
    domain               text   NOT NULL,
    scheme               text   NOT NULL,
    allowed_signing_algs text[] NOT NULL DEFAULT '{{RS256}}'
);
COMMENT ON TABLE  {table}                      IS 'Tenants as their keys need them; follows tenants.';
COMMENT ON COLUMN {table}.tenant               IS 'Its id.';
COMMENT ON COLUMN {table}.domain               IS 'host[:port]: the name on its certificates.';
COMMENT ON COLUMN {table}.scheme               IS 'http or https.';
COMMENT ON COLUMN {table}.allowed_signing_algs IS 'The algorithms it wants keys for.';
"""


async def registered(rows: Connection, table: str, envelope: Envelope, event: TenantRegistered) -> None:
    """A tenant exists."""
    await rows.execute(
        f"INSERT INTO {table} (tenant, domain, scheme) VALUES ($1, $2, $3) ON CONFLICT (tenant) DO NOTHING",  # noqa: S608
        envelope.tenant,
        event.domain,
        event.scheme,
    )


async def moved(rows: Connection, table: str, envelope: Envelope, event: TenantDomainChanged) -> None:
    """It has another domain."""
    await rows.execute(
        f"UPDATE {table} SET domain = $2, scheme = $3 WHERE tenant = $1",  # noqa: S608
        envelope.tenant,
        event.domain,
        event.scheme,
    )


async def settings_changed(rows: Connection, table: str, envelope: Envelope, event: TenantSettingsChanged) -> None:
    """It may want keys of other algorithms."""
    if "allowed_signing_algs" in event.settings:
        await rows.execute(
            f"UPDATE {table} SET allowed_signing_algs = $2 WHERE tenant = $1",  # noqa: S608
            envelope.tenant,
            event.settings["allowed_signing_algs"] or ["RS256"],
        )


def tenants(**hooks: Any) -> Projection:
    """The following projection of tenants."""
    return Projection(
        name=TENANTS,
        service="key_rotation",
        source=TENANT_FACTS,
        ddl=DDL,
        handles={
            TenantRegistered: registered,
            TenantDomainChanged: moved,
            TenantSettingsChanged: settings_changed,
        },
        **hooks,
    )


def callers() -> Callers:
    """Whom the Management API believes, in memory; a revoked key is gone as soon as its fact is heard."""
    keys = FollowedKeys(published=SigningKeyPublished, scheduled=SigningKeyScheduled, revoked=SigningKeyRevoked)
    return Callers(keys=keys, placed=(TenantRegistered, TenantDomainChanged))
