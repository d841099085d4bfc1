"""Owns the JWKS as it is published, made from the keys that were followed."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from libs.eventstore import Envelope, Event
from libs.jose import FollowedKeys
from libs.runtime.errors import Unavailable

FRESH_SECONDS = 60.0
"""So old may an answer from memory be before somebody tries to renew it."""

STALE_SECONDS = 3600.0
"""So old may it be when nobody can (DESIGN section 1)."""

REMADE_AFTER = 0.5
"""Seconds a made document is kept: keys come and go by the clock alone, without an event."""


class TooOld(Unavailable):
    """What is in memory is older than an hour: a key that was revoked meanwhile would still be in it."""


class Document(NamedTuple):
    """A document ready to be sent."""

    body: bytes
    etag: str


def document(body: bytes) -> Document:
    """A document with its entity tag, which is the same on every replica."""
    return Document(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


class Keys:
    """The JWKS of each tenant."""

    def __init__(self, followed: FollowedKeys, max_age: timedelta, clock: Callable[[], float]) -> None:
        self._followed = followed
        self._max_age = max_age
        self._clock = clock
        self._made: dict[str, tuple[float, Document]] = {}

    def apply(self, envelope: Envelope, event: Event) -> None:
        """Take in one fact."""
        self._followed.apply(envelope.tenant, event, version=envelope.version or 0)
        self._made.pop(envelope.tenant, None)

    def document(self, tenant: str, *, silent_for: float) -> Document:
        """The public keys of a tenant, level with the log `silent_for` seconds ago; raises TooOld."""
        if silent_for > STALE_SECONDS:
            raise TooOld
        now = self._clock()
        at, made = self._made.get(tenant, (0.0, None))
        if made is None or not 0 <= now - at < REMADE_AFTER:
            jwks = self._followed.jwks(tenant, datetime.fromtimestamp(now, UTC), self._max_age)
            made = document(msgspec.json.encode(jwks))
            self._made[tenant] = (now, made)
        return made
