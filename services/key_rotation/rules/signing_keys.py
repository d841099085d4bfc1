"""A tenant's signing keys: always one current per algorithm, always a next one announced.

A key is published long before it signs, so that no verifier that caches as it was told meets an unknown key. There is
no moment of activation to miss: `active_from` decides, on every replica alike (`libs.jose.schedule`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from libs.eventstore import Event
from libs.jose import SKEW, ScheduledKey, Standing, current, next_active_from, standing
from services.key_rotation.commands import Candidate, EnsureSigningKeys, RevokeSigningKey, RotateSigningKey, Times
from services.key_rotation.events import SigningKeyPublished, SigningKeyRevoked, SigningKeyScheduled

FIRST_ALG: Final = "RS256"
"""What every tenant signs with from the first: Auth0's SDKs refuse a tenant without it."""

MOST_KEYS: Final = 200
"""Keys of one algorithm in a tenant's JWKS; a rotation on demand past it is refused, and the JWKS stays readable."""

_TICK: Final = timedelta(microseconds=1)


# What is remembered


@dataclass(frozen=True, slots=True)
class Key:
    """One published key."""

    kid: str
    alg: str
    published_at: datetime
    active_from: datetime
    is_revoked: bool = False

    @property
    def scheduled(self) -> ScheduledKey:
        """As the schedule sees it."""
        return ScheduledKey(self.kid, self.alg, self.active_from, {}, is_revoked=self.is_revoked)


@dataclass(frozen=True, slots=True)
class Keys:
    """Every key a tenant ever had, in order of publication."""

    keys: tuple[Key, ...] = ()

    def line(self, alg: str) -> list[Key]:
        """The keys of `alg` that were not revoked, in the order in which they sign."""
        line = (key for key in self.keys if key.alg == alg and not key.is_revoked)
        return sorted(line, key=lambda key: (key.active_from, key.kid))

    def find(self, kid: str) -> Key | None:
        """The key of this id."""
        return next((key for key in self.keys if key.kid == kid), None)


# What a fact changes


def evolve(state: Keys, event: Event) -> Keys:
    """The keys after `event`."""
    match event:
        case SigningKeyPublished():
            published_at = event.published_at or event.active_from
            return Keys((*state.keys, Key(event.kid, event.alg, published_at, event.active_from)))
        case SigningKeyScheduled(kid=kid, active_from=active_from):
            return Keys(tuple(replace(key, active_from=active_from) if key.kid == kid else key for key in state.keys))
        case SigningKeyRevoked(kid=kid):
            return Keys(tuple(replace(key, is_revoked=True) if key.kid == kid else key for key in state.keys))
        case _:
            return state


# What a command causes


class Refused(Exception):
    """The keys stay as they are; the message is for the administrator."""


class NoSuchKey(Refused):
    """The tenant has no key of this id."""


class AlgorithmUnused(Refused):
    """The tenant has no key of this algorithm, so there is none to rotate."""


class TooManyKeys(Refused):
    """So many keys of the algorithm still verify tokens that another would make the JWKS unreadable."""


def ensure(command: EnsureSigningKeys, state: Keys, now: datetime) -> Sequence[Event]:
    """A current and a next key for each algorithm, as far as the candidates reach; nothing when both are there."""
    plan = _Plan(state, command.candidates, command.times, now)
    for alg in command.algs:
        plan.complete(alg)
    return plan.events


def rotate(command: RotateSigningKey, state: Keys, now: datetime) -> Sequence[Event]:
    """The announced key signs as soon as every cached JWKS has it, and another is announced.

    While such a rotation is pending, the next one takes its turn behind it.
    """
    plan = _Plan(state, command.candidates, command.times, now)
    line = state.line(command.alg)
    if not line:
        raise AlgorithmUnused(f"the tenant has no {command.alg} key")
    if len(line) >= MOST_KEYS and _unretired(line, now, command.times) >= MOST_KEYS:
        raise TooManyKeys(f"{MOST_KEYS} {command.alg} keys still verify tokens; older ones must retire first")
    plan.complete(command.alg)
    plan.hurry(command.alg)
    plan.complete(command.alg, is_behind_pending=True)
    return plan.events


