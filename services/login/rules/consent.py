"""What somebody lets one application have of one API: given, widened, taken back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from libs.eventstore import Event
from services.login.commands import GiveConsent, RevokeConsent
from services.login.events import ConsentGiven, ConsentRevoked

# What is remembered


@dataclass(frozen=True)
class NoConsent:
    """Nothing was ever allowed."""


@dataclass(frozen=True)
class Consent:
    """What was allowed, and whether it still holds."""

    consent_id: str
    person: str
    client_id: str
    audience: str | None
    scope: tuple[str, ...]
    is_given: bool = True

    def covers(self, scope: Collection[str]) -> bool:
        """Whether nothing more is asked than was allowed."""
        return self.is_given and set(scope) <= set(self.scope)


State = NoConsent | Consent


def consent_id_of(tenant: str, person: str, client_id: str, audience: str | None) -> str:
    """The one id of a person's consent to an application: allowed anew, it is the same."""
    return sha256("\n".join((tenant, person, client_id, audience or "")).encode()).hexdigest()[:24]


# What a fact changes


def evolve(state: State, event: Event) -> State:
    """The state after `event`."""
    match state, event:
        case _, ConsentGiven():
            return Consent(event.consent_id, event.person, event.client_id, event.audience, tuple(event.scope))
        case Consent(), ConsentRevoked():
            return replace(state, is_given=False, scope=())
        case _:
            return state


# What a command causes


def give(command: GiveConsent, state: State, _now: datetime) -> Sequence[Event]:
    """Allow what was not allowed before; what was stays allowed."""
    known = state.scope if isinstance(state, Consent) and state.is_given else ()
    if isinstance(state, Consent) and state.covers(command.scope):
        return []
    return [
        ConsentGiven(
            person=command.person,
            consent_id=command.consent_id,
            client_id=command.client_id,
            audience=command.audience,
            scope=list(dict.fromkeys((*known, *command.scope))),
        )
    ]


def revoke(command: RevokeConsent, state: State, _now: datetime) -> Sequence[Event]:
    """Take it back, once."""
    if not isinstance(state, Consent) or not state.is_given:
        return []
    return [
        ConsentRevoked(
            person=state.person, consent_id=command.consent_id, client_id=state.client_id, audience=state.audience
        )
    ]
