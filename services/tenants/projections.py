"""Read models of `tenants`, both in memory and following: every tenant's issuer, and everybody's public keys.

They serve one purpose, to believe the tokens of Management API requests, and lag by milliseconds: a revoked key is gone
from here as soon as `key_rotation`'s fact is heard.
"""

from libs.edge.guard import Issuers
from libs.eventstore import Envelope, Event
from libs.jose import FollowedKeys
from services.key_rotation.events import SigningKeyPublished, SigningKeyRevoked, SigningKeyScheduled
from services.tenants.events import TenantDomainChanged, TenantRegistered


def followed_keys() -> FollowedKeys:
    """An empty read model of public keys."""
    return FollowedKeys(published=SigningKeyPublished, scheduled=SigningKeyScheduled, revoked=SigningKeyRevoked)


class PublicKeys:
    """Feeds `keys` with the facts of `key_rotation`."""

    def __init__(self) -> None:
        self.keys = followed_keys()

    def apply(self, envelope: Envelope, event: Event) -> None:
        """Take in one fact."""
        self.keys.apply(envelope.tenant, event, version=envelope.version or 0)


class TenantIssuers:
    """Feeds `issuers` with the facts of `tenants`."""

    def __init__(self) -> None:
        self.issuers = Issuers()

    def apply(self, envelope: Envelope, event: Event) -> None:
        """Take in one fact."""
        if isinstance(event, TenantRegistered | TenantDomainChanged):
            self.issuers.put(envelope.tenant, domain=event.domain, scheme=event.scheme)
