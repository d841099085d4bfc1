"""What can be asked of `login`: commands for the rules, and the questions and answers of `svc.v1.login.*`."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

SERVICE: Final = "login"


class PersonOf(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.login.person`: may a grant of this person still be used, and what is said of them?

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


@dataclass(frozen=True)
class VisitSession:
    """Somebody who is signed in comes to another application, and is asked nothing."""

    tenant: str
    session_id: str
    lifetimes: Lifetimes
    visit: Visit


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


@dataclass(frozen=True)
class NoteRefusal:
    """An authorization request was refused: for the activity log alone."""

    tenant: str
    client_id: str | None
    client_name: str | None
    error: str | None
    reason: str
    is_silent: bool
    address: str
    user_agent: str
    host: str
