"""Owns the read model of public signing keys per tenant, held in memory by whoever verifies or shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from libs.jose.jwk import VerifyingKey, public_key_from_jwk
from libs.jose.schedule import ScheduledKey, Standing, published, standing


class Published(Protocol):
    """The event that a key is now in the JWKS."""

    @property
    def kid(self) -> str:
        """The key."""

    @property
    def alg(self) -> str:
        """The one algorithm it signs with."""

    @property
    def jwk(self) -> Mapping[str, Any]:
        """Its public JWK."""

    @property
    def active_from(self) -> datetime:
        """When it begins to sign, aware."""


class Scheduled(Protocol):
    """The event that a published key's schedule moved."""

    @property
    def kid(self) -> str:
        """The key."""

    @property
    def active_from(self) -> datetime:
        """When it begins to sign, aware."""


class Revoked(Protocol):
    """The event that a key is not to be believed any more."""

    @property
    def kid(self) -> str:
        """The key."""


@dataclass(frozen=True, slots=True)
class _Followed:
    scheduled: ScheduledKey
    verifying: VerifyingKey
    version: int


class FollowedKeys:
    """Public keys of every tenant, fed by events whose classes the service that follows names (libs know no service).

    Not for sharing between threads. An event that comes again changes nothing: a publication does not undo what
    followed it, and a revocation is for ever.
    """

    def __init__(self, *, published: type[Published], scheduled: type[Scheduled], revoked: type[Revoked]) -> None:
        self._published = published
        self._scheduled = scheduled
        self._revoked = revoked
        self._tenants: dict[str, dict[str, _Followed]] = {}

    def apply(self, tenant: str, event: object, *, version: int = 0) -> None:
        """Takes one event in; others than the three are ignored.

        `version` is the event's place in its key's stream: with it, an older schedule that is delivered again is
        ignored too.

        Raises:
            UnacceptableKey: the published JWK is none we would ever publish; the follower must stop, not skip.
        """
        if isinstance(event, self._published):
            self._publish(tenant, event, version)
        elif isinstance(event, self._scheduled):
            self._change(tenant, event.kid, version, active_from=event.active_from)
        elif isinstance(event, self._revoked):
            self._change(tenant, event.kid, version, is_revoked=True)

    def keys(self, tenant: str) -> tuple[ScheduledKey, ...]:
        """Every key ever published for `tenant`, the revoked and retired among them, in order of publication."""
        return tuple(followed.scheduled for followed in self._tenants.get(tenant, {}).values())

    def jwks(self, tenant: str, now: datetime, max_age: timedelta) -> dict[str, Any]:
        """The JWK Set of `tenant` at `now` (RFC 7517 §5); `max_age` is how long it may be cached."""
        return {"keys": [dict(key.jwk) for key in published(self.keys(tenant), now, max_age)]}

    def verifying_key(self, tenant: str, kid: str, now: datetime) -> VerifyingKey | None:
        """The key with which a token of `tenant` that names `kid` is verified at `now`, or `None`.

        A next key verifies too: a replica whose clock is ahead may already sign with it.
        """
        followed = self._tenants.get(tenant, {}).get(kid)
        if followed is None:
            return None
        # Nobody caches what is asked here, so the JWKS's age plays no part.
        place = standing(followed.scheduled, self.keys(tenant), now, max_age=timedelta(0))
        return None if place is Standing.RETIRED else followed.verifying

    def _publish(self, tenant: str, event: Published, version: int) -> None:
        keys = self._tenants.setdefault(tenant, {})
        if event.kid not in keys:
            # Reading it as we read a stranger's also proves that nothing private is in what we are about to publish.
            verifying = replace(public_key_from_jwk(event.jwk, event.alg), kid=event.kid)
            scheduled = ScheduledKey(event.kid, event.alg, event.active_from, event.jwk)
            keys[event.kid] = _Followed(scheduled, verifying, version)

    def _change(self, tenant: str, kid: str, version: int, **changes: Any) -> None:
        keys = self._tenants.get(tenant, {})
        followed = keys.get(kid)
        if followed is None or version < followed.version:
            return
        scheduled = replace(followed.scheduled, **changes)
        keys[kid] = replace(followed, scheduled=scheduled, version=version)
