"""How every tenant looks, in memory; follows `tenants`, which also serves the pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from libs.eventstore import Envelope
from services.login.routes.brand import Brand
from services.tenants.events import (
    TenantBrandingChanged,
    TenantPromptsChanged,
    TenantRegistered,
    TenantSettingsChanged,
)

PICTURES: Final = "/u/branding/"
"""Below it the gateway finds the pictures; the version in the address makes a changed one seen at once."""


@dataclass(frozen=True)
class Look:
    """What a tenant's facts said of how it looks."""

    name: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    branding: Mapping[str, Any] = field(default_factory=dict)
    prompts: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)

    def after(self, event: Any) -> "Look":
        """The same, after one more fact."""
        match event:
            case TenantRegistered():
                return replace(self, name=event.name)
            case TenantSettingsChanged():
                return replace(self, settings=_changed(self.settings, event.settings))
            case TenantBrandingChanged():
                pictures = _changed(self.pictures, event.pictures)
                return replace(self, branding=_changed(self.branding, event.branding), pictures=pictures)
            case TenantPromptsChanged():
                return replace(self, prompts=_changed(self.prompts, event.prompts))
            case _:
                return self

    def brand(self) -> Brand:
        """What the pages show of it."""
        pictures = {name: f"{PICTURES}{name}?v={version}" for name, version in self.pictures.items()}
        return Brand.of(self.name, self.settings, self.branding, self.prompts, pictures)


class Brands:
    """The looks of all tenants; one that was never heard of has none of its own."""

    def __init__(self) -> None:
        self._looks: dict[str, Look] = {}
        self._brands: dict[str, Brand] = {}

    def tenant_fact(self, envelope: Envelope, event: Any) -> None:
        """Take in one fact about tenants."""
        look = self._looks.get(envelope.tenant, Look()).after(event)
        self._looks[envelope.tenant] = look
        self._brands[envelope.tenant] = look.brand()

    def of(self, tenant: str) -> Brand:
        """How a tenant looks."""
        return self._brands.get(tenant, Brand())


def _changed(now: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """After a change, in which `None` removes."""
    return {name: value for name, value in {**now, **changes}.items() if value is not None}
