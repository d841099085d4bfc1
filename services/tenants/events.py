"""What happened to tenants; each tenant is a stream `tenant-<id>` of its own."""

from typing import Any, Final

from libs.eventstore import Catalogue, Fact


class TenantRegistered(Fact, frozen=True, kw_only=True):
    """A tenant exists; `domain` is `host[:port]` in lower case, and with `scheme` makes its issuer."""

    name: str
    domain: str
    scheme: str


class TenantDomainChanged(Fact, frozen=True, kw_only=True):
    """A tenant is reached under another domain or scheme, so its issuer is another."""

    domain: str
    scheme: str


class TenantSettingsChanged(Fact, frozen=True, kw_only=True):
    """Some settings of a tenant changed; only those are here, and `null` means that one was removed."""

    settings: dict[str, Any]


class TenantBrandingChanged(Fact, frozen=True, kw_only=True):
    """How a tenant's pages look changed: of `branding` what differs, `null` removes; `pictures` are those served now.

    `pictures` names `logo` and `favicon` where they changed: the version of what is served, or `null` for none.
    """

    branding: dict[str, Any]
    pictures: dict[str, str | None]


class TenantPromptsChanged(Fact, frozen=True, kw_only=True):
    """How a tenant's pages ask changed; only those settings are here, and `null` means that one was removed."""

    prompts: dict[str, Any]


class TenantProtectionChanged(Fact, frozen=True, kw_only=True):
    """How a tenant's people are protected from guessing changed: each protection that did, with all its own members."""

    protection: dict[str, Any]


class TenantPartPrepared(Fact, frozen=True, kw_only=True):
    """Another service made what the tenant needs of it before it can open."""

    part: str


class TenantOpened(Fact, frozen=True, kw_only=True):
    """A tenant has all it needs: from now on the gateway routes to it."""


CATALOGUE: Final = Catalogue(
    "tenants",
    TenantRegistered,
    TenantDomainChanged,
    TenantSettingsChanged,
    TenantBrandingChanged,
    TenantPromptsChanged,
    TenantProtectionChanged,
    TenantPartPrepared,
    TenantOpened,
)
