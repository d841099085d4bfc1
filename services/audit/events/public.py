"""The public events: what services that are not ours may build on.

An event's name, `<entity>.<event>`, is for ever, and so are its fields; only more are added. Nothing here identifies a
person, and nothing is secret. `docs/reference/public-events.md` and `asyncapi.json` are generated from these classes.
"""

import re
from typing import Any, ClassVar, Final

from services.audit.events.kinds import Changed, Moment, PublicEvent, Reason
from services.audit.events.people import PEOPLE


class ClientRegistered(PublicEvent, frozen=True, kw_only=True):
    """An application was registered."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str
    name: str | None
    app_type: str | None
    is_first_party: bool


class ClientChanged(PublicEvent, frozen=True, kw_only=True):
    """Properties of an application were changed; `changed` names them."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str
    changed: Changed


class ClientDeleted(PublicEvent, frozen=True, kw_only=True):
    """An application was deleted, with its secrets, credentials and grants."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str


class ClientSecretIssued(PublicEvent, frozen=True, kw_only=True):
    """An application got the secret it was registered with."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str
    secret_id: str
    previous_expires_at: Moment | None


class ClientSecretRotated(PublicEvent, frozen=True, kw_only=True):
    """An application got another secret; those before it end at `previous_expires_at`, or ended at once when null."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str
    secret_id: str
    previous_expires_at: Moment | None


class ClientCredentialAdded(PublicEvent, frozen=True, kw_only=True):
    """A public key was registered with which an application signs its assertions."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str
    credential_id: str
    credential_type: str
    alg: str
    kid: str
    expires_at: Moment | None


class ClientCredentialEnabled(PublicEvent, frozen=True, kw_only=True):
    """A public key of an application counts from now on."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str
    credential_id: str


class ClientCredentialDisabled(PublicEvent, frozen=True, kw_only=True):
    """A public key of an application counts no longer, and is still there."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str
    credential_id: str


class ClientCredentialChanged(PublicEvent, frozen=True, kw_only=True):
    """A public key of an application ends at another time, or never."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str
    credential_id: str
    expires_at: Moment | None


class ClientCredentialRemoved(PublicEvent, frozen=True, kw_only=True):
    """A public key of an application was deleted."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str
    credential_id: str


class ClientAuthenticationFailed(PublicEvent, frozen=True, kw_only=True):
    """Somebody who named this application did not prove to be it; the application `unknown` stands for all others."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str | None
    grant_type: str | None
    reason: Reason


class ClientTokenRefused(PublicEvent, frozen=True, kw_only=True):
    """An application asked for a token it may not have, or asked wrongly; `error` is the code it was told."""

    entity: ClassVar[str] = "client"
    key: ClassVar[str] = "client_id"
    client_id: str | None
    grant_type: str | None
    error: str
    reason: Reason


class ClientGrantCreated(PublicEvent, frozen=True, kw_only=True):
    """An application may get tokens for an API, with at most these scopes."""

    entity: ClassVar[str] = "client_grant"
    key: ClassVar[str] = "grant_id"
    grant_id: str
    client_id: str
    audience: str
    scope: list[str]


class ClientGrantChanged(PublicEvent, frozen=True, kw_only=True):
    """The scopes or properties of a client grant are others now."""

    entity: ClassVar[str] = "client_grant"
    key: ClassVar[str] = "grant_id"
    grant_id: str
    client_id: str
    scope: list[str]


class ClientGrantDeleted(PublicEvent, frozen=True, kw_only=True):
    """An application may no longer get tokens for an API."""

    entity: ClassVar[str] = "client_grant"
    key: ClassVar[str] = "grant_id"
    grant_id: str
    client_id: str


class ResourceServerRegistered(PublicEvent, frozen=True, kw_only=True):
    """An API was registered; `is_system` marks the Management API itself."""

    entity: ClassVar[str] = "resource_server"
    key: ClassVar[str] = "id"
    id: str
    identifier: str
    name: str | None
    is_system: bool


class ResourceServerChanged(PublicEvent, frozen=True, kw_only=True):
    """Properties of an API were changed; `changed` names them."""

    entity: ClassVar[str] = "resource_server"
    key: ClassVar[str] = "id"
    id: str
    identifier: str
    changed: Changed


class ResourceServerDeleted(PublicEvent, frozen=True, kw_only=True):
    """An API was deleted; grants to it are void."""

    entity: ClassVar[str] = "resource_server"
    key: ClassVar[str] = "id"
    id: str
    identifier: str


class TokenIssued(PublicEvent, frozen=True, kw_only=True):
    """An access token was issued; `jti` is the token's own."""

    entity: ClassVar[str] = "token"
    key: ClassVar[str] = "jti"
    jti: str
    client_id: str
    grant_type: str
    audience: str
    scope: str
    sub: str
    alg: str
    kid: str
    expires_at: Moment


