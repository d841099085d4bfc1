"""Owns which signing key is next, current or previous: a pure function of the keys and the moment.

Every replica computes it from the same facts, so there is no "activate" message that one of them could miss:

    published ──▶ next ──active_from──▶ current ──successor's active_from──▶ previous ──leaves_at──▶ retired
                                          a revoked key is retired at once

The keys handed in are one tenant's; keys of different algorithms do not see each other.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from libs.jose.algorithms import ALGORITHMS

MAX_TOKEN_LIFETIME: Final = timedelta(days=30)
"""No token of ours lives longer (Auth0's maximum for an API too), so a key this long out of use verifies nothing."""

SKEW: Final = timedelta(seconds=5)
"""How far two clocks may differ: a process whose clock is further off is unready (see libs.runtime.clock)."""

SIGNING_GRACE: Final = timedelta(minutes=5)
"""How long a replica that lacks the due key goes on with its predecessor: long enough to fetch it through an outage of
key_rotation, short enough that a replaced key is soon out of use."""

_TICK: Final = timedelta(microseconds=1)  # What both Postgres and a JSON date can tell apart.
_ALGORITHM_ORDER: Final = list(ALGORITHMS)


@dataclass(frozen=True, slots=True)
class ScheduledKey:
    """What the schedule needs to know of a published key; `jwk` is public, `active_from` aware."""

    kid: str
    alg: str
    active_from: datetime
    jwk: Mapping[str, Any]
    is_revoked: bool = False


class Standing(StrEnum):
    """Where a key stands; the first three are in the JWKS, in this order."""

    CURRENT = "current"
    NEXT = "next"
    PREVIOUS = "previous"
    RETIRED = "retired"


class CannotSign(Exception):
    """There is no key to sign with: refuse the request, never use another key."""


class NoKeyDue(CannotSign):
    """No key of the algorithm is current."""


class KeyNotHeld(CannotSign):
    """The due key is not here and the predecessor's grace is over."""


def current(keys: Iterable[ScheduledKey], alg: str, now: datetime) -> ScheduledKey | None:
    """The key of `alg` that signs at `now`: the last, not revoked, whose `active_from` has come."""
    begun = [key for key in _line(keys, alg) if key.active_from <= now]
    return begun[-1] if begun else None


def retired_at(key: ScheduledKey, keys: Iterable[ScheduledKey]) -> datetime | None:
    """When `key`'s successor takes over, in the past or future; `None` while it has no successor."""
    later = (other for other in _line(keys, key.alg) if _place(other) > _place(key))
    successor = next(later, None)
    return successor.active_from if successor else None


def standing(
    key: ScheduledKey, keys: Iterable[ScheduledKey], now: datetime, *, max_age: timedelta, skew: timedelta = SKEW
) -> Standing:
    """Where `key` stands among `keys` at `now`; `max_age` is how long verifiers may cache the JWKS."""
    keys = tuple(keys)
    if key.is_revoked:
        return Standing.RETIRED
    due = current(keys, key.alg, now)
    if due is None or _place(key) > _place(due):
        return Standing.NEXT
    if key.kid == due.kid:
        return Standing.CURRENT
    return Standing.PREVIOUS if now < _leaves_at(key, keys, max_age, skew) else Standing.RETIRED


def published(
    keys: Iterable[ScheduledKey], now: datetime, max_age: timedelta, skew: timedelta = SKEW
) -> list[ScheduledKey]:
    """The keys of the JWKS at `now`: current, next, then previous; inside each by algorithm (RS256 first) and age.

    The order is part of the contract with clients that take the first key, and keeps the ETag still.
    """
    keys = tuple(keys)
    ranks = list(Standing)
    placed = [(standing(key, keys, now, max_age=max_age, skew=skew), key) for key in keys]
    shown = [(ranks.index(place), key) for place, key in placed if place is not Standing.RETIRED]
    shown.sort(key=lambda ranked: (ranked[0], _ALGORITHM_ORDER.index(ranked[1].alg), _place(ranked[1])))
    return [key for _, key in shown]


def signing_key(keys: Iterable[ScheduledKey], alg: str, now: datetime, have: Container[str]) -> ScheduledKey:
    """The key to sign with on a replica that holds the private keys whose kids are in `have`.

    The due one; lacking it, its predecessor until `SIGNING_GRACE` after its retirement.

    Raises:
        NoKeyDue: no key of `alg` is current.
        KeyNotHeld: neither may be used here.
    """
    begun = [key for key in _line(keys, alg) if key.active_from <= now]
    if not begun:
        raise NoKeyDue(f"no {alg} key is current")
    due = begun[-1]
    if due.kid in have:
        return due
    in_grace = now < due.active_from + SIGNING_GRACE
    if in_grace and len(begun) > 1 and begun[-2].kid in have:
        return begun[-2]
    raise KeyNotHeld(f"the {alg} key {due.kid} is due, and neither it nor a usable predecessor is here")


def next_active_from(
    published_at: datetime,
    predecessor_active_from: datetime | None,
    *,
    max_age: timedelta,
    lead: timedelta,
    skew: timedelta = SKEW,
) -> datetime:
    """When a key published at `published_at` begins to sign.

    A first key (no predecessor) at once: nobody has cached a JWKS without it. Any other `lead` later, but not before
    each cache of the older JWKS has run out (`max_age` + `skew`, also the answer for `lead` zero: a rotation on
    demand), and after its predecessor, even if that is itself still to come.
    """
    if predecessor_active_from is None:
        return published_at
    return max(published_at + max(lead, max_age + skew), predecessor_active_from + _TICK)


def _line(keys: Iterable[ScheduledKey], alg: str) -> list[ScheduledKey]:
    return sorted((key for key in keys if key.alg == alg and not key.is_revoked), key=_place)


def _place(key: ScheduledKey) -> tuple[datetime, str]:
    """The order of a line; the kid decides between two of the same moment, so that all replicas agree."""
    return key.active_from, key.kid


def _leaves_at(key: ScheduledKey, keys: Iterable[ScheduledKey], max_age: timedelta, skew: timedelta) -> datetime:
    """When nothing `key` signed can be alive: also not what a replica signed in the grace after its retirement."""
    retired = retired_at(key, keys)
    assert retired is not None, "only a key behind the current one leaves"
    return retired + SIGNING_GRACE + MAX_TOKEN_LIFETIME + skew + max_age
