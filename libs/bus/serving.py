"""What listens on a subject: a queue group that answers, or an ear that only hears.

nats-py runs one subscription's handlers one after another and its `micro` sends an exception's text to the caller, so
`Serving` gives each message a task of its own. Draining has its order: first the subscription, then the tasks, then
the connection; the connection's own drain loses the replies of tasks that still run.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from libs.bus.errors import BusError, Disconnected
from libs.telemetry.logs import log

if TYPE_CHECKING:
    from libs.bus.connection import Bus

PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between two tries to send an answer while the connection is away."""


class Serving:
    """Requests of one subject being answered."""

    def __init__(self, bus: "Bus", handler: Callable[[bytes], Awaitable[bytes | None]]) -> None:
        self._bus = bus
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()
        self.subscription: Subscription | None = None

    def spawn(self, _subject: bytes, address: bytes, payload: bytes) -> None:
        """Answer one message in a task of its own."""
        task = asyncio.create_task(self._answer(address, payload))
        self._tasks.add(task)
        task.add_done_callback(self._answered)

    async def spawn_with_headers(self, message: Msg) -> None:
        """The same for a message that bears headers, which mean nothing here."""
        self.spawn(b"", message.reply.encode(), message.data)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The asker learns nothing of it: an exception's text may hold anything.
            log.critical("a handler failed", reason=repr(error), exc_info=error)

    async def _answer(self, address: bytes, payload: bytes) -> None:
        reply = await self._handler(payload)
        if reply is None or not address:
            return
        try:
            await self._reply(address.decode(), reply)
        except BusError as error:
            # The asker has already been told by its own connection or deadline.
            log.warning("an answer could not be sent", reason=repr(error))

    async def _reply(self, address: str, reply: bytes) -> None:
        """Send an answer, patiently: a connection that is away for a moment is ours, and the asker still waits."""
        for pause in PAUSES:
            try:
                return await self._bus.publish(address, reply)
            except Disconnected:
                await asyncio.sleep(pause)
        return await self._bus.publish(address, reply)

    async def drain(self, *, within: float) -> None:
        """Take no more messages, then wait up to `within` seconds for those under way."""
        if self.subscription is not None:
            with contextlib.suppress(BusError, nats.errors.Error, OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await self._bus.mute(self.subscription)
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=within)
        with contextlib.suppress(BusError):
            await self._bus.flush()


class Listening:
    """Messages of one subject being heard, without an answer."""

    def __init__(
        self, handler: Callable[[str, bytes], None] | None, *, ended: Callable[[], object] = lambda: None
    ) -> None:
        self._handler = handler
        self._ended = ended
        self.subscription: Subscription | None = None

    def take(self, subject: bytes, _reply: bytes, payload: bytes) -> None:
        """Hand one message to the handler."""
        if self._handler is not None:
            self._handler(subject.decode(), payload)

    async def heard(self, message: Msg) -> None:
        """The same for a message that bears headers, which mean nothing here."""
        self.take(message.subject.encode(), b"", message.data)

    async def stop(self) -> None:
        """Hear no more."""
        self._ended()
        if self.subscription is not None:
            with contextlib.suppress(nats.errors.Error, OSError):
                await self.subscription.unsubscribe()
