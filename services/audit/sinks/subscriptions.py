"""Keeping every subscriber's durable consumer: made where it is missing, deleted where it must not be, remembered.

How far a subscriber has come is known by the bus. It is asked each second and kept in a row, because the bus may lose
everything; then the consumer is made anew behind what was acknowledged.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

from libs.bus import Bus, BusError, Durables, DurableState
from libs.bus.durables import ACK_WAIT
from libs.eventstore.names import FEED_STREAM
from libs.postgres import Database, DatabaseAway, Locks
from libs.runtime.clock import wall
from libs.telemetry.logs import log as say
from services.audit import queries
from services.audit.queries import SubscriberRow
from services.audit.sinks.metrics import BACKLOG, BACKLOG_SECONDS, UNACKNOWLEDGED

EVERY: Final = 1.0
"""Seconds between two rounds."""


class Subscriptions:
    """The durable consumers of the feed."""

    def __init__(self, database: Database, bus: Bus, ack_wait: timedelta = ACK_WAIT) -> None:
        self._database = database
        self._durables = Durables(bus, FEED_STREAM)
        self._ack_wait = ack_wait
        self._wake = asyncio.Event()
        self._shown: set[str] = set()
        bus.on_reconnect(self._wake.set)

    async def run(self, locks: Locks) -> None:
        """Lead and tend them for ever (a background task)."""
        await locks.lead("tend subscribers", self._lead)

    async def _lead(self) -> None:
        try:
            while True:
                await self.round()
                with suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            self._show_only(set())

    async def round(self) -> None:
        """Look after all of them once."""
        try:
            found = await queries.subscribers(self._database)
        except DatabaseAway:
            return
        for each in found:
            try:
                await self.tend(each)
            except (BusError, DatabaseAway) as error:
                say.info("a subscriber waits", subscriber=each.name, reason=repr(error))
        self._show_only({each.name for each in found if not each.is_removed})

    async def tend(self, subscriber: SubscriberRow) -> DurableState | None:
        """Make, delete or remember one; where it stands.

        Raises:
            BusError, DatabaseAway: for now it cannot be done.
        """
        state = await self._durables.state(subscriber.name)
        if subscriber.is_removed:
            if state is not None:
                await self._durables.delete(subscriber.name)
            return None
        if state is None:
            start = max(1, subscriber.acked + 1)
            await self._durables.create(
                subscriber.name, subjects=subscriber.events, start=start, ack_wait=self._ack_wait
            )
            say.info("a subscriber's consumer was made", subscriber=subscriber.name, start=start)
            return await self._durables.state(subscriber.name)
        if state.acked > subscriber.acked:
            await queries.note_acknowledged(self._database, subscriber.name, state.acked)
        await self._show(subscriber, state)
        return state

    async def lag(self, subscriber: SubscriberRow, state: DurableState) -> float:
        """How many seconds ago the first event came that it has not acknowledged; 0 when there is none."""
        if not state.pending and not state.unacknowledged:
            return 0.0
        first = await self._durables.next_at(subjects=subscriber.events, after=state.acked)
        return 0.0 if first is None else max(0.0, wall() - first.timestamp())

    async def _show(self, subscriber: SubscriberRow, state: DurableState) -> None:
        BACKLOG.labels(subscriber.name).set(state.pending)
        UNACKNOWLEDGED.labels(subscriber.name).set(state.unacknowledged)
        BACKLOG_SECONDS.labels(subscriber.name).set(await self.lag(subscriber, state))

    def _show_only(self, names: set[str]) -> None:
        for gone in self._shown - names:
            for gauge in (BACKLOG, UNACKNOWLEDGED, BACKLOG_SECONDS):
                with suppress(KeyError):
                    gauge.remove(gone)
        self._shown = names
