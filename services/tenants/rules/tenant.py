"""One tenant's life: registered, prepared part by part, open; moved and changed whenever it pleases."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from libs.eventstore import Event
from services.tenants.commands import (
    ChangeBranding,
    ChangePrompts,
    ChangeProtection,
    ChangeSettings,
    MarkPrepared,
    MoveTenant,
    RegisterTenant,
)
from services.tenants.events import (
    TenantBrandingChanged,
    TenantDomainChanged,
    TenantOpened,
    TenantPartPrepared,
    TenantPromptsChanged,
    TenantProtectionChanged,
    TenantRegistered,
    TenantSettingsChanged,
)
from services.tenants.rules import protection
from services.tenants.rules.branding import PROMPTS, difference_of
from services.tenants.rules.settings import difference, taken_in

PARTS: Final = ("keys", "token", "connections")
"""What others make before a tenant can open.

`key_rotation` makes its first key, `token` its Management API, `connections` the database connection people sign up in.
A tenant that was open before a part was asked for stays open.
"""

SCHEMES: Final = {"http": ":80", "https": ":443"}
"""The schemes of an issuer, each with the port that is not said."""

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::[1-9][0-9]{{0,4}})?")
_MAX_DOMAIN: Final = 259
_MAX_NAME: Final = 255


# What is remembered


@dataclass(frozen=True)
class Tenant:
    """A tenant that exists; `settings`, `branding`, `prompts` and `protection` are its own, without defaults."""

    name: str
    domain: str
    scheme: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    prepared: frozenset[str] = frozenset()
    is_open: bool = False
    branding: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    prompts: Mapping[str, Any] = field(default_factory=dict)
    protection: Mapping[str, Any] = field(default_factory=dict)

    @property
    def waiting_for(self) -> list[str]:
        """The parts that are still missing."""
        return [part for part in PARTS if part not in self.prepared]


@dataclass(frozen=True)
class Entry:
    """The register's entry of one id, and whether the domain a command asks for is another tenant's."""

    tenant: Tenant | None = None
    is_domain_taken: bool = False


# What a fact changes


def evolve(state: Entry, event: Event) -> Entry:
    """The entry after `event`."""
    if isinstance(event, TenantRegistered):
        return replace(state, tenant=Tenant(event.name, event.domain, event.scheme))
    if state.tenant is None:
        return state
    return replace(state, tenant=_changed(state.tenant, event))


def _changed(tenant: Tenant, event: Event) -> Tenant:
    match event:
        case TenantDomainChanged(domain=domain, scheme=scheme):
            return replace(tenant, domain=domain, scheme=scheme)
        case TenantSettingsChanged() | TenantBrandingChanged() | TenantPromptsChanged() | TenantProtectionChanged():
            return _configured(tenant, event)
        case TenantPartPrepared(part=part):
            return replace(tenant, prepared=tenant.prepared | {part})
        case TenantOpened():
            return replace(tenant, is_open=True)
        case _:
            return tenant


Configured = TenantSettingsChanged | TenantBrandingChanged | TenantPromptsChanged | TenantProtectionChanged


def _configured(tenant: Tenant, event: Configured) -> Tenant:
    match event:
        case TenantSettingsChanged(settings=settings):
            return replace(tenant, settings=taken_in(tenant.settings, settings))
        case TenantBrandingChanged(branding=branding, pictures=pictures):
            shown = taken_in(tenant.pictures, pictures)
            return replace(tenant, branding=taken_in(tenant.branding, branding), pictures=shown)
        case TenantPromptsChanged(prompts=prompts):
            return replace(tenant, prompts=taken_in(tenant.prompts, prompts))
        case TenantProtectionChanged(protection=changed):
            return replace(tenant, protection=taken_in(tenant.protection, changed))


# What a command causes


class Refused(Exception):
    """The register says no; the message is for the operator."""


class NoSuchTenant(Refused):
    """There is no tenant of this id."""


class TenantExists(Refused):
    """The id is another tenant's: its name or its place is not the one given."""


class DomainTaken(Refused):
    """Two tenants cannot share a domain: a request's host says whose it is."""


class NotATenant(Refused):
    """The id, name, domain or scheme does not have its form."""


def canonical(domain: str, scheme: str) -> str:
    """A domain in the one spelling that is compared: lower case, without the scheme's own port."""
    return domain.lower().removesuffix(SCHEMES.get(scheme, ""))


