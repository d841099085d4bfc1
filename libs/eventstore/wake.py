"""Telling the relay that something was committed: in this process at once, in others by a nudge that may be lost."""

import asyncio
from contextlib import suppress

from libs.bus import Bus, BusError, Listening
from libs.eventstore.names import LOGS, nudge_of


class Wake:
    """One event per log that the relay waits for, with the poll floor as the safety net."""

    def __init__(self, bus: Bus, service: str) -> None:
        self._bus = bus
        self._service = service
        self._events = {log: asyncio.Event() for log in LOGS}
        self._leads = dict.fromkeys(LOGS, False)

    async def appended(self, log: str) -> None:
        """Something was committed to `log` by this process."""
        self._events[log].set()
        if not self._leads[log]:
            with suppress(BusError):  # the leader polls anyway
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
        """Until something was committed, or `at_most` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most):
                await self._events[log].wait()
        self._events[log].clear()
