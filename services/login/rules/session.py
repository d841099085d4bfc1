"""One session's life: started when somebody showed who they are, renewed, over."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from libs.eventstore import Event
from services.login.commands import AnnotateSession, EndSession, RenewSession, StartSession, Visit, VisitSession
from services.login.events import LoginSucceeded, SessionAnnotated, SessionEnded, SessionRenewed, SessionStarted

# What is remembered


@dataclass(frozen=True)
class NoSession:
    """There is none of this id. `is_proof_good` was read beside it: whether what the person showed still counts."""

    is_proof_good: bool = field(default=True, compare=False)


@dataclass(frozen=True)
class Session:
    """Somebody is signed in; `until` is when it ends by itself, which rows alone know."""

    session_id: str
    person: str
    connection_id: str
    auth_time: datetime
    amr: tuple[str, ...]
    acr: str | None
    ended: str | None = None
    until: datetime | None = None
    is_proof_good: bool = field(default=True, compare=False)

    def is_alive(self, now: datetime) -> bool:
        """Whether it can be used."""
        return self.ended is None and (self.until is None or now < self.until)


State = NoSession | Session


# What a fact changes


def evolve(state: State, event: Event) -> State:
    """The state after `event`."""
    match state, event:
        case NoSession(), SessionStarted():
            return Session(
                event.session_id, event.person, event.connection_id, event.auth_time, tuple(event.amr), event.acr
            )
        case Session(ended=None), SessionRenewed():
            return replace(state, auth_time=event.auth_time, amr=tuple(event.amr), acr=event.acr)
        case Session(ended=None), SessionEnded():
            return replace(state, ended=event.reason)
        case _:
            return state


# What a command causes


class SessionGone(Exception):
    """The session is over, or was never there: whoever has it signs in again."""


class SessionTaken(Exception):
    """The id is another session's: chance does not do that."""


class ProofGone(Exception):
    """What somebody showed counts no more: since then their password was changed, or they were blocked or erased."""


class AnotherPerson(Exception):
    """The session is somebody else's."""


def start(command: StartSession, state: State, now: datetime) -> Sequence[Event]:
    """A new session, and that somebody came by it.

    Raises:
        ProofGone: what was shown counts no more.
    """
    if not isinstance(state, NoSession):
        raise SessionTaken
    if not state.is_proof_good:
        raise ProofGone
    started = SessionStarted(
        session_id=command.session_id,
        person=command.person,
        client_id=command.visit.client_id,
        connection_id=command.connection_id,
        auth_time=now,
        amr=list(command.amr),
        acr=command.acr,
    )
    came = _came(command.person, command.session_id, command.amr, command.visit, is_signup=command.is_signup)
    return [started, came]


def renew(command: RenewSession, state: State, now: datetime) -> Sequence[Event]:
    """The same session from a newer moment on.

    Raises:
        SessionGone: it is over.
        AnotherPerson: it is somebody else's, who must not be mixed up with this one.
        ProofGone: what was shown counts no more.
    """
    session = _alive(state, now)
    if session.person != command.person:
        raise AnotherPerson
    if not session.is_proof_good:
        raise ProofGone
    renewed = SessionRenewed(
        session_id=command.session_id,
        person=command.person,
        client_id=command.visit.client_id,
        auth_time=now,
        amr=list(command.amr),
        acr=command.acr,
    )
    return [renewed, _came(command.person, command.session_id, command.amr, command.visit)]


def visit(command: VisitSession, state: State, now: datetime) -> Sequence[Event]:
    """Single sign-on: nothing is decided anew, so there is no fact.

    Raises:
        SessionGone: it is over.
    """
    session = _alive(state, now)
    return [_came(session.person, session.session_id, session.amr, command.visit, is_silent=True)]


def annotate(command: AnnotateSession, state: State, now: datetime) -> Sequence[Event]:
    """That something was noted.

    Raises:
        SessionGone: it is over.
    """
    return [SessionAnnotated(session_id=command.session_id, person=_alive(state, now).person)]


def end(command: EndSession, state: State, _now: datetime) -> Sequence[Event]:
    """It is over, once."""
    if not isinstance(state, Session) or state.ended is not None:
        return []
    return [SessionEnded(session_id=command.session_id, person=state.person, reason=command.reason)]


def _alive(state: State, now: datetime) -> Session:
    if not isinstance(state, Session) or not state.is_alive(now):
        raise SessionGone
    return state


def _came(
    person: str,
    session_id: str,
    amr: Sequence[str],
    visit: Visit,
    *,
    is_silent: bool = False,
    is_signup: bool = False,
) -> LoginSucceeded:
    return LoginSucceeded(
        person=person,
        session_id=session_id,
        client_id=visit.client_id,
        client_name=visit.client_name,
        connection=visit.connection,
        amr=list(amr),
        is_silent=is_silent,
        is_signup=is_signup,
        address=visit.address,
        user_agent=visit.user_agent,
        host=visit.host,
    )
