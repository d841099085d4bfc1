"""What happens to people and their sessions: the catalogue of `login`.

A person is named by an opaque id (`person`); everything by which others would know somebody is `Sealed` under the
person's own data key, or stays in activity, which is forgotten (DESIGN §8).
"""

from datetime import datetime

from libs.eventstore import Activity, Catalogue, Fact
from libs.sealed import Sealed


class UserRegistered(Fact, frozen=True, kw_only=True):
    """Somebody has an account in a connection; `by` is `signup`, `api` or `import`."""

    person: str
    connection_id: str
    connection: str
    provider: str
    user_id: Sealed
    profile: dict[str, Sealed]
    email_verified: bool
    has_password: bool
    by: str


class UserChanged(Fact, frozen=True, kw_only=True):
    """What is said of somebody changed; `null` removes a member, members that are absent stay."""

    person: str
    profile: dict[str, Sealed | None]


class UserEmailVerified(Fact, frozen=True, kw_only=True):
    """Somebody showed that the address is theirs, or an administrator says so; `is_verified` may also be taken back."""

    person: str
    is_verified: bool
    by: str


class UserPasswordChanged(Fact, frozen=True, kw_only=True):
    """Somebody has another password; `by` is `reset`, `change`, `api` or `import`. What began before it ends."""

    person: str
    by: str


class UserBlocked(Fact, frozen=True, kw_only=True):
    """Somebody may not sign in any more; sessions and grants end."""

    person: str


class UserUnblocked(Fact, frozen=True, kw_only=True):
    """Somebody may sign in again."""

    person: str


class UserErased(Fact, frozen=True, kw_only=True):
    """Somebody was deleted: the data key is gone, and with it all that was sealed under it."""

    person: str


class ConsentGiven(Fact, frozen=True, kw_only=True):
    """Somebody lets an application have what `scope` says, of `audience` when it is an API."""

    person: str
    consent_id: str
    client_id: str
    audience: str | None
    scope: list[str]


class ConsentRevoked(Fact, frozen=True, kw_only=True):
    """Somebody, or an administrator, took a consent back; grants that rest on it end."""

    person: str
    consent_id: str
    client_id: str
    audience: str | None


class SessionStarted(Fact, frozen=True, kw_only=True):
    """Somebody signed in: all steps were done. `auth_time` is when; `amr` by what (RFC 8176)."""

    session_id: str
    person: str
    client_id: str
    connection_id: str
    auth_time: datetime
    amr: list[str]
    acr: str | None


class SessionRenewed(Fact, frozen=True, kw_only=True):
    """Somebody who was signed in showed again who they are; the cookie is another from now on."""

    session_id: str
    person: str
    client_id: str
    auth_time: datetime
    amr: list[str]
    acr: str | None


class SessionEnded(Fact, frozen=True, kw_only=True):
    """A session is over.

    `reason` is `logout`, `admin`, `admin_logout` (without grants), `revoked`, `password`, `blocked`, `erased`,
    `restored`, or `expired`, which is said when its row is looked at for the last time, a day or more after it could
    no longer be used.
    """

    session_id: str
    person: str
    reason: str


class SessionAnnotated(Activity, frozen=True, kw_only=True):
    """An administrator noted something of a session; what, may tell of the person and stands in the row alone."""

    session_id: str
    person: str


class LoginSucceeded(Activity, frozen=True, kw_only=True):
    """Somebody came to an application with a session; `is_silent` when nothing was asked (single sign-on)."""

    person: str
    session_id: str
    client_id: str
    client_name: str
    connection: str
    amr: list[str]
    is_silent: bool
    is_signup: bool
    address: str
    user_agent: str
    host: str


class LoginFailed(Activity, frozen=True, kw_only=True):
    """An attempt to sign in was refused; `person` is null for an unknown identifier, which is kept only hashed."""

    person: str | None
    identifier_hash: str | None
    client_id: str
    client_name: str
    connection: str
    reason: str
    address: str
    user_agent: str
    host: str


class LoginLocked(Activity, frozen=True, kw_only=True):
    """Too many wrong attempts: an identifier is locked for an address, until the lock ends or is lifted by mail.

    `is_everywhere`: from whichever addresses they came; it is refused from all but those it signed in from lately.
    """

    person: str | None
    identifier_hash: str
    client_id: str
    address: str
    user_agent: str
    host: str
    is_everywhere: bool = False


class LoginThrottled(Activity, frozen=True, kw_only=True):
    """After so many wrong passwords, or sign-ups, an address has to wait; said once for as long as it does."""

    client_id: str
    client_name: str
    is_signup: bool
    address: str
    user_agent: str
    host: str


class LoginUnlocked(Activity, frozen=True, kw_only=True):
    """The locks of somebody's account were lifted; `by` is `mail` or `api`."""

    person: str
    by: str


class SignupFailed(Activity, frozen=True, kw_only=True):
    """An account was refused."""

    client_id: str
    client_name: str
    connection: str
    reason: str
    address: str
    user_agent: str
    host: str


class AuthorizationRefused(Activity, frozen=True, kw_only=True):
    """An authorization request was refused: `error` as the application saw it, null where there was a page."""

    client_id: str | None
    client_name: str | None
    error: str | None
    reason: str
    is_silent: bool
    address: str
    user_agent: str
    host: str


class PasswordResetRequested(Activity, frozen=True, kw_only=True):
    """A link with which to set a new password was asked for; `person` is null where nobody has the address."""

    person: str | None
    client_id: str | None
    connection: str
    address: str
    user_agent: str
    host: str


class EmailVerificationRequested(Activity, frozen=True, kw_only=True):
    """A link was asked for with which somebody shows that an address is theirs."""

    person: str
    client_id: str | None


CATALOGUE = Catalogue(
    "login",
    UserRegistered,
    UserChanged,
    UserEmailVerified,
    UserPasswordChanged,
    UserBlocked,
    UserUnblocked,
    UserErased,
    ConsentGiven,
    ConsentRevoked,
    SessionStarted,
    SessionRenewed,
    SessionEnded,
    SessionAnnotated,
    LoginSucceeded,
    LoginFailed,
    LoginLocked,
    LoginThrottled,
    LoginUnlocked,
    SignupFailed,
    AuthorizationRefused,
    PasswordResetRequested,
    EmailVerificationRequested,
)
