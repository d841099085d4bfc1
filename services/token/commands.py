"""What can be asked of `token`: complete commands, with fresh ids, and hashes instead of secrets.

`now` is not among their fields: the rule gets the database's, from the read that locked the rows (DESIGN §4).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from libs.eventstore import Context


@dataclass(frozen=True)
class NewSecret:
    """A fresh client secret, as it is kept: SHA-256 of its 64 characters."""

    secret_id: str
    sha256: bytes = field(repr=False)


@dataclass(frozen=True)
class NewCredential:
    """A public key to be registered; `expires_at` is an RFC 3339 text or absent."""

    credential_id: str
    credential_type: str
    name: str | None
    alg: str
    kid: str
    jwk: dict[str, Any]
    expires_at: str | None


@dataclass(frozen=True)
class RegisterClient:
    """Register an application; `secret` is absent for public ones."""

    tenant: str
    client_id: str
    properties: dict[str, Any]
    secret: NewSecret | None
    credentials: tuple[NewCredential, ...] = ()


@dataclass(frozen=True)
class ChangeClient:
    """Change properties of an application; `credentials`, when given, are those that shall count from now on.

    If some of them are new, those that it does not name are deleted.
    """

    tenant: str
    client_id: str
    properties: dict[str, Any]
    credentials: tuple[NewCredential | str, ...] | None = None


@dataclass(frozen=True)
class DeleteClient:
    """Delete an application; deleting one that is not there changes nothing."""

    tenant: str
    client_id: str


@dataclass(frozen=True)
class RotateClientSecret:
    """Give an application a new secret; the old ones live on for `previous_lifetime`, or end at once."""

    tenant: str
    client_id: str
    secret: NewSecret
    previous_lifetime: timedelta | None = None


@dataclass(frozen=True)
class AddClientCredential:
    """Register a public key with an application; it does not count until `ChangeClient` names it."""

    tenant: str
    client_id: str
    credential: NewCredential


@dataclass(frozen=True)
class ChangeClientCredential:
    """Let a public key end at `expires_at`, an RFC 3339 text, or never."""

    tenant: str
    client_id: str
    credential_id: str
    expires_at: str | None


@dataclass(frozen=True)
class DeleteClientCredential:
    """Delete a public key, and `even_the_last` that counts; deleting one that is not there changes nothing."""

    tenant: str
    client_id: str
    credential_id: str
    even_the_last: bool = False


@dataclass(frozen=True)
class GrantClient:
    """Let an application get tokens for the API called `audience`."""

    tenant: str
    client_id: str
    grant_id: str
    audience: str
    scope: tuple[str, ...]
    properties: dict[str, Any]


@dataclass(frozen=True)
class ChangeClientGrant:
    """Change scopes or properties of a client grant; `None` leaves the scopes."""

    tenant: str
    client_id: str
    grant_id: str
    scope: tuple[str, ...] | None
    properties: dict[str, Any]


@dataclass(frozen=True)
class DeleteClientGrant:
    """Delete a client grant; deleting one that is not there changes nothing."""

    tenant: str
    client_id: str
    grant_id: str


@dataclass(frozen=True)
class RegisterResourceServer:
    """Register an API."""

    tenant: str
    id: str
    identifier: str
    properties: dict[str, Any]
    is_system: bool = False


@dataclass(frozen=True)
class ChangeResourceServer:
    """Change properties of an API; `identifier` only for a system API, whose name follows the issuer."""

    tenant: str
    id: str
    properties: dict[str, Any]
    identifier: str | None = None


@dataclass(frozen=True)
class DeleteResourceServer:
    """Delete an API; deleting one that is not there changes nothing."""

    tenant: str
    id: str


@dataclass(frozen=True)
class AnnotateGrant:
    """Note something of a refresh token, in place of what was noted before; nothing when `metadata` is empty."""

    tenant: str
    grant_id: str
    metadata: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class RevokeGrant:
    """End a person's grant; ending one that is not there changes nothing."""

    tenant: str
    grant_id: str
    reason: str


class Quickstart(msgspec.Struct, frozen=True):
    """Ask: make sure a tenant has a first application, a first API, and a management application.

    `new_secrets` asks for new secrets even where the applications exist; theirs were shown once and are nowhere else.
    They are made of `seed`, which is random and the asker's own: an ask that is repeated, because the one before it
    still runs or its answer was lost, makes the same. Without a seed they are random.
    """

    tenant: str
    new_secrets: bool
    seed: str | None = None


class QuickstartAnswer(msgspec.Struct, frozen=True):
    """Answer: ids, audiences, and the secrets that were made now (`None` where none was)."""

    issuer: str
    domain: str
    audience: str
    client_id: str
    client_secret: str | None
    management_audience: str
    management_client_id: str
    management_client_secret: str | None


