"""Somebody with an account: registered, changed, blocked, erased. Every personal word is sealed under their own key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from libs.eventstore import Event
from libs.sealed import PersonKey, Sealed
from services.login.commands import (
    BlockUser,
    ChangeUser,
    EraseUser,
    RegisterUser,
    SetPassword,
    UnblockUser,
    VerifyEmail,
)
from services.login.events import (
    UserBlocked,
    UserChanged,
    UserEmailVerified,
    UserErased,
    UserPasswordChanged,
    UserRegistered,
    UserUnblocked,
)
from services.login.rules.person_reasons import NoSuchUser, TicketRefused, UserExists, UsernameExists

METADATA: Final = frozenset({"user_metadata", "app_metadata"})
"""Members that are merged at their first level; the others are replaced."""

USER_ID: Final = "user_id"


# What is remembered


@dataclass(frozen=True)
class Beside:
    """What was read beside a row, and is no memory: the data key, whose names are taken, whether a link is good."""

    key: PersonKey | None = None
    taken: frozenset[str] = frozenset()
    is_ticket_good: bool = False


@dataclass(frozen=True)
class NoPerson:
    """There is nobody of this id."""

    beside: Beside = field(default=Beside(), compare=False)


@dataclass(frozen=True)
class Person:
    """Somebody with an account. `endings` counts the facts that ended what had begun before."""

    connection_id: str
    connection: str
    provider: str
    user_id: Sealed
    profile: Mapping[str, Sealed]
    email_verified: bool = False
    has_password: bool = False
    is_blocked: bool = False
    endings: int = 0
    beside: Beside = field(default=Beside(), compare=False)


@dataclass(frozen=True)
class ErasedPerson:
    """There was somebody, who is forgotten; the id is never used again."""

    beside: Beside = field(default=Beside(), compare=False)


State = NoPerson | Person | ErasedPerson


# What a fact changes


def evolve(state: State, event: Event) -> State:  # noqa: PLR0911  # one line per fact
    """The state after `event`; facts that cannot follow change nothing."""
    match state, event:
        case NoPerson(), UserRegistered():
            return _registered(state, event)
        case Person(), UserChanged(profile=changes):
            merged = {**state.profile, **changes}
            return replace(state, profile={name: value for name, value in merged.items() if value is not None})
        case Person(), UserEmailVerified(is_verified=is_verified):
            return replace(state, email_verified=is_verified)
        case Person(), UserPasswordChanged():
            return replace(state, has_password=True, endings=state.endings + 1)
        case Person(), UserBlocked():
            return replace(state, is_blocked=True, endings=state.endings + 1)
        case Person(), UserUnblocked():
            return replace(state, is_blocked=False)
        case Person(), UserErased():
            return ErasedPerson(state.beside)
        case _:
            return state


def _registered(state: NoPerson, event: UserRegistered) -> Person:
    return Person(
        event.connection_id,
        event.connection,
        event.provider,
        event.user_id,
        event.profile,
        event.email_verified,
        event.has_password,
        beside=state.beside,
    )


# What a command causes


def register(command: RegisterUser, state: State, _now: datetime) -> Sequence[Event]:
    """Somebody has an account.

    Raises:
        UserExists, UsernameExists: the address, the user name or the id is somebody's.
    """
    if not isinstance(state, NoPerson) or state.beside.taken & {"email", USER_ID}:
        raise UserExists
    if state.beside.taken:
        raise UsernameExists
    key = _key(state)
    registered = UserRegistered(
        person=command.person,
        connection_id=command.connection_id,
        connection=command.connection,
        provider=command.provider,
        user_id=key.seal(USER_ID, command.user_id),
        profile={name: key.seal(name, value) for name, value in command.profile.items() if value is not None},
        email_verified=command.email_verified,
        has_password=command.phc is not None,
        by=command.by,
    )
    return [registered, UserBlocked(person=command.person)] if command.is_blocked else [registered]


def change(command: ChangeUser, state: State, _now: datetime) -> Sequence[Event]:
    """What is said of somebody, whether the address is theirs, whether they are blocked, their password.

    Raises:
        NoSuchUser: there is nobody of this id.
        UserExists, UsernameExists: the new address or user name is somebody else's.
    """
    person = _person(state)
    if "email" in person.beside.taken:
        raise UserExists("The specified new email already exists")
    if person.beside.taken:
        raise UsernameExists
    return [
        *_profile_changed(command, person),
        *_verified(command, person),
        *_password_changed(command),
        *_blocked(command, person),
    ]


def _profile_changed(command: ChangeUser, person: Person) -> list[Event]:
    if not command.profile:
        return []
    key = _key(person)
    wanted = {name: _wanted(person, key, name, value) for name, value in command.profile.items()}
    sealed = {name: None if value is None else key.seal(name, value) for name, value in wanted.items()}
    changes = {name: value for name, value in sealed.items() if value != person.profile.get(name)}
    return [UserChanged(person=command.person, profile=changes)] if changes else []


def _wanted(person: Person, key: PersonKey, name: str, value: Any) -> Any:
    """Metadata as they shall be: the new members over those that are there; `None` removes one, no members all."""
    if name in METADATA and value == {}:
        return None
    if name not in METADATA or not isinstance(value, Mapping) or name not in person.profile:
        return _without_nulls(value) if name in METADATA else value
    return _without_nulls({**key.open(name, person.profile[name]), **value})


def _without_nulls(value: Any) -> Any:
    return {name: each for name, each in value.items() if each is not None} if isinstance(value, Mapping) else value


def _verified(command: ChangeUser, person: Person) -> list[Event]:
    """A new address is nobody's until it was shown, unless the administrator says otherwise."""
    is_new = "email" in command.profile and _is_another_address(command.profile["email"], person)
    wanted = command.email_verified if command.email_verified is not None else person.email_verified and not is_new
    if wanted == person.email_verified:
        return []
    return [UserEmailVerified(person=command.person, is_verified=wanted, by=command.by)]


