"""An application's properties: Auth0's defaults, how a change is laid over them, what a public client loses."""

from collections.abc import Mapping
from typing import Any, Final

PUBLIC_TYPES: Final = frozenset({"spa", "native"})
"""Types of application that cannot keep a secret: their code is in the hands of whoever uses it (RFC 8252 §8.5)."""

DEFAULTS: Final[Mapping[str, Any]] = {
    "is_first_party": True,
    "oidc_conformant": False,
    "is_token_endpoint_ip_header_trusted": False,
    "sso_disabled": False,
    "cross_origin_authentication": False,
    "custom_login_page_on": True,
    "jwt_configuration": {"secret_encoded": False, "lifetime_in_seconds": 36000},
    "refresh_token": {
        "rotation_type": "non-rotating",
        "expiration_type": "non-expiring",
        "leeway": 0,
        "token_lifetime": 2_592_000,
        "idle_token_lifetime": 1_296_000,
        "infinite_token_lifetime": True,
        "infinite_idle_token_lifetime": True,
    },
}

OF_PUBLIC: Final[Mapping[str, Any]] = {
    "rotation_type": "rotating",
    "expiration_type": "expiring",
    "leeway": 10,
    "infinite_token_lifetime": False,
    "infinite_idle_token_lifetime": False,
}
"""What a new public application's refresh tokens are, where it does not say: a stolen one shows (RFC 9700 §2.2.2)."""

SHOWN_WHEN_ABSENT: Final[Mapping[str, Any]] = {"callbacks": []}
"""What is answered of a property that an application does not have: to set it to that changes nothing."""

MEMBERWISE: Final = frozenset({"client_metadata", "jwt_configuration", "refresh_token"})
"""Properties of which a body may say some members and leave the others."""

_PEOPLES_GRANTS: Final = ("authorization_code", "implicit", "refresh_token")
_MACHINES_GRANT: Final = "client_credentials"


def defaults_of(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a property of this application goes back to when it is set to nothing."""
    if not is_public(properties):
        return DEFAULTS
    return {**DEFAULTS, "refresh_token": {**DEFAULTS["refresh_token"], **OF_PUBLIC}}


def of_new(given: Mapping[str, Any], *, has_credentials: bool) -> dict[str, Any]:
    """The properties of a new application that was given these."""
    properties = changed(DEFAULTS, given)
    if not has_credentials and properties.get("app_type") in PUBLIC_TYPES:
        properties.setdefault("token_endpoint_auth_method", "none")
    properties.setdefault("grant_types", _grant_types(properties.get("app_type")))
    if is_public(properties):
        said = given.get("refresh_token") or {}
        properties["refresh_token"] = {**properties["refresh_token"], **OF_PUBLIC, **_laid_over(None, said)}
    return _settled(properties)


def changed(properties: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The properties after `changes`, in which `None` removes one, or sets it back to its default."""
    after = dict(properties)
    defaults = defaults_of({**properties, **changes})
    for name, value in changes.items():
        if value is None:
            after.pop(name, None)
            after |= {name: defaults[name]} if name in defaults else {}
        elif not value and SHOWN_WHEN_ABSENT.get(name, ...) == value:
            after.pop(name, None)
        else:
            after[name] = _laid_over(after.get(name), value) if name in MEMBERWISE else value
    return _settled(after)


def is_public(properties: Mapping[str, Any]) -> bool:
    """Whether the application proves nothing when it speaks (RFC 6749 §2.1)."""
    return properties.get("token_endpoint_auth_method") == "none"


def impossible_grants(given: Mapping[str, Any], properties: Mapping[str, Any]) -> list[str]:
    """The grant types that a body names and an application with these properties cannot use."""
    named = given.get("grant_types") or ()
    return [each for each in named if each == _MACHINES_GRANT] if is_public(properties) else []


def _settled(properties: dict[str, Any]) -> dict[str, Any]:
    # A public client cannot ask in its own name (RFC 6749 §4.4): what becomes one does not keep the grant type for it.
    if is_public(properties) and _MACHINES_GRANT in properties.get("grant_types", ()):
        kept = [each for each in properties["grant_types"] if each != _MACHINES_GRANT]
        return {**properties, "grant_types": kept}
    return properties


def _laid_over(members: Mapping[str, Any] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**(members or {}), **given}.items() if value is not None}


def _grant_types(app_type: str | None) -> list[str]:
    return [_MACHINES_GRANT] if app_type == "non_interactive" else [*_PEOPLES_GRANTS, _MACHINES_GRANT]