class IssueCode(msgspec.Struct, frozen=True, kw_only=True):
    """Ask `svc.v1.token.issue_code`: an authorization code for what a person was just signed in to, or allowed.

    Client, redirect URI and scope are checked against rows again (DESIGN §1.2). One code per login `transaction`: a
    repeat gets the same one while it is unspent. `requested` is the `claims` parameter; `code_challenge` is S256. Where
    the application did not say `redirect_uri`, it `is_redirect_uri_implied` and need not be repeated.
    """

    tenant: str
    transaction: str
    client_id: str
    redirect_uri: str
    scope: list[str]
    audience: str | None
    nonce: str | None
    code_challenge: str | None
    requested: dict[str, Any] | None
    person: str
    session_id: str
    auth_time: datetime
    amr: list[str]
    acr: str | None
    is_redirect_uri_implied: bool = False


class CodeIssued(msgspec.Struct, frozen=True, kw_only=True):
    """Answer: the code, or the error that goes back to the application (RFC 6749 section 4.1.2.1)."""

    code: str = ""
    error: str | None = None
    error_description: str | None = None


class IssueIdToken(msgspec.Struct, frozen=True, kw_only=True):
    """Ask `svc.v1.token.issue_id_token`: an ID token for the front channel (`response_type=id_token`)."""

    tenant: str
    client_id: str
    redirect_uri: str
    sub: str
    claims: dict[str, Any]
    nonce: str
    person: str
    session_id: str
    auth_time: datetime
    amr: list[str]
    acr: str | None


class IdTokenIssued(msgspec.Struct, frozen=True, kw_only=True):
    """Answer: the ID token, or the error that goes back to the application."""

    id_token: str = ""
    error: str | None = None
    error_description: str | None = None


class LogoutTokenFor(msgspec.Struct, frozen=True, kw_only=True):
    """Ask `svc.v1.token.logout_token`: what an application is told when a session ends (Back-Channel Logout 2.4)."""

    tenant: str
    client_id: str
    sub: str
    session_id: str
    jti: str


class LogoutToken(msgspec.Struct, frozen=True, kw_only=True):
    """Answer: the signed token, and where the application wants it; no addresses when it is not told any more."""

    token: str
    urls: list[str]


class UnknownClientsOf(msgspec.Struct, frozen=True, kw_only=True):
    """Ask `svc.v1.token.unknown_clients`: of which of these ids has the tenant no application?"""

    tenant: str
    client_ids: list[str]


class UnknownClients(msgspec.Struct, frozen=True, kw_only=True):
    """Answer: those of them, in their order."""

    client_ids: list[str]


class GrantOf(msgspec.Struct, frozen=True, kw_only=True):
    """Ask `svc.v1.token.grant`: does the grant of an access token live?"""

    tenant: str
    grant_id: str


class GrantAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer: whether it lives, and whose it is, for which scope and claims."""

    is_alive: bool
    person: str = ""
    client_id: str = ""
    session_id: str = ""
    scope: list[str] = []
    requested: dict[str, Any] | None = None
    authorized_at: datetime | None = None


class RevokeGrants(msgspec.Struct, frozen=True, kw_only=True):
    """Ask `svc.v1.token.revoke_grants`: end a person's grants, all or those of an application or a session."""

    tenant: str
    person: str
    reason: str
    client_id: str | None = None
    audience: str | None = None
    session_id: str | None = None
    doer: Context | None = None
    """By whose request; absent when it is the asking service's own doing."""


class GrantsRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """Answer: how many ended now."""

    count: int


class RefreshTokensOf(msgspec.Struct, frozen=True, kw_only=True):
    """Ask `svc.v1.token.refresh_tokens`: a page of a person's refresh tokens, oldest first, after the id `after`."""

    tenant: str
    person: str
    after: str | None
    take: int


class RefreshTokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh token as the Management API shows it; never the token itself."""

    id: str
    client_id: str
    session_id: str
    rotating: bool
    scope: list[str]
    audience: str | None
    created_at: datetime
    idle_expires_at: datetime | None
    expires_at: datetime | None
    last_exchanged_at: datetime | None
    metadata: dict[str, str] | None = None


class RefreshTokensAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer: the page, and whether there are more."""

    tokens: list[RefreshTokenView]
    has_more: bool


class NamedSessionsOf(msgspec.Struct, frozen=True, kw_only=True):
    """Ask `svc.v1.token.named_sessions`: in which of these sessions, which are over, did a grant begin that lives?

    `persons` are whose they are. Nothing is granted in a session that is over, so that the answer cannot grow.
    """

    tenant: str
    persons: list[str]
    session_ids: list[str]


class NamedSessions(msgspec.Struct, frozen=True, kw_only=True):
    """Answer: those of them."""

    session_ids: list[str]