def revoke(command: RevokeSigningKey, state: Keys, now: datetime) -> Sequence[Event]:
    """The key is not believed any more; if it was current, the next one signs at once, announced long enough or not.

    Keys of an algorithm that the tenant no longer allows are not replaced: so it gets rid of them.
    """
    key = state.find(command.kid)
    if key is None:
        raise NoSuchKey(f"there is no signing key {command.kid}")
    if key.is_revoked:
        return []
    plan = _Plan(state, command.candidates, command.times, now)
    was_current = current(_scheduled(state.keys), key.alg, now) == key.scheduled
    plan.say(SigningKeyRevoked(kid=key.kid))
    if was_current and command.is_wanted:
        plan.promote(key.alg)
    if command.is_wanted:
        plan.complete(key.alg)
    return plan.events


def rotated(state: Keys, alg: str) -> Key:
    """The key that the last rotation of `alg` made or will make current: the one before the announced one."""
    return state.line(alg)[-2]


class _Plan:
    """The events so far, and the keys after them."""

    def __init__(self, state: Keys, candidates: Iterable[Candidate], times: Times, now: datetime) -> None:
        self.state = state
        self.events: list[Event] = []
        self._candidates = list(candidates)
        self._times = times
        self._now = now

    def say(self, event: Event) -> None:
        """One more event."""
        self.events.append(event)
        self.state = evolve(self.state, event)

    def complete(self, alg: str, *, is_behind_pending: bool = False) -> None:
        """Publish what the line lacks: a current key at once, a next one ahead of time."""
        line = self.state.line(alg)
        if not line:
            line = self._publish(alg, self._now)
        if line and line[0].active_from > self._now:  # the clock went back: whoever is first signs
            self.say(SigningKeyScheduled(kid=line[0].kid, active_from=self._now))
            line = self.state.line(alg)
        if line and (is_behind_pending or line[-1].active_from <= self._now):
            self._publish(alg, self._planned(line[-1]))

    def hurry(self, alg: str) -> None:
        """The last of the line signs as soon as verifiers can know it, behind whoever is pending before it."""
        *before, last = self.state.line(alg)
        known_at = last.published_at + self._times.max_age + SKEW
        earliest = max(self._now, known_at, *(key.active_from + _TICK for key in before[-1:]))
        if earliest < last.active_from:
            self.say(SigningKeyScheduled(kid=last.kid, active_from=earliest))

    def promote(self, alg: str) -> None:
        """The first that is still to come signs now; without one, a fresh key does."""
        following = next((key for key in self.state.line(alg) if key.active_from > self._now), None)
        if following is None:
            self._publish(alg, self._now)
        else:
            self.say(SigningKeyScheduled(kid=following.kid, active_from=self._now))

    def _planned(self, predecessor: Key) -> datetime:
        times = self._times
        earliest = next_active_from(self._now, predecessor.active_from, max_age=times.max_age, lead=times.lead)
        return max(predecessor.active_from + times.rotation, earliest)

    def _publish(self, alg: str, active_from: datetime) -> list[Key]:
        """Publish a candidate; without one the line stays short, and the next round of rotation completes it."""
        candidate = next((each for each in self._candidates if each.alg == alg), None)
        if candidate is not None:
            self._candidates.remove(candidate)
            self.say(
                SigningKeyPublished(
                    kid=candidate.kid, alg=alg, jwk=candidate.jwk, active_from=active_from, published_at=self._now
                )
            )
        return self.state.line(alg)


def _scheduled(keys: Iterable[Key]) -> Iterator[ScheduledKey]:
    return (key.scheduled for key in keys)


def _unretired(line: Iterable[Key], now: datetime, times: Times) -> int:
    scheduled = list(_scheduled(line))
    places = (standing(key, scheduled, now, max_age=times.max_age) for key in scheduled)
    return sum(place is not Standing.RETIRED for place in places)