def _is_another_address(email: str | None, person: Person) -> bool:
    """Whether mail to it goes elsewhere; accounts of earlier releases may have theirs in capitals, which is the same.

    No more than case is passed over: what else two addresses may be confused by leads to two mailboxes (LG-21).
    """
    kept = person.profile.get("email")
    if email is None or kept is None:
        return email is not None or kept is not None
    return str(_key(person).open("email", kept)).lower() != email.lower()


def _password_changed(command: ChangeUser) -> list[Event]:
    return [UserPasswordChanged(person=command.person, by=command.by)] if command.phc is not None else []


def _blocked(command: ChangeUser, person: Person) -> list[Event]:
    if command.is_blocked is None or command.is_blocked == person.is_blocked:
        return []
    kind = UserBlocked if command.is_blocked else UserUnblocked
    return [kind(person=command.person)]


def set_password(command: SetPassword, state: State, _now: datetime) -> Sequence[Event]:
    """Another password; a link that was sent to the address shows besides whose address it is.

    Raises:
        NoSuchUser: there is nobody of this id.
        TicketRefused: the link is not good any more.
    """
    person = _person(state)
    if command.ticket is None:
        return [UserPasswordChanged(person=command.person, by=command.by)]
    if not person.beside.is_ticket_good:
        raise TicketRefused
    changed = UserPasswordChanged(person=command.person, by=command.by)
    if person.email_verified or not command.proves_email:
        return [changed]
    return [changed, UserEmailVerified(person=command.person, is_verified=True, by=command.by)]


def verify_email(command: VerifyEmail, state: State, _now: datetime) -> Sequence[Event]:
    """The address is somebody's own; a good link always leaves a fact, because it is spent with it.

    Raises:
        TicketRefused: the link is not good any more, or nobody's.
    """
    if not isinstance(state, Person) or not state.beside.is_ticket_good:
        raise TicketRefused
    return [UserEmailVerified(person=command.person, is_verified=True, by="link")]


def block(command: BlockUser, state: State, _now: datetime) -> Sequence[Event]:
    """Somebody may not sign in any more.

    Raises:
        NoSuchUser: there is nobody of this id.
    """
    return [] if _person(state).is_blocked else [UserBlocked(person=command.person)]


def unblock(command: UnblockUser, state: State, _now: datetime) -> Sequence[Event]:
    """Somebody may sign in again.

    Raises:
        NoSuchUser: there is nobody of this id.
    """
    return [UserUnblocked(person=command.person)] if _person(state).is_blocked else []


def erase(command: EraseUser, state: State, _now: datetime) -> Sequence[Event]:
    """Somebody is forgotten; whoever is not there needs no forgetting."""
    return [UserErased(person=command.person)] if isinstance(state, Person) else []


def _person(state: State) -> Person:
    if not isinstance(state, Person):
        raise NoSuchUser
    return state


def _key(state: NoPerson | Person) -> PersonKey:
    assert state.beside.key is not None, "whoever seals has read the key"
    return state.beside.key
