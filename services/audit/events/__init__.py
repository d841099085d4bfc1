"""What happened to subscribers: `audit`'s own facts. What it publishes of others is in `events.public`."""

from typing import Final

from libs.eventstore import Catalogue, Fact


class SubscriberAdded(Fact, frozen=True, kw_only=True):
    """A subscriber may read the feed's subjects `events` from position `start` on."""

    name: str
    events: str
    start: int


class SubscriberRemoved(Fact, frozen=True, kw_only=True):
    """A subscriber may not read the feed any more."""

    name: str


CATALOGUE: Final = Catalogue("audit", SubscriberAdded, SubscriberRemoved)
