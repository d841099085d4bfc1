"""What happens to applications, APIs and tokens: the catalogue of `token`."""

from datetime import datetime
from typing import Any

from libs.eventstore import Activity, Catalogue, Fact


class ClientRegistered(Fact, frozen=True, kw_only=True):
    """An application was registered, with the Management API properties it was given."""

    client_id: str
    properties: dict[str, Any]


class ClientChanged(Fact, frozen=True, kw_only=True):
    """Properties of an application were changed; `null` removes one."""

    client_id: str
    properties: dict[str, Any]


class ClientDeleted(Fact, frozen=True, kw_only=True):
    """An application was deleted, with its secrets, credentials and grants."""

    client_id: str


class ClientSecretIssued(Fact, frozen=True, kw_only=True):
    """An application got a new secret; those it had end at `previous_expires_at`, or at once when that is null."""

    client_id: str
    secret_id: str
    previous_expires_at: datetime | None = None


class ClientCredentialAdded(Fact, frozen=True, kw_only=True):
    """A public key was registered with which an application signs its assertions (RFC 7523), once it `counts`."""

    client_id: str
    credential_id: str
    credential_type: str
    name: str | None
    alg: str
    kid: str
    jwk: dict[str, Any]
    expires_at: datetime | None
    created_at: datetime
    counts: bool = True


class ClientCredentialEnabled(Fact, frozen=True, kw_only=True):
    """A public key counts from now on when its application authenticates."""

    client_id: str
    credential_id: str


class ClientCredentialDisabled(Fact, frozen=True, kw_only=True):
    """A public key no longer counts, and is still there."""

    client_id: str
    credential_id: str


class ClientCredentialChanged(Fact, frozen=True, kw_only=True):
    """A public key ends at another time, or never."""

    client_id: str
    credential_id: str
    expires_at: datetime | None
    changed_at: datetime


class ClientCredentialRemoved(Fact, frozen=True, kw_only=True):
    """A public key of an application was deleted, and no longer counts."""

    client_id: str
    credential_id: str


class ClientGrantCreated(Fact, frozen=True, kw_only=True):
    """An application may get tokens for an API, with at most these scopes."""

    client_id: str
    grant_id: str
    resource_server_id: str
    audience: str
    scope: list[str]
    properties: dict[str, Any]


class ClientGrantChanged(Fact, frozen=True, kw_only=True):
    """The scopes or properties of a client grant are others now."""

    client_id: str
    grant_id: str
    scope: list[str]
    properties: dict[str, Any]


class ClientGrantDeleted(Fact, frozen=True, kw_only=True):
    """An application may no longer get tokens for an API."""

    client_id: str
    grant_id: str


class ResourceServerRegistered(Fact, frozen=True, kw_only=True):
    """An API was registered; `is_system` marks the Management API itself."""

    id: str
    identifier: str
    is_system: bool
    properties: dict[str, Any]


class ResourceServerChanged(Fact, frozen=True, kw_only=True):
    """Properties of an API were changed; `null` removes one. `identifier` follows the issuer for a system API."""

    id: str
    identifier: str
    properties: dict[str, Any]


class ResourceServerDeleted(Fact, frozen=True, kw_only=True):
    """An API was deleted; grants to it are void for ever, even if its identifier is used again."""

    id: str
    identifier: str


class GrantStarted(Fact, frozen=True, kw_only=True):
    """An application redeemed a code: a person lets it have `scope`, of `audience` when that is an API.

    `is_offline` says that it got a refresh token; a grant without one ends with its access token.
    """

    grant_id: str
    client_id: str
    person: str
    session_id: str
    scope: list[str]
    audience: str | None
    auth_time: datetime
    acr: str | None
    amr: list[str]
    is_offline: bool
    started_at: datetime
    expires_at: datetime | None
    org_id: str | None = None
    cnf: dict[str, str] | None = None
    resource: list[str] = []  # noqa: RUF012  # msgspec copies it
    act: dict[str, Any] | None = None


class GrantRevoked(Fact, frozen=True, kw_only=True):
    """A grant ended before its time; `reason` is `code_replayed`, `refresh_token_reused`, or what somebody asked."""

    grant_id: str
    client_id: str
    person: str
    reason: str


class GrantExpired(Fact, frozen=True, kw_only=True):
    """A grant came to its end, or was not used for too long."""

    grant_id: str
    client_id: str
    person: str


class GrantAnnotated(Activity, frozen=True, kw_only=True):
    """An administrator noted something of a refresh token; what, may tell of the person and is in its row."""

    grant_id: str
    client_id: str
    person: str


class TokenIssued(Activity, frozen=True, kw_only=True):
    """An access token was issued; `jti` is the token's own, `grant_id` the person's grant it was issued from."""

    jti: str
    grant_type: str
    client_id: str
    client_name: str
    audience: str
    scope: str
    sub: str
    alg: str
    kid: str
    expires_at: datetime
    authentication: str
    address: str
    user_agent: str
    host: str
    grant_id: str | None = None


class TokenRefused(Activity, frozen=True, kw_only=True):
    """A request for a token was refused: `error` as the client saw it, `reason` as the log does."""

    grant_type: str | None
    client_id: str | None
    client_name: str | None
    audience: str | None
    error: str
    error_description: str
    reason: str
    address: str
    user_agent: str
    host: str


CATALOGUE = Catalogue(
    "token",
    ClientRegistered,
    ClientChanged,
    ClientDeleted,
    ClientSecretIssued,
    ClientCredentialAdded,
    ClientCredentialEnabled,
    ClientCredentialDisabled,
    ClientCredentialChanged,
    ClientCredentialRemoved,
    ClientGrantCreated,
    ClientGrantChanged,
    ClientGrantDeleted,
    ResourceServerRegistered,
    ResourceServerChanged,
    ResourceServerDeleted,
    GrantStarted,
    GrantRevoked,
    GrantExpired,
    GrantAnnotated,
    TokenIssued,
    TokenRefused,
)