class TenantRegistered(PublicEvent, frozen=True, kw_only=True):
    """A tenant exists, reached at `domain`."""

    entity: ClassVar[str] = "tenant"
    key: ClassVar[str] = "id"
    id: str
    name: str
    domain: str
    scheme: str


class TenantDomainChanged(PublicEvent, frozen=True, kw_only=True):
    """A tenant is reached under another domain or scheme, so its issuer is another."""

    entity: ClassVar[str] = "tenant"
    key: ClassVar[str] = "id"
    id: str
    domain: str
    scheme: str


class TenantSettingsChanged(PublicEvent, frozen=True, kw_only=True):
    """Settings of a tenant were changed; `changed` names them."""

    entity: ClassVar[str] = "tenant"
    key: ClassVar[str] = "id"
    id: str
    changed: Changed


class TenantBrandingChanged(PublicEvent, frozen=True, kw_only=True):
    """How a tenant's pages look was changed; `changed` names in what."""

    entity: ClassVar[str] = "tenant"
    key: ClassVar[str] = "id"
    id: str
    changed: Changed


class TenantPromptsChanged(PublicEvent, frozen=True, kw_only=True):
    """How a tenant's pages ask was changed; `changed` names in what."""

    entity: ClassVar[str] = "tenant"
    key: ClassVar[str] = "id"
    id: str
    changed: Changed


class TenantProtectionChanged(PublicEvent, frozen=True, kw_only=True):
    """How a tenant's people are protected from guessing was changed; `changed` names in what."""

    entity: ClassVar[str] = "tenant"
    key: ClassVar[str] = "id"
    id: str
    changed: Changed


class TenantOpened(PublicEvent, frozen=True, kw_only=True):
    """A tenant has all it needs and is reached from now on."""

    entity: ClassVar[str] = "tenant"
    key: ClassVar[str] = "id"
    id: str


class SigningKeyPublished(PublicEvent, frozen=True, kw_only=True):
    """A key is in the JWKS, and signs from `active_from`."""

    entity: ClassVar[str] = "signing_key"
    key: ClassVar[str] = "kid"
    kid: str
    alg: str
    active_from: Moment


class SigningKeyScheduled(PublicEvent, frozen=True, kw_only=True):
    """A published key begins to sign at another moment than was said."""

    entity: ClassVar[str] = "signing_key"
    key: ClassVar[str] = "kid"
    kid: str
    active_from: Moment


class SigningKeyRevoked(PublicEvent, frozen=True, kw_only=True):
    """A key is not to be believed any more: fetch the JWKS again."""

    entity: ClassVar[str] = "signing_key"
    key: ClassVar[str] = "kid"
    kid: str


PUBLIC: Final[tuple[type[PublicEvent], ...]] = (
    ClientRegistered,
    ClientChanged,
    ClientDeleted,
    ClientSecretIssued,
    ClientSecretRotated,
    ClientCredentialAdded,
    ClientCredentialEnabled,
    ClientCredentialDisabled,
    ClientCredentialChanged,
    ClientCredentialRemoved,
    ClientAuthenticationFailed,
    ClientTokenRefused,
    ClientGrantCreated,
    ClientGrantChanged,
    ClientGrantDeleted,
    ResourceServerRegistered,
    ResourceServerChanged,
    ResourceServerDeleted,
    TokenIssued,
    TenantRegistered,
    TenantDomainChanged,
    TenantSettingsChanged,
    TenantBrandingChanged,
    TenantPromptsChanged,
    TenantProtectionChanged,
    TenantOpened,
    SigningKeyPublished,
    SigningKeyScheduled,
    SigningKeyRevoked,
    *PEOPLE,
)
"""Every public event."""


def name_of(event: type[PublicEvent]) -> str:
    """`ClientSecretRotated`, which is about a client, as `client.secret_rotated`."""
    return _NAMES[event]


def _named(event: type[PublicEvent]) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", event.__name__).lower()
    assert words.startswith(f"{event.entity}_"), f"{event.__name__} begins with what it is about"
    return f"{event.entity}.{words.removeprefix(f'{event.entity}_')}"


_NAMES: Final = {event: _named(event) for event in PUBLIC}


def key_of(event: PublicEvent) -> Any:
    """Which one it is about; `None` when that is nobody we know."""
    return getattr(event, event.key)
