"""Auth0's codes of what is in a tenant's log, by the public name of the event.

Source: Auth0's log event type codes. `sapi` is a successful operation of the Management API; a change that nobody made
through it (a key that rotated by its schedule) has no code of theirs and is in the feed alone.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.audit.events import people
from services.audit.events.kinds import PublicEvent
from services.audit.events.public import ClientAuthenticationFailed, ClientTokenRefused, TokenIssued

CLIENT_CREDENTIALS: Final = "client_credentials"

ISSUED: Final[Mapping[str, str]] = {
    CLIENT_CREDENTIALS: "seccft",
    "authorization_code": "seacft",
    "refresh_token": "sertft",
}
"""Success exchange, by grant type."""

REFUSED: Final[Mapping[str, str]] = {
    CLIENT_CREDENTIALS: "feccft",
    "authorization_code": "feacft",
    "refresh_token": "fertft",
}
"""Failed exchange, by grant type."""

OTHER_REFUSED: Final = "feccft"
"""A request whose grant type is none: there is no code of its own, and those who watch for failures look here."""

OPERATION: Final = "sapi"
BY_API: Final = "api"
SIGNUP: Final = "signup"
LOGOUT: Final = "logout"
REUSED: Final = "refresh_token_reused"
REVOKED: Final = frozenset({"admin", "admin_logout", "revoked"})

OPERATIONS: Final[Mapping[str, str]] = {
    "client.registered": "Create a client",
    "client.changed": "Update a client",
    "client.deleted": "Delete a client",
    "client.secret_rotated": "Rotate a client secret",
    "client.credential_added": "Create a client credential",
    "client.credential_enabled": "Update a client",
    "client.credential_disabled": "Update a client",
    "client.credential_changed": "Update a client credential",
    "client.credential_removed": "Delete a client credential",
    "client_grant.created": "Create client grant",
    "client_grant.changed": "Update client grant",
    "client_grant.deleted": "Delete client grant",
    "resource_server.registered": "Create a resource server",
    "resource_server.changed": "Update a resource server",
    "resource_server.deleted": "Delete a resource server",
    "tenant.settings_changed": "Update tenant settings",
    "tenant.branding_changed": "Update branding settings",
    "tenant.prompts_changed": "Update prompts settings",
    "tenant.protection_changed": "Update attack protection settings",
    "signing_key.revoked": "Revoke an Application Signing Key by its key id",
    "user.changed": "Update a User",
    "user.blocked": "Update a User",
    "user.unblocked": "Update a User",
    "session.annotated": "Update a session",
    "grant.annotated": "Update a refresh token",
    "consent.revoked": "Delete a grant",
    "connection.created": "Create a connection",
    "connection.changed": "Update a connection",
    "connection.deleted": "Delete a connection and all its users",
    "connection.enabled": "Update a connection",
    "connection.disabled": "Update a connection",
}
"""Descriptions of `sapi`, by public name."""

DESCRIPTIONS: Final[Mapping[str, str]] = {
    **OPERATIONS,
    "user.registered": "Create a User",
    "user.email_verified": "Your email was verified. You can continue using the application.",
    "user.password_changed": "You can now login to the application with the new password.",
    "user.password_reset_requested": "A mail with which to set a new password was asked for",
    "user.email_verification_requested": "A mail with which to verify an address was asked for",
    "user.erased": "User successfully deleted",
    "session.ended": "Session is over",
    "login.locked": "Too many wrong attempts from one address",
    "login.throttled": "Too many attempts came from one address",
    "login.unlocked": "The locks of an account were lifted",
    "grant.revoked": "Revoke a refresh token",
    "mail.failed": "A mail was given up",
    "logout.delivered": "Back-channel logout succeeded",
    "logout.undelivered": "Back-channel logout failed",
}
"""What an entry says when the event itself has no words."""


def _failed_login(event: people.LoginFailed) -> str:
    if event.person is None:
        return "fu"
    return "fp" if "password" in event.reason.lower() or "credentials" in event.reason.lower() else "f"


def _ended_session(event: people.SessionEnded) -> str | None:
    if event.reason == LOGOUT:
        return "slo"
    return OPERATION if event.reason in REVOKED else None


CODES: Final[Mapping[type[PublicEvent], str | Callable[[Any], str | None]]] = {
    TokenIssued: lambda event: ISSUED.get(event.grant_type, "seccft"),
    ClientAuthenticationFailed: lambda event: REFUSED.get(event.grant_type or "", OTHER_REFUSED),
    ClientTokenRefused: lambda event: REFUSED.get(event.grant_type or "", OTHER_REFUSED),
    people.UserRegistered: lambda event: "ss" if event.by == SIGNUP else OPERATION,
    people.UserEmailVerified: lambda event: OPERATION if event.by == BY_API or not event.is_verified else "sv",
    people.UserPasswordChanged: lambda event: OPERATION if event.by == BY_API else "scp",
    people.UserErased: "sdu",
    people.UserPasswordResetRequested: "scpr",
    people.UserEmailVerificationRequested: "svr",
    people.SessionEnded: _ended_session,
    people.LoginSucceeded: lambda event: "ssa" if event.is_silent else "s",
    people.LoginFailed: _failed_login,
    people.LoginLocked: "limit_wc",
    people.LoginThrottled: "limit_mu",
    people.LoginUnlocked: "ublkdu",
    people.SignupFailed: "fs",
    people.AuthorizationRefused: lambda event: "fsa" if event.is_silent else "f",
    people.GrantRevoked: lambda event: "ferrt" if event.reason == REUSED else "srrt",
    people.MailFailed: "fn",
    people.LogoutDelivered: "oidc_backchannel_logout_succeeded",
    people.LogoutUndelivered: "oidc_backchannel_logout_failed",
}
"""Events with codes of their own, or which the event decides."""

DECIDING: Final[Mapping[str, tuple[Any, ...]]] = {
    "grant_type": tuple(ISSUED),
    "by": (BY_API, SIGNUP),
    "is_verified": (True, False),
    "is_silent": (True, False),
    "person": (None, "a"),
    "reason": (LOGOUT, "admin", REUSED, "WrongPassword"),
}
"""The fields on which a code may depend, each with values that differ; for the reference."""


def code_of(name: str, event: PublicEvent) -> str | None:
    """The code; `None` for what is not in the log."""
    known = CODES.get(type(event))
    if known is None:
        return OPERATION if name in OPERATIONS else None
    return known if isinstance(known, str) else known(event)
