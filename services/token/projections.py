"""What `token` keeps of others: tenants as rows, for its statements to join; public keys and issuers in memory."""

from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec
from msgspec.structs import replace

from libs.edge.guard import Callers
from libs.eventstore import Envelope, Projection, folding, one_by_one
from libs.jose import FollowedKeys
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


class TenantRow(msgspec.Struct, frozen=True):
    """A tenant as the row says."""

    tenant: str
    version: int
    domain: str
    scheme: str
    issuer: str
    is_open: bool = False
    default_audience: str | None = None
    allowed_signing_algs: tuple[str, ...] = ("RS256",)


Changes = TenantRegistered | TenantDomainChanged | TenantSettingsChanged | TenantOpened


def after(row: TenantRow | None, envelope: Envelope, event: Changes) -> TenantRow | None:
    """A tenant's row after a fact about it."""
    match row, event:
        case None, TenantRegistered(domain=domain, scheme=scheme):
            return TenantRow(envelope.tenant, envelope.pos, domain, scheme, issuer_of(scheme, domain))
        case TenantRow(), TenantDomainChanged(domain=domain, scheme=scheme):
            issuer = issuer_of(scheme, domain)
            return replace(row, version=envelope.pos, domain=domain, scheme=scheme, issuer=issuer)
        case TenantRow(), TenantSettingsChanged(settings=settings):
            return replace(row, version=envelope.pos, **_concerning(settings))
        case TenantRow(), TenantOpened():
            return replace(row, version=envelope.pos, is_open=True)
        case _:
            return row


def _concerning(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of its settings that concern tokens, as columns."""
    columns: dict[str, Any] = {}
    if "default_audience" in settings:
        columns["default_audience"] = settings["default_audience"] or None
    if "allowed_signing_algs" in settings:
        columns["allowed_signing_algs"] = tuple(settings["allowed_signing_algs"] or ("RS256",))
    return columns


def issuer_of(scheme: str, domain: str) -> str:
    """A tenant's issuer (OpenID Connect Discovery section 3), with Auth0's slash."""
    return f"{scheme}://{domain}/"


APPLY: Final = folding(TenantRow, lambda envelope, _event: envelope.tenant, after)


def tenants(**hooks: Any) -> Projection:
    """The following projection of tenants."""
    return Projection(
        name=TENANTS,
        service="token",
        source=CATALOGUE,
        ddl=DDL,
        handles=dict.fromkeys(get_args(Changes), one_by_one(APPLY)),
        many=APPLY,
        **hooks,
    )


def callers() -> Callers:
    """Whom the Management API believes, in memory; a revoked key is gone as soon as its fact is heard."""
    keys = FollowedKeys(published=SigningKeyPublished, scheduled=SigningKeyScheduled, revoked=SigningKeyRevoked)
    return Callers(keys=keys, placed=(TenantRegistered, TenantDomainChanged))
