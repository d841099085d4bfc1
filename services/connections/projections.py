"""Read models of `connections`: tenants, and who was erased, as rows; issuers, public keys and looks in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any, Final, get_args

import msgspec
from msgspec.structs import replace

from libs.edge.guard import Callers
from libs.eventstore import Envelope, Projection, folding, one_by_one
from libs.jose import FollowedKeys
from libs.postgres import Connection
from services.key_rotation.events import SigningKeyPublished, SigningKeyRevoked, SigningKeyScheduled
from services.login.events import CATALOGUE as PEOPLE
from services.login.events import UserErased
from services.tenants.events import (
    CATALOGUE,
    TenantBrandingChanged,
    TenantDomainChanged,
    TenantRegistered,
    TenantSettingsChanged,
)

TENANTS: Final = "tenants_v1"

DDL: Final = """
CREATE TABLE {table} (
    tenant          text    PRIMARY KEY,
    version         bigint  NOT NULL,
    name            text    NOT NULL,
    issuer          text    NOT NULL,
    friendly_name   text    NOT NULL DEFAULT '',
    color           text    NOT NULL DEFAULT '',
    support_email   text    NOT NULL DEFAULT '',
    locales         text[]  NOT NULL DEFAULT '{{en}}',
    enables_clients boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE  {table}                 IS 'Tenants as their mails and connections need them; follows tenants.';
COMMENT ON COLUMN {table}.tenant          IS 'Its id.';
COMMENT ON COLUMN {table}.version         IS 'Position of the last fact that changed it.';
COMMENT ON COLUMN {table}.name            IS 'What it was registered as.';
COMMENT ON COLUMN {table}.issuer          IS 'scheme://domain/, the slash included.';
COMMENT ON COLUMN {table}.friendly_name   IS 'What people read, when it was set.';
COMMENT ON COLUMN {table}.color           IS 'Its primary colour, as #rrggbb, when it was set.';
COMMENT ON COLUMN {table}.support_email   IS 'Whom people may ask, when it was set.';
COMMENT ON COLUMN {table}.locales         IS 'Languages of its mails, best first.';
COMMENT ON COLUMN {table}.enables_clients IS 'Whether a new application may use every database connection.';
"""


class TenantRow(msgspec.Struct, frozen=True):
    """A tenant as the row says."""

    tenant: str
    version: int
    name: str
    issuer: str
    friendly_name: str = ""
    color: str = ""
    support_email: str = ""
    locales: tuple[str, ...] = ("en",)
    enables_clients: bool = True


Changes = TenantRegistered | TenantDomainChanged | TenantSettingsChanged


def after(row: TenantRow | None, envelope: Envelope, event: Changes) -> TenantRow | None:
    """A tenant's row after a fact about it."""
    match row, event:
        case None, TenantRegistered(name=name, domain=domain, scheme=scheme):
            return TenantRow(envelope.tenant, envelope.pos, name, f"{scheme}://{domain}/")
        case TenantRow(), TenantDomainChanged(domain=domain, scheme=scheme):
            return replace(row, version=envelope.pos, issuer=f"{scheme}://{domain}/")
        case TenantRow(), TenantSettingsChanged(settings=settings):
            return replace(row, version=envelope.pos, **_concerning(settings))
        case _:
            return row


def _concerning(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of its settings that concern mails and connections, as columns."""
    columns: dict[str, Any] = {
        name: settings[name] or "" for name in ("friendly_name", "support_email") if name in settings
    }
    if "universal_login" in settings:
        columns["color"] = ((settings["universal_login"] or {}).get("colors") or {}).get("primary") or ""
    if "enabled_locales" in settings:
        columns["locales"] = tuple(settings["enabled_locales"] or ("en",))
    if "flags" in settings:
        columns["enables_clients"] = (settings["flags"] or {}).get("enable_client_connections") is not False
    return columns


APPLY: Final = folding(TenantRow, lambda envelope, _event: envelope.tenant, after)


def tenants(**hooks: Any) -> Projection:
    """The following projection of tenants."""
    return Projection(
        name=TENANTS,
        service="connections",
        source=CATALOGUE,
        ddl=DDL,
        handles=dict.fromkeys(get_args(Changes), one_by_one(APPLY)),
        many=APPLY,
        **hooks,
    )


ERASED: Final = "erased_v1"

ERASED_DDL: Final = """
CREATE TABLE {table} (
    tenant text NOT NULL,
    person text NOT NULL,
    PRIMARY KEY (tenant, person)
);
COMMENT ON TABLE  {table}        IS 'Who was erased: no mail to them is kept or taken on; follows login.';
COMMENT ON COLUMN {table}.tenant IS 'Whose user it was.';
COMMENT ON COLUMN {table}.person IS 'The opaque id.';
"""

FORGET: Final = (
    "DELETE FROM deliveries WHERE tenant = $1 AND subject = $2",
    "DELETE FROM dev_mailbox WHERE tenant = $1 AND subject = $2",
)


async def forget(rows: Connection, table: str, envelope: Envelope, event: UserErased) -> None:
    """Mails on their way to somebody who was erased, and those that would have been sent, are gone (DESIGN §8)."""
    await rows.execute(
        f"INSERT INTO {table} (tenant, person) VALUES ($1, $2) ON CONFLICT DO NOTHING",  # noqa: S608
        envelope.tenant,
        event.person,
    )
    for statement in FORGET:
        await rows.execute(statement, envelope.tenant, event.person)


def erased() -> Projection:
    """The following projection of who was erased; without it mails are delivered all the same."""
    return Projection(
        name=ERASED,
        service="connections",
        source=PEOPLE,
        ddl=ERASED_DDL,
        handles={UserErased: forget},
        is_critical=False,
    )


@dataclass(frozen=True)
class Look:
    """What a tenant's branding says of its mails: its primary colour, and the version of its logo, if it has them."""

    color: str = ""
    logo: str = ""


class Looks:
    """The looks of all tenants, in memory; one that was never heard of has none of its own."""

    def __init__(self) -> None:
        self._looks: dict[str, Look] = {}

    def tenant_fact(self, envelope: Envelope, event: Any) -> None:
        """Take in one fact about tenants."""
        if isinstance(event, TenantBrandingChanged):
            self._looks[envelope.tenant] = _look_after(self.of(envelope.tenant), event)

    def of(self, tenant: str) -> Look:
        """How a tenant's mails look."""
        return self._looks.get(tenant, Look())


def _look_after(look: Look, event: TenantBrandingChanged) -> Look:
    if "colors" in event.branding:
        look = changed(look, color=(event.branding["colors"] or {}).get("primary") or "")
    if "logo" in event.pictures:
        look = changed(look, logo=event.pictures["logo"] or "")
    return look


def callers() -> Callers:
    """Whom the Management API believes, in memory; a revoked key is gone as soon as its fact is heard."""
    keys = FollowedKeys(published=SigningKeyPublished, scheduled=SigningKeyScheduled, revoked=SigningKeyRevoked)
    return Callers(keys=keys, placed=(TenantRegistered, TenantDomainChanged))
