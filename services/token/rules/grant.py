"""Grants: what people let applications have. Each is a stream of its own, with a beginning and one end.

How its refresh tokens go on is `rules.refresh_token`'s: that is authoritative, and no fact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from libs.eventstore import Event
from services.token.commands import RevokeGrant
from services.token.events import GrantExpired, GrantRevoked, GrantStarted


class EndsGrant:
    """Mixed into a refusal after which the grant must end: what was presented is in two hands."""

    why: ClassVar[str]

    def __init__(self, grant_id: str) -> None:
        super().__init__()
        self.grant_id = grant_id


# What is remembered.


@dataclass(frozen=True)
class NoGrant:
    """There is none of this id."""


@dataclass(frozen=True)
class LivingGrant:
    """It was started so, and has not ended."""

    started: GrantStarted


@dataclass(frozen=True)
class EndedGrant:
    """It was revoked, or has expired."""


State = NoGrant | LivingGrant | EndedGrant

START: Final = NoGrant()


# What a fact changes.


def evolve(state: State, event: Event) -> State:
    """The grant after `event`; total, never raises."""
    match state, event:
        case NoGrant(), GrantStarted():
            return LivingGrant(event)
        case LivingGrant(), GrantRevoked() | GrantExpired():
            return EndedGrant()
        case _:
            return state


# What a command causes.


def revoke(command: RevokeGrant, state: State, _now: datetime) -> Sequence[Event]:
    """End it, if it lives."""
    if not isinstance(state, LivingGrant):
        return []
    was = state.started
    return [GrantRevoked(grant_id=command.grant_id, client_id=was.client_id, person=was.person, reason=command.reason)]
