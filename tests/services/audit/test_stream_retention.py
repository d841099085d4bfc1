"""A subscriber that was silent for longer than the bus keeps the feed: it sees where something is missing, and goes on.

What it shows is told in `docs/guides/subscribe-to-events.md`.
"""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from libs.bus import Bus, Durables, Streams
from libs.eventstore import Context, EventStore, Relay
from libs.eventstore.names import FEED, FEED_STREAM
from libs.postgres import Database, Locks
from libs.telemetry.readiness import Readiness
from services.audit.app import COMMANDS
from services.audit.commands import AddSubscriber
from services.audit.events import CATALOGUE
from services.audit.rules.log_ids import place_of
from services.audit.sinks.subscriptions import Subscriptions
from tests.conftest import Background, OpenBus, eventually
from tests.servers import Addresses
from tests.services.audit.journal import Journal

NAME: Final = "silent"
SECOND: Final = 1_000_000_000

LIMITS: Final[Mapping[str, Mapping[str, int]]] = {
    "by age": {"max_age": 3 * SECOND},
    "by bytes": {"max_bytes": 8_000},
}
"""What `LIMEN_FEED_STREAM_AGE` and `LIMEN_FEED_STREAM_BYTES` become, too small for anything but a test."""


class Silent:
    """A subscriber with plain nats-py that remembers the place of the last event it dealt with."""

    def __init__(self, events: Any) -> None:
        self._events = events
        self.delivery = self.place = 0
        self.missing: list[tuple[int, int]] = []
        """Places it never got, from and up to: none of the deliveries is missing, but positions are."""

    async def hears(self, up_to: int) -> list[int]:
        """Deal with what comes until this place."""
        heard: list[int] = []
        while self.place < up_to:
            for event in await self._events.fetch(10, timeout=5):
                place, delivery = int(event.headers["ce-sequence"]), event.metadata.sequence.consumer
                assert delivery == self.delivery + 1, "nothing was lost on the way"
                if place > self.place + 1:
                    self.missing.append((self.place + 1, place - 1))
                heard.append(place)
                self.delivery, self.place = delivery, place
                await event.ack_sync()
        return heard


@pytest.mark.parametrize("limit", LIMITS)
async def test_who_was_silent_for_too_long_sees_what_is_missing_and_goes_on_with_what_is_kept(
    journal: Journal, database: Database, addresses: Addresses, bus: Bus, open_bus: OpenBus, background: Background,
    readiness: Readiness, limit: str,
) -> None:  # fmt: skip
    store, locks = EventStore(database, CATALOGUE, bus, COMMANDS), Locks(addresses.of["audit"], "audit")
    background(Relay(store, bus, locks, readiness, log=FEED, **LIMITS[limit]).run())
    subscriptions, streams = Subscriptions(database, bus), Streams(bus)
    await store.execute(AddSubscriber(name=NAME, events="auth.v1.>", start=1), Context())
    await happened(journal, store, 5)
    await eventually(lambda: mirrored(streams, 5))
    await subscriptions.round()
    client = (await open_bus())._client
    silent = Silent(await client.jetstream().pull_subscribe_bind(NAME, FEED_STREAM))
    assert await silent.hears(up_to=5) == [1, 2, 3, 4, 5]

    await happened(journal, store, 45)
    await eventually(lambda: mirrored(streams, 50))
    await eventually(lambda: begins_behind(streams, 5))
    await happened(journal, store, 5)
    await eventually(lambda: mirrored(streams, 55))
    heard = await silent.hears(up_to=55)

    ((first, last),) = silent.missing
    assert (first, heard) == (6, list(range(last + 1, 56))), "one gap, behind which nothing is missing"
    await subscriptions.round()
    state = await Durables(bus, FEED_STREAM).state(NAME)
    assert state is not None
    assert (state.acked, state.pending, state.unacknowledged) == (55, 0, 0)
    kept = await log_between(journal, first, last)
    assert kept == list(range(first, last + 1)), "what it missed is in the tenant's log"
    await locks.close()


async def happened(journal: Journal, store: EventStore, count: int) -> None:
    """So many events of the feed, and its relay knows."""
    for _ in range(count):
        await journal.happened(data={"jti": "x" * 100})
    await store.wake.appended(FEED)


async def mirrored(streams: Streams, pos: int) -> bool:
    state = await streams.state(FEED_STREAM)
    return state is not None and state.last == pos


async def begins_behind(streams: Streams, pos: int) -> bool:
    """Whether the stream has let go of this place."""
    state = await streams.state(FEED_STREAM)
    return state is not None and state.first > pos + 1


async def log_between(journal: Journal, first: int, last: int) -> list[int]:
    """The positions of a tenant's log from one to another, as a walk of the Management API finds them."""
    found = await journal.ask("take=100")
    places = [place for each in found.log_ids if (place := place_of(each)) is not None]
    return [each.pos for each in places if first <= each.pos <= last]
