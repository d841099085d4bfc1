"""The guard of Management API routes: the tenant's own keys, issuer and audience, and the route's scopes.

A service that has such routes follows two logs in memory, the tenants' and the keys'; which classes their events have
is told by the service, because libs know none.
"""

from collections.abc import Callable
from typing import Any, Final

from libs.bus import Bus
from libs.edge.call import Call
from libs.edge.management import InvalidToken, KeyOf, authorise
from libs.eventstore import Catalogue, Envelope, Event, MemoryFollower
from libs.jose import FollowedKeys, Seen, SignedClaims
from libs.runtime.lifecycle import Lifecycle

AUDIENCE: Final = "api/v2/"
"""What a tenant's Management API is called behind its issuer."""


class Issuers:
    """Every tenant's issuer, in memory, fed by whoever follows `tenants`."""

    def __init__(self) -> None:
        self._issuers: dict[str, str] = {}

    def put(self, tenant: str, *, domain: str, scheme: str) -> None:
        """Take in where a tenant is now."""
        self._issuers[tenant] = f"{scheme}://{domain}/"

    def of(self, tenant: str) -> str | None:
        """The issuer of `tenant`, slash included; `None` for a tenant nobody told of."""
        return self._issuers.get(tenant)


class Callers:
    """Whom each tenant's Management API believes: public keys and issuers, fed by whoever follows both logs."""

    def __init__(self, *, keys: FollowedKeys, placed: tuple[type[Any], ...]) -> None:
        """`placed` are the events that bring a tenant's `domain` and `scheme`."""
        self.keys = keys
        self.issuers = Issuers()
        self._placed = placed
        self._hears: list[MemoryFollower] = []

    def key_fact(self, envelope: Envelope, event: Event) -> None:
        """Take in one fact about signing keys."""
        self.keys.apply(envelope.tenant, event, version=envelope.version or 0)

    def tenant_fact(self, envelope: Envelope, event: Any) -> None:
        """Take in one fact about tenants."""
        if isinstance(event, self._placed):
            self.issuers.put(envelope.tenant, domain=event.domain, scheme=event.scheme)

    def follow(self, lifecycle: Lifecycle, bus: Bus, *logs: tuple[Catalogue, Callable[[Envelope, Any], None]]) -> None:
        """Hear of keys and tenants as long as the service runs: from each log, with what takes in its facts."""
        for source, apply in logs:
            follower = MemoryFollower(bus, source, apply, name=lifecycle.name, readiness=lifecycle.readiness)
            lifecycle.background(f"follow {source.service} in memory", follower.run())
            self._hears.append(follower)

    async def level(self) -> None:
        """Return once all that was said is known.

        Before that a good token would be refused for its key, and one of a key that was revoked be believed: requests
        are taken afterwards, and meanwhile by other replicas or by nobody.
        """
        for follower in self._hears:
            await follower.level()

    def guard(self) -> Callable[[Call], SignedClaims]:
        """What `Edge` asks about each request to a route with scopes."""
        return guard(self.keys.verifying_key, self.issuers.of)


def guard(key_of: KeyOf, issuer_of: Callable[[str], str | None]) -> Callable[[Call], SignedClaims]:
    """What `Edge` asks about each request to a route with scopes; a token of another tenant is never good."""
    seen = Seen()

    def claims_of(call: Call) -> SignedClaims:
        issuer = issuer_of(call.tenant)
        if issuer is None:
            raise InvalidToken
        return authorise(
            call,
            key_of,
            issuer=issuer,
            audience=issuer + AUDIENCE,
            scopes=call.route.scopes or (),
            now=call.now,
            seen=seen,
        )

    return claims_of
