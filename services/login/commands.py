"""What can be asked of `login`: commands for the rules, and the questions and answers of `svc.v1.login.*`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from libs.eventstore import Context

SERVICE: Final = "login"


@dataclass(frozen=True)
class RegisterUser:
    """Make an account; `key` is the person's fresh data key, `phc` the hash of the password if there is one.

    `profile` is plain text, sealed by the rule. `by` is `signup`, `api` or `import`.
    """

    tenant: str
    person: str
    key: bytes = field(repr=False)
    connection_id: str
    connection: str
    provider: str
    user_id: str = field(repr=False)
    profile: Mapping[str, Any] = field(repr=False)
    email_verified: bool = False
    is_blocked: bool = False
    phc: str | None = field(default=None, repr=False)
    by: str = "api"


@dataclass(frozen=True)
class ChangeUser:
    """Change what is said of somebody; a member that is `None` is removed. Metadata are merged at their first level.

    `email_verified` and `is_blocked` change when they are not `None`; `phc` sets another password.
    """

    tenant: str
    person: str
    profile: Mapping[str, Any] = field(default_factory=dict, repr=False)
    email_verified: bool | None = None
    is_blocked: bool | None = None
    phc: str | None = field(default=None, repr=False)
    keeps: int = 0
    by: str = "api"


@dataclass(frozen=True)
class SetPassword:
    """Set another password; `by` is `reset`, `change`, `api` or `import`.

    With `ticket`, the SHA-256 of a link's secret, the link is spent in the same transaction, or the command refused;
    `proves_email` says that whoever has the link has the address. `keeps` are how many earlier hashes are remembered.
    """

    tenant: str
    person: str
    phc: str = field(repr=False)
    by: str
    ticket: bytes | None = field(default=None, repr=False)
    proves_email: bool = False
    keeps: int = 0


@dataclass(frozen=True)
class VerifyEmail:
    """Somebody shows by a link that the address is theirs; the link is spent in the same transaction."""

    tenant: str
    person: str
    ticket: bytes = field(repr=False)


@dataclass(frozen=True)
class BlockUser:
    """Let somebody sign in no more; sessions and grants end."""

    tenant: str
    person: str


@dataclass(frozen=True)
class UnblockUser:
    """Let somebody sign in again."""

    tenant: str
    person: str


@dataclass(frozen=True)
class EraseUser:
    """Forget somebody: data key and rows are deleted. Erasing nobody changes nothing."""

    tenant: str
    person: str


@dataclass(frozen=True)
class Note:
    """Write down what was done; nothing is decided."""

    tenant: str
    events: tuple[Any, ...]


class PersonOf(msgspec.Struct, frozen=True, kw_only=True):
    """May a grant of this person still be used, and what is said of them?

    `token` asks it for each code it redeems and each refresh (`purpose` is `code` or `refresh`), so that a blocked or
    erased person, a revoked session or consent, or a changed password ends a grant at once (DESIGN §1.2).
    `authorized_at` is when the grant began; `scope` are the OpenID scopes and `requested` the `claims` parameter
    (OpenID Connect Core section 5.5) by which claims are chosen.
    """

    tenant: str
    person: str
    session_id: str
    client_id: str
    audience: str | None
    scope: list[str]
    requested: dict[str, Any] | None
    authorized_at: datetime
    purpose: str


class PersonAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: `refusal` names why the grant is dead; else the person's `sub` and the claims of the ID token."""

    refusal: str | None
    sub: str
    claims: dict[str, Any]


class PeopleOf(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.login.people`: the same of several, for requests that come at the same time."""

    people: list[PersonOf]


class PeopleAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, in the order in which they were asked."""

    people: list[PersonAnswer]


class UserOf(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.login.user`: who has an opaque id, or Auth0's `user_id`? One of them is given."""

    tenant: str
    person: str | None = None
    user_id: str | None = None


class UserAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: both ids, or neither where there is nobody."""

    person: str | None
    user_id: str | None


class EraseUserOf(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.login.erase_user`: forget whoever has an address in a connection; a repeat finds nobody."""

    tenant: str
    connection_id: str
    email: str
    doer: Context
    """By whose request."""
    patience: float | None = None
    """Seconds to wait until every follower obeys; absent as long as is usual."""


class UsersErased(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: how many there were, and the headers that name who has not heard of it yet."""

    count: int
    headers: list[tuple[str, str]]


class InviteAdministrator(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.login.invite_administrator`: make the tenant's first administrator, once.

    Answered by `AdministratorInvited`; a repeat with the same address makes nobody and another link.
    """

    tenant: str
    email: str


class AdministratorInvited(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: the account, and where its password is set."""

    user_id: str
    link: str


@dataclass(frozen=True)
class Visit:
    """Somebody comes to an application: what the activity log is told of it."""

    client_id: str
    client_name: str
    connection: str
    address: str
    user_agent: str
    host: str


@dataclass(frozen=True)
class Lifetimes:
    """How long a session lives unused, and at most."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True)
class StartSession:
    """Somebody showed who they are: all steps were done. `cookie` is the SHA-256 of what the browser gets."""

    tenant: str
    session_id: str
    person: str
    connection_id: str
    amr: tuple[str, ...]
    acr: str | None
    cookie: bytes = field(repr=False)
    lifetimes: Lifetimes
    visit: Visit
    endings: int
    """What had ended what the person began before, when they were proven (`Proven`)."""
    is_signup: bool = False


@dataclass(frozen=True)
class RenewSession:
    """Somebody who is signed in showed again who they are; the browser gets another cookie."""

    tenant: str
    session_id: str
    person: str
    amr: tuple[str, ...]
    acr: str | None
    cookie: bytes = field(repr=False)
    lifetimes: Lifetimes
    visit: Visit
    endings: int


@dataclass(frozen=True)
class VisitSession:
    """Somebody who is signed in comes to another application, and is asked nothing."""

    tenant: str
    session_id: str
    lifetimes: Lifetimes
    visit: Visit


@dataclass(frozen=True)
class AnnotateSession:
    """Note something of a session, in place of what was noted before; nothing when `metadata` is empty."""

    tenant: str
    session_id: str
    metadata: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class EndSession:
    """A session is over; ending one that is over changes nothing."""

    tenant: str
    session_id: str
    reason: str


@dataclass(frozen=True)
class GiveConsent:
    """Somebody lets an application have `scope`, beside what they allowed it before."""

    tenant: str
    consent_id: str
    person: str
    client_id: str
    audience: str | None
    scope: tuple[str, ...]


@dataclass(frozen=True)
class RevokeConsent:
    """A consent is taken back; taking back one that is not there changes nothing."""

    tenant: str
    consent_id: str
