"""Telling the relays that something was committed: in this process at once, in others by a nudge that may be lost.

What was lost is found by a look at the heads of all logs, which one of the relays takes for the others as well.
"""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Final

from libs.bus import Bus, BusError, Listening
from libs.eventstore.names import LOGS, nudge_of
from libs.postgres import Database, DatabaseAway

POLL_FLOOR: Final = 0.25
"""Seconds between two looks at whether something was committed of which nobody told."""


class Wake:
    """One event per log that its relay waits for, with the poll floor as the safety net."""

    def __init__(self, bus: Bus, database: Database, service: str) -> None:
        self._bus = bus
        self._database = database
        self._service = service
        self._events = {log: asyncio.Event() for log in LOGS}
        self._leads = dict.fromkeys(LOGS, False)
        self._heads: dict[str, tuple[int, int, int]] = {}
        self._looked_at = float("-inf")

    async def appended(self, log: str) -> None:
        """Something was committed to `log` by this process."""
        self._events[log].set()
        if not self._leads[log]:
            with suppress(BusError):  # the leader looks anyway
                await self._bus.publish(nudge_of(self._service, log), b"")

    def now(self, log: str) -> None:
        """Have the relay of this process look at once."""
        self._events[log].set()

    async def listen(self, log: str) -> Listening:
        """Hear the nudges of other replicas, as the leader of `log`'s relay."""
        self._leads[log] = True
        return await self._bus.listen(nudge_of(self._service, log), lambda _subject, _payload: self._events[log].set())

    def leads_no_more(self, log: str) -> None:
        """Another process may lead now: nudge again."""
        self._leads[log] = False

    async def wait(self, log: str, at_most: float) -> None:
        """Until something was committed to `log`, or its head was seen to have moved, or `at_most` seconds.

        Raises:
            DatabaseAway: a look was due; the relays of the other logs are woken too, to see for themselves.
        """
        until = monotonic() + at_most
        while not self._events[log].is_set() and (now := monotonic()) < until:
            left = self._looked_at + POLL_FLOOR - now
            if left <= 0:
                await self._look()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, until - now)):
                    await self._events[log].wait()
        self._events[log].clear()

    async def _look(self) -> None:
        self._looked_at = monotonic()  # before the answer: the others need not ask
        try:
            async with self._database.connection() as rows:
                heads = await rows.fetch("SELECT log, epoch, pos, floor FROM head")
        except DatabaseAway:
            for event in self._events.values():
                event.set()
            raise
        for log, *head in heads:
            if self._heads.get(log) != (found := tuple(head)):
                self._heads[log] = found
                self._events[log].set()