def register(command: RegisterTenant, state: Entry, _now: datetime) -> Sequence[Event]:
    """A new tenant, or nothing when it is there exactly so."""
    domain = _place(command.domain, command.scheme)
    _require_words(command)
    if (known := state.tenant) is not None:
        if (known.name, known.domain, known.scheme) == (command.name, domain, command.scheme):
            return []
        raise TenantExists(
            f"the tenant {command.tenant} exists, with name {known.name} at {known.scheme}://{known.domain}/"
        )
    _require_free(state, domain)
    return [TenantRegistered(name=command.name, domain=domain, scheme=command.scheme)]


def move(command: MoveTenant, state: Entry, _now: datetime) -> Sequence[Event]:
    """Another domain or scheme, or nothing when the tenant is there already."""
    tenant = _existing(command.tenant, state)
    domain = _place(command.domain, command.scheme)
    if (tenant.domain, tenant.scheme) == (domain, command.scheme):
        return []
    _require_free(state, domain)
    return [TenantDomainChanged(domain=domain, scheme=command.scheme)]


def change_settings(command: ChangeSettings, state: Entry, _now: datetime) -> Sequence[Event]:
    """The settings that differ, or nothing."""
    tenant = _existing(command.tenant, state)
    changes = difference(tenant.settings, command.settings)
    return [TenantSettingsChanged(settings=changes)] if changes else []


def change_branding(command: ChangeBranding, state: Entry, _now: datetime) -> Sequence[Event]:
    """What differs, or nothing: a picture that was fetched again and is another one is a change too."""
    tenant = _existing(command.tenant, state)
    branding = difference_of(tenant.branding, command.branding)
    versions = {name: None if picture is None else picture.version for name, picture in command.pictures.items()}
    pictures = {name: version for name, version in versions.items() if tenant.pictures.get(name) != version}
    return [TenantBrandingChanged(branding=branding, pictures=pictures)] if branding or pictures else []


def change_prompts(command: ChangePrompts, state: Entry, _now: datetime) -> Sequence[Event]:
    """The settings that differ, or nothing."""
    tenant = _existing(command.tenant, state)
    changes = difference_of(tenant.prompts, command.prompts, PROMPTS)
    return [TenantPromptsChanged(prompts=changes)] if changes else []


def change_protection(command: ChangeProtection, state: Entry, _now: datetime) -> Sequence[Event]:
    """The protection that differs, or nothing."""
    tenant = _existing(command.tenant, state)
    changes = protection.difference(tenant.protection, command.shield, command.settings)
    return [TenantProtectionChanged(protection=changes)] if changes else []


def mark_prepared(command: MarkPrepared, state: Entry, _now: datetime) -> Sequence[Event]:
    """A part is there; with the last one the tenant opens. What is known already, or of nobody, changes nothing."""
    tenant = state.tenant
    if tenant is None or command.part in tenant.prepared:
        return []
    prepared = TenantPartPrepared(part=command.part)
    is_complete = set(PARTS) <= tenant.prepared | {command.part}
    return [prepared, TenantOpened()] if is_complete and not tenant.is_open else [prepared]


def _existing(tenant: str, state: Entry) -> Tenant:
    if state.tenant is None:
        raise NoSuchTenant(f"there is no tenant {tenant}")
    return state.tenant


def _place(domain: str, scheme: str) -> str:
    if scheme not in SCHEMES:
        raise NotATenant("the scheme is http or https")
    place = canonical(domain, scheme)
    if len(place) > _MAX_DOMAIN or not _DOMAIN.fullmatch(place):
        raise NotATenant("the domain is host or host:port, without scheme and path")
    return place


def _require_words(command: RegisterTenant) -> None:
    if not _ID.fullmatch(command.tenant):
        raise NotATenant("the id of a tenant is up to 63 of a-z 0-9 _ -, and begins with a letter or digit")
    if not 0 < len(command.name) <= _MAX_NAME or not command.name.isprintable():
        raise NotATenant(f"the name of a tenant is 1 to {_MAX_NAME} printable characters")


def _require_free(state: Entry, domain: str) -> None:
    if state.is_domain_taken:
        raise DomainTaken(f"{domain} is the domain of another tenant")
