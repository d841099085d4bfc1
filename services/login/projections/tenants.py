"""Tenants, for their issuers and settings; follows `tenants`."""

from typing import Any, Final, get_args

import msgspec
from msgspec.structs import replace

from libs.eventstore import Envelope, Projection, folding, one_by_one
from services.login.projections.clients import merged
from services.tenants.events import CATALOGUE, TenantDomainChanged, TenantRegistered, TenantSettingsChanged

TENANTS: Final = "tenants_v1"

DDL: Final = """
CREATE TABLE {table} (
    tenant   text   PRIMARY KEY,
    version  bigint NOT NULL,
    name     text   NOT NULL,
    issuer   text   NOT NULL,
    settings jsonb  NOT NULL DEFAULT '{{}}'
);
COMMENT ON TABLE  {table}          IS 'Tenants with their settings; follows tenants.';
COMMENT ON COLUMN {table}.tenant   IS 'Its id.';
COMMENT ON COLUMN {table}.version  IS 'Position of the last fact that changed it.';
COMMENT ON COLUMN {table}.name     IS 'What it is called.';
COMMENT ON COLUMN {table}.issuer   IS 'scheme://domain/, the slash included.';
COMMENT ON COLUMN {table}.settings IS 'Its own settings, without defaults.';
"""


class TenantRow(msgspec.Struct, frozen=True):
    """A tenant as the row says."""

    tenant: str
    version: int
    name: str
    issuer: str
    settings: dict[str, Any] = {}


Changes = TenantRegistered | TenantDomainChanged | TenantSettingsChanged


def after(row: TenantRow | None, envelope: Envelope, event: Changes) -> TenantRow | None:
    """A tenant's row after a fact about it."""
    match row, event:
        case None, TenantRegistered(name=name, domain=domain, scheme=scheme):
            return TenantRow(envelope.tenant, envelope.pos, name, f"{scheme}://{domain}/")
        case TenantRow(), TenantDomainChanged(domain=domain, scheme=scheme):
            return replace(row, version=envelope.pos, issuer=f"{scheme}://{domain}/")
        case TenantRow(), TenantSettingsChanged(settings=settings):
            return replace(row, version=envelope.pos, settings=merged(row.settings, settings))
        case _:
            return row


APPLY: Final = folding(TenantRow, lambda envelope, _event: envelope.tenant, after)


def tenants(**hooks: Any) -> Projection:
    """The following projection of tenants."""
    return Projection(
        name=TENANTS,
        service="login",
        source=CATALOGUE,
        ddl=DDL,
        handles=dict.fromkeys(get_args(Changes), one_by_one(APPLY)),
        many=APPLY,
        **hooks,
    )
