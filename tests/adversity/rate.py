"""A thousand events a second, appended through `token`'s own batch writer: more than its endpoint answers in a test.

The events are refusals, as the endpoint records them, of fifty applications. What could not be appended, because
Postgres was away, is made up for as soon as it is back.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final

from libs.bus import Bus
from libs.eventstore import BatchWriter, Context, EventStore, Written
from libs.postgres import Database
from libs.runtime.clock import wall
from libs.runtime.errors import Unavailable
from services.token.events import CATALOGUE, TokenRefused
from services.token.grants.writing import REFUSE, Happened, Refusal, refuse_arguments
from tests.stack import Stack

RATE: Final = 1_050
"""Events a second."""

TICK: Final = 0.02
APPLICATIONS: Final = 50
DEADLINE: Final = 5.0
NO_LIMIT: Final = 1 << 30


class Rate:
    """Appends in a thread of its own while a block lasts."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stop = threading.Event()
        self.written = 0
        self.began = 0.0
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator["Rate"]:
        thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join(2 * DEADLINE)
        assert not thread.is_alive()

    async def _run(self) -> None:
        database = await Database.open(self._stack.env["LIMEN_POSTGRES_URL"], schema="token")
        bus = await Bus.connect(self._stack.env["LIMEN_NATS_URL"], name="limen")
        store = EventStore(database, CATALOGUE, bus, {})
        writer = BatchWriter[Refusal](store, REFUSE, partial(refuse_arguments, limit=NO_LIMIT))
        writing = asyncio.create_task(writer.run())
        try:
            await self._offer(writer)
        finally:
            writing.cancel()
            await asyncio.wait([writing])
            await bus.close()
            await database.close()

    async def _offer(self, writer: BatchWriter[Refusal]) -> None:
        """Keep to the timetable: what is due and neither written nor under way is offered."""
        under_way: set[asyncio.Task[None]] = set()
        self.began = time.monotonic()
        while not self._stop.is_set() or under_way:
            due = int((time.monotonic() - self.began) * RATE) - self.written - len(under_way)
            for number in range(0 if self._stop.is_set() else due):
                task = asyncio.create_task(self._write(writer, self.written + number))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            await asyncio.sleep(TICK)
            self.seconds = self.seconds if self._stop.is_set() else time.monotonic() - self.began

    async def _write(self, writer: BatchWriter[Refusal], number: int) -> None:
        happened = Happened(_refused(number % APPLICATIONS), Context(), datetime.fromtimestamp(wall(), UTC))
        item = Refusal("default", None, None, happened)
        with contextlib.suppress(Unavailable):
            answer = await writer.write(item, deadline=time.monotonic() + DEADLINE)
            self.written += isinstance(answer, Written)


def _refused(application: int) -> TokenRefused:
    return TokenRefused(
        grant_type="client_credentials",
        client_id=f"application-{application}",
        client_name="An application",
        audience=None,
        error="invalid_client",
        error_description="Unauthorized",
        reason="WrongSecret",
        address="192.0.2.1",
        user_agent="tests",
        host="localhost",
    )
