"""The public events about people: who has an account, signs in, consents and leaves, and what applications got of it.

A person is an opaque id (`person`) that no other system knows; who that is, the Management API tells whom it may.
"""

from typing import ClassVar, Final

from services.audit.events.kinds import Changed, Moment, PublicEvent, Reason


class UserRegistered(PublicEvent, frozen=True, kw_only=True):
    """Somebody has an account in a connection; `by` says whether they signed up, or who made it."""

    entity: ClassVar[str] = "user"
    key: ClassVar[str] = "person"
    person: str
    connection_id: str
    connection: str
    is_verified: bool
    by: str


class UserChanged(PublicEvent, frozen=True, kw_only=True):
    """What is said of somebody was changed; `changed` names it."""

    entity: ClassVar[str] = "user"
    key: ClassVar[str] = "person"
    person: str
    changed: Changed


class UserEmailVerified(PublicEvent, frozen=True, kw_only=True):
    """Somebody showed that their address is theirs, or it counts as shown; it may also be taken back."""

    entity: ClassVar[str] = "user"
    key: ClassVar[str] = "person"
    person: str
    is_verified: bool
    by: str


class UserPasswordChanged(PublicEvent, frozen=True, kw_only=True):
    """Somebody has another password; sessions and grants from before it end."""

    entity: ClassVar[str] = "user"
    key: ClassVar[str] = "person"
    person: str
    by: str


class UserBlocked(PublicEvent, frozen=True, kw_only=True):
    """Somebody may not sign in any more; sessions and grants end."""

    entity: ClassVar[str] = "user"
    key: ClassVar[str] = "person"
    person: str


class UserUnblocked(PublicEvent, frozen=True, kw_only=True):
    """Somebody may sign in again."""

    entity: ClassVar[str] = "user"
    key: ClassVar[str] = "person"
    person: str


class UserErased(PublicEvent, frozen=True, kw_only=True):
    """Somebody was deleted, and what was known of them with them."""

    entity: ClassVar[str] = "user"
    key: ClassVar[str] = "person"
    person: str


class UserPasswordResetRequested(PublicEvent, frozen=True, kw_only=True):
    """A mail was asked for with which a new password is set; of an account that is not there it is `unknown`."""

    entity: ClassVar[str] = "user"
    key: ClassVar[str] = "person"
    person: str | None
    connection: str
    client_id: str | None


class UserEmailVerificationRequested(PublicEvent, frozen=True, kw_only=True):
    """A mail was asked for with which somebody shows that an address is theirs."""

    entity: ClassVar[str] = "user"
    key: ClassVar[str] = "person"
    person: str
    client_id: str | None


class SessionStarted(PublicEvent, frozen=True, kw_only=True):
    """Somebody signed in; `amr` says by what (RFC 8176)."""

    entity: ClassVar[str] = "session"
    key: ClassVar[str] = "session_id"
    session_id: str
    person: str
    client_id: str
    connection_id: str
    auth_time: Moment
    amr: list[str]
    acr: str | None


class SessionRenewed(PublicEvent, frozen=True, kw_only=True):
    """Somebody who was signed in showed again who they are."""

    entity: ClassVar[str] = "session"
    key: ClassVar[str] = "session_id"
    session_id: str
    person: str
    client_id: str
    auth_time: Moment
    amr: list[str]
    acr: str | None


class SessionEnded(PublicEvent, frozen=True, kw_only=True):
    """A session is over; `reason` says by what."""

    entity: ClassVar[str] = "session"
    key: ClassVar[str] = "session_id"
    session_id: str
    person: str
    reason: str


class SessionAnnotated(PublicEvent, frozen=True, kw_only=True):
    """An administrator noted something of a session."""

    entity: ClassVar[str] = "session"
    key: ClassVar[str] = "session_id"
    session_id: str
    person: str


class ConsentGiven(PublicEvent, frozen=True, kw_only=True):
    """Somebody lets an application have what `scope` says, of `audience` when it is an API."""

    entity: ClassVar[str] = "consent"
    key: ClassVar[str] = "consent_id"
    consent_id: str
    person: str
    client_id: str
    audience: str | None
    scope: list[str]


class ConsentRevoked(PublicEvent, frozen=True, kw_only=True):
    """A consent was taken back; grants that rest on it end."""

    entity: ClassVar[str] = "consent"
    key: ClassVar[str] = "consent_id"
    consent_id: str
    person: str
    client_id: str
    audience: str | None


class LoginSucceeded(PublicEvent, frozen=True, kw_only=True):
    """Somebody came to an application with a session; `is_silent` when nothing was asked of them."""

    entity: ClassVar[str] = "login"
    key: ClassVar[str] = "person"
    person: str
    session_id: str
    client_id: str
    connection: str
    amr: list[str]
    is_silent: bool
    is_signup: bool


class LoginFailed(PublicEvent, frozen=True, kw_only=True):
    """An attempt to sign in was refused; the person `unknown` stands for accounts that are not there."""

    entity: ClassVar[str] = "login"
    key: ClassVar[str] = "person"
    person: str | None
    client_id: str
    connection: str
    reason: Reason


class LoginLocked(PublicEvent, frozen=True, kw_only=True):
    """After too many wrong attempts an account is locked for an address, or for every one, for a time."""

    entity: ClassVar[str] = "login"
    key: ClassVar[str] = "person"
    person: str | None
    client_id: str
    is_everywhere: bool = False


class LoginThrottled(PublicEvent, frozen=True, kw_only=True):
    """After so many wrong passwords, or sign-ups, one address has to wait; told once for as long as it does."""

    entity: ClassVar[str] = "login"
    key: ClassVar[str] = "client_id"
    client_id: str
    is_signup: bool


