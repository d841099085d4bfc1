"""Auth0's codes of what is in a tenant's log, by the public name of the event.

Source: Auth0's log event type codes. `sapi` is a successful operation of the Management API; a change that nobody made
through it (a key that rotated by its schedule) has no code of theirs and is in the feed alone.
"""

from collections.abc import Mapping
from typing import Final

from services.audit.events.public import ClientAuthenticationFailed, ClientTokenRefused, PublicEvent, TokenIssued

CLIENT_CREDENTIALS: Final = "client_credentials"

ISSUED: Final[Mapping[str, str]] = {CLIENT_CREDENTIALS: "seccft"}
"""Success exchange, by grant type."""

REFUSED: Final[Mapping[str, str]] = {CLIENT_CREDENTIALS: "feccft"}
"""Failed exchange, by grant type."""

OTHER_REFUSED: Final = "feccft"
"""A request whose grant type is none: there is no code of its own, and those who watch for failures look here."""

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
    "signing_key.revoked": "Revoke an Application Signing Key by its key id",
}
"""Descriptions of `sapi`, by public name."""


def code_of(name: str, event: PublicEvent) -> str | None:
    """The code; `None` for what is not in the log."""
    match event:
        case TokenIssued(grant_type=grant_type):
            return ISSUED.get(grant_type, "seccft")
        case ClientAuthenticationFailed(grant_type=grant_type) | ClientTokenRefused(grant_type=grant_type):
            return REFUSED.get(grant_type or "", OTHER_REFUSED)
        case _:
            return "sapi" if name in OPERATIONS else None
