"""What a connection has that was not said, in Auth0's words; and the connection that every tenant begins with."""

from collections.abc import Mapping
from hashlib import sha256
from string import ascii_letters, digits
from typing import Any, Final

DATABASE_STRATEGY: Final = "auth0"

OPTIONS: Final[Mapping[str, Any]] = {
    "mfa": {"active": True, "return_enroll_settings": True},
    "passwordPolicy": "good",
    "passkey_options": {
        "challenge_ui": "both",
        "local_enrollment_enabled": True,
        "progressive_enrollment_enabled": True,
    },
    "strategy_version": 2,
    "authentication_methods": {
        "password": {"enabled": True, "api_behavior": "required", "signup_behavior": "allow"},
        "passkey": {"enabled": False},
        "email_otp": {"enabled": False},
        "phone_otp": {"enabled": False},
    },
    "brute_force_protection": True,
    "disable_self_service_change_password": False,
}
"""Options of a database connection where nothing else was said."""

PROPERTIES: Final[Mapping[str, Any]] = {
    "is_domain_connection": False,
    "authentication": {"active": True},
    "connected_accounts": {"active": False},
}

_LETTERS: Final = digits + ascii_letters
_ID_LETTERS: Final = 16


def first_connection(tenant: str) -> str:
    """The id of the database connection a tenant begins with: derived, so that a repeat finds it."""
    number = int.from_bytes(sha256(f"database connection of {tenant}".encode()).digest())
    letters = ""
    for _ in range(_ID_LETTERS):
        number, place = divmod(number, len(_LETTERS))
        letters += _LETTERS[place]
    return f"con_{letters}"


def completed(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a new connection that was given these."""
    said = {member: value for member, value in given.items() if value is not None}
    options = {**OPTIONS, **said.pop("options", {})}
    return {**PROPERTIES, "realms": [name], **said, "options": options}


def default_of(name: str, member: str) -> Any:
    """What a property has again when it is removed; `None` when it has nothing."""
    return completed(name, {}).get(member)
