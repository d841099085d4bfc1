"""What can be asked of tenants: commands for the rules, and the questions and answers of `svc.v1.tenants.*`."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

SERVICE: Final = "tenants"

PROTECTION: Final[Mapping[str, Mapping[str, Any]]] = {
    "brute_force_protection": {
        "enabled": True,
        "shields": ["block", "user_notification"],
        "allowlist": [],
        "mode": "count_per_identifier_and_ip",
        "max_attempts": 10,
    },
    "suspicious_ip_throttling": {
        "enabled": True,
        "shields": ["block"],
        "allowlist": [],
        "stage": {
            "pre-login": {"max_attempts": 100, "rate": 864_000},
            "pre-user-registration": {"max_attempts": 50, "rate": 1200},
            "pre-custom-token-exchange": {"max_attempts": 10, "rate": 600_000},
        },
    },
}
"""What protects the people of a tenant that changed nothing; `login` obeys the same words. Rates are milliseconds."""

Shield = Literal["brute_force_protection", "suspicious_ip_throttling"]
"""One of the two, by its name there."""


class RegisterTenant(msgspec.Struct, frozen=True, kw_only=True):
    """Make a tenant; a repeat with the same words changes nothing.

    As an ask: `svc.v1.tenants.register`, answered by `Registered`.
    """

    tenant: str
    name: str
    domain: str
    scheme: str = "https"


class MoveTenant(msgspec.Struct, frozen=True, kw_only=True):
    """Have a tenant reached under another domain or scheme.

    As an ask: `svc.v1.tenants.move`, answered by `Registered`.
    """

    tenant: str
    domain: str
    scheme: str = "https"


class ChangeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Change some settings; a member that is `None` goes back to its default."""

    tenant: str
    settings: dict[str, Any]


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture as it is served; `version` tells it from any other."""

    content_type: str
    content: bytes
    version: str


class ChangeBranding(msgspec.Struct, frozen=True, kw_only=True):
    """Change how the pages look; a member that is `None` goes back to its default.

    `pictures` has `logo` and `favicon` where they are named by `branding`; `None` where there is nothing to serve.
    """

    tenant: str
    branding: dict[str, Any]
    pictures: dict[str, Picture | None]


class ChangePrompts(msgspec.Struct, frozen=True, kw_only=True):
    """Change how the pages ask; a member that is `None` goes back to its default."""

    tenant: str
    prompts: dict[str, Any]


class ChangeProtection(msgspec.Struct, frozen=True, kw_only=True):
    """Change some members of one of the protections; what is not named stays, in a stage as well."""

    tenant: str
    shield: Shield
    settings: dict[str, Any]


class MarkPrepared(msgspec.Struct, frozen=True, kw_only=True):
    """Note that another service made its part of a tenant."""

    tenant: str
    part: str


class ListTenants(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.tenants.list`: every tenant."""


class ReadTenant(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.tenants.read`: one tenant; refused when there is none of this id."""

    tenant: str


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `register` and `move`."""

    tenant: str
    is_open: bool


class TenantAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant as `read` and `list` answer it; `waiting_for` names the services whose part is still missing."""

    tenant: str
    name: str
    domain: str
    scheme: str
    is_open: bool
    waiting_for: list[str]


class TenantsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every tenant, by id."""

    tenants: list[TenantAnswer]
