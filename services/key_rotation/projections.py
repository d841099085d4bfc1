"""Read models of `key_rotation`: tenants as rows (following), issuers and public keys in memory (following)."""

from typing import Any, Final, get_args

import msgspec
from msgspec.structs import replace

from libs.edge.guard import Callers
from libs.eventstore import Envelope, Projection, folding, one_by_one
from libs.jose import FollowedKeys
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


class TenantRow(msgspec.Struct, frozen=True):
    """A tenant as the row says."""

    tenant: str
    domain: str
    scheme: str
    allowed_signing_algs: tuple[str, ...] = ("RS256",)


Changes = TenantRegistered | TenantDomainChanged | TenantSettingsChanged


def after(row: TenantRow | None, envelope: Envelope, event: Changes) -> TenantRow | None:
    """A tenant's row after a fact about it."""
    match row, event:
        case None, TenantRegistered(domain=domain, scheme=scheme):
            return TenantRow(envelope.tenant, domain, scheme)
        case TenantRow(), TenantDomainChanged(domain=domain, scheme=scheme):
            return replace(row, domain=domain, scheme=scheme)
        case TenantRow(), TenantSettingsChanged(settings=settings) if "allowed_signing_algs" in settings:
            return replace(row, allowed_signing_algs=tuple(settings["allowed_signing_algs"] or ("RS256",)))
        case _:
            return row


APPLY: Final = folding(TenantRow, lambda envelope, _event: envelope.tenant, after)


def tenants(**hooks: Any) -> Projection:
    """The following projection of tenants."""
    return Projection(
        name=TENANTS,
        service="key_rotation",
        source=TENANT_FACTS,
        ddl=DDL,
        handles=dict.fromkeys(get_args(Changes), one_by_one(APPLY)),
        many=APPLY,
        **hooks,
    )


def callers() -> Callers:
    """Whom the Management API believes, in memory; a revoked key is gone as soon as its fact is heard."""
    keys = FollowedKeys(published=SigningKeyPublished, scheduled=SigningKeyScheduled, revoked=SigningKeyRevoked)
    return Callers(keys=keys, placed=(TenantRegistered, TenantDomainChanged))