class LoginUnlocked(PublicEvent, frozen=True, kw_only=True):
    """The locks of an account were lifted, by its owner's mail or by an administrator."""

    entity: ClassVar[str] = "login"
    key: ClassVar[str] = "person"
    person: str
    by: str


class SignupFailed(PublicEvent, frozen=True, kw_only=True):
    """An account was refused to somebody who came from this application."""

    entity: ClassVar[str] = "signup"
    key: ClassVar[str] = "client_id"
    client_id: str
    connection: str
    reason: Reason


class AuthorizationRefused(PublicEvent, frozen=True, kw_only=True):
    """An application asked wrongly for somebody to be signed in, or nobody was; `error` is what it was told."""

    entity: ClassVar[str] = "authorization"
    key: ClassVar[str] = "client_id"
    client_id: str | None
    error: str | None
    reason: Reason
    is_silent: bool


class GrantStarted(PublicEvent, frozen=True, kw_only=True):
    """An application got tokens for somebody; `is_offline` when it may renew them."""

    entity: ClassVar[str] = "grant"
    key: ClassVar[str] = "grant_id"
    grant_id: str
    client_id: str
    person: str
    session_id: str
    audience: str | None
    scope: list[str]
    is_offline: bool
    expires_at: Moment | None


class GrantRevoked(PublicEvent, frozen=True, kw_only=True):
    """A grant ended before its time: its refresh token is void."""

    entity: ClassVar[str] = "grant"
    key: ClassVar[str] = "grant_id"
    grant_id: str
    client_id: str
    person: str
    reason: str


class GrantExpired(PublicEvent, frozen=True, kw_only=True):
    """A grant came to its end, or was not used for too long."""

    entity: ClassVar[str] = "grant"
    key: ClassVar[str] = "grant_id"
    grant_id: str
    client_id: str
    person: str


class GrantAnnotated(PublicEvent, frozen=True, kw_only=True):
    """An administrator noted something of a grant's refresh token."""

    entity: ClassVar[str] = "grant"
    key: ClassVar[str] = "grant_id"
    grant_id: str
    client_id: str
    person: str


class ConnectionCreated(PublicEvent, frozen=True, kw_only=True):
    """There is another way to sign in."""

    entity: ClassVar[str] = "connection"
    key: ClassVar[str] = "connection_id"
    connection_id: str
    name: str
    strategy: str


class ConnectionChanged(PublicEvent, frozen=True, kw_only=True):
    """Properties of a connection were changed; `changed` names them."""

    entity: ClassVar[str] = "connection"
    key: ClassVar[str] = "connection_id"
    connection_id: str
    changed: Changed


class ConnectionDeleted(PublicEvent, frozen=True, kw_only=True):
    """A connection was deleted; nobody signs in by it any more."""

    entity: ClassVar[str] = "connection"
    key: ClassVar[str] = "connection_id"
    connection_id: str
    name: str


class ConnectionEnabled(PublicEvent, frozen=True, kw_only=True):
    """An application may sign people in by a connection."""

    entity: ClassVar[str] = "connection"
    key: ClassVar[str] = "connection_id"
    connection_id: str
    client_id: str


class ConnectionDisabled(PublicEvent, frozen=True, kw_only=True):
    """An application may not sign people in by a connection any more."""

    entity: ClassVar[str] = "connection"
    key: ClassVar[str] = "connection_id"
    connection_id: str
    client_id: str


class MailSent(PublicEvent, frozen=True, kw_only=True):
    """A mail server took a mail; `kind` is its template."""

    entity: ClassVar[str] = "mail"
    key: ClassVar[str] = "delivery_id"
    delivery_id: str
    kind: str
    person: str | None


class MailFailed(PublicEvent, frozen=True, kw_only=True):
    """A mail was given up."""

    entity: ClassVar[str] = "mail"
    key: ClassVar[str] = "delivery_id"
    delivery_id: str
    kind: str
    person: str | None
    reason: str


class LogoutDelivered(PublicEvent, frozen=True, kw_only=True):
    """An application was told that a session is over."""

    entity: ClassVar[str] = "logout"
    key: ClassVar[str] = "delivery_id"
    delivery_id: str
    client_id: str
    session_id: str


class LogoutUndelivered(PublicEvent, frozen=True, kw_only=True):
    """An application could not be told that a session is over."""

    entity: ClassVar[str] = "logout"
    key: ClassVar[str] = "delivery_id"
    delivery_id: str
    client_id: str
    session_id: str
    reason: str


PEOPLE: Final[tuple[type[PublicEvent], ...]] = (
    UserRegistered,
    UserChanged,
    UserEmailVerified,
    UserPasswordChanged,
    UserBlocked,
    UserUnblocked,
    UserErased,
    UserPasswordResetRequested,
    UserEmailVerificationRequested,
    SessionStarted,
    SessionRenewed,
    SessionEnded,
    SessionAnnotated,
    ConsentGiven,
    ConsentRevoked,
    LoginSucceeded,
    LoginFailed,
    LoginLocked,
    LoginThrottled,
    LoginUnlocked,
    SignupFailed,
    AuthorizationRefused,
    GrantStarted,
    GrantRevoked,
    GrantExpired,
    GrantAnnotated,
    ConnectionCreated,
    ConnectionChanged,
    ConnectionDeleted,
    ConnectionEnabled,
    ConnectionDisabled,
    MailSent,
    MailFailed,
    LogoutDelivered,
    LogoutUndelivered,
)
"""Every one of them."""
