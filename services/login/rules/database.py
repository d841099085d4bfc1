"""What the options of a database connection let people do, and which user names it takes; in Auth0's words."""

from collections.abc import Mapping
from typing import Any

from services.login.rules.identifiers import LONGEST_USERNAME, InvalidIdentifier


def member(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object among options; an empty one where it is not there, or something else is."""
    value = said.get(name)
    return value if isinstance(value, Mapping) else {}


def may_sign_up(options: Mapping[str, Any]) -> bool:
    """Whether strangers can make an account there (LG-17); there is no way to make one but with a password."""
    password = member(member(options, "authentication_methods"), "password")
    return options.get("disable_signup") is not True and password.get("signup_behavior") != "block"


def may_reset(options: Mapping[str, Any]) -> bool:
    """Whether people may ask by themselves for a link with which to set another password."""
    return options.get("disable_self_service_change_password") is not True


def require_username(options: Mapping[str, Any], username: str | None) -> None:
    """Take a user name of a length that the connection takes.

    Raises:
        InvalidIdentifier: it is too short or too long.
    """
    bounds = member(member(options, "validation"), "username")
    if username and not bounds.get("min", 1) <= len(username) <= bounds.get("max", LONGEST_USERNAME):
        raise InvalidIdentifier("username")
