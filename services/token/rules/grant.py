"""Grants: what people let applications have. Each is a stream of its own, with a beginning and one end.

How its refresh tokens go on is `rules.refresh_token`'s: that is authoritative, and no fact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from libs.edge.management_errors import NotFound
from libs.eventstore import Event
from services.token.commands import AnnotateGrant, RevokeGrant
from services.token.events import GrantAnnotated, GrantExpired, GrantRevoked, GrantStarted


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


class NoSuchRefreshToken(NotFound):
    """There is none of this id, or it has ended."""

    def __init__(self) -> None:
        super().__init__("The refresh token does not exist.", "inexistent_refresh_token")


def annotate(command: AnnotateGrant, state: State, _now: datetime) -> Sequence[Event]:
    """That something was noted of its refresh token.

    Raises:
        NoSuchRefreshToken: it has none, or has ended.
    """
    if not isinstance(state, LivingGrant) or not state.started.is_offline:
        raise NoSuchRefreshToken
    of = state.started
    return [GrantAnnotated(grant_id=command.grant_id, client_id=of.client_id, person=of.person)]
