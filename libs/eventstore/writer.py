"""Commands that share commits: one task per process gathers what waits and commits it as one statement.

A log's `head` allows about a thousand commits a second whatever the concurrency, so hot commands go together. The
statement verifies the versions of the rows each command was decided from and leaves the stale ones out, to be decided
again. If the statement fails, each command is run alone; if the outcome of the commit is unknown, all are told so and
none is run again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from time import monotonic
from typing import Any, Final, Generic, NamedTuple, TypeVar

import asyncpg

from libs.eventstore.events import EventTooLarge
from libs.eventstore.execute import EventStore
from libs.eventstore.metrics import BATCHES
from libs.postgres import AlreadyThere, Connection, DatabaseAway, OutcomeUnknown, Record, translated
from libs.postgres.errors import AWAY
from libs.runtime.errors import Unavailable

I = TypeVar("I")  # noqa: E741  # an item

MOST: Final = 200
PAUSE: Final = 0.05
TICK: Final = 0.1
"""Seconds between two looks at whose time is over."""

QUEUE: Final = 2000
"""Commands that may wait; more are told to come back."""

SERVER_SAID_NO: Final = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError, asyncpg.DeadlockDetectedError)
"""Errors by which the server itself says that nothing happened."""


FAULTS: Final = (asyncpg.PostgresError, EventTooLarge, ValueError)
"""Errors that are one item's fault; nothing of its batch was written."""


class Overloaded(Unavailable):
    """More commands wait than the queue holds."""


class PastDeadline(Unavailable):
    """The asker has given up; nothing was written."""


class Written(NamedTuple):
    """The command's events are committed; `values` is what the statement returned for it."""

    values: Any


class Refused(NamedTuple):
    """The statement left the command out: `reason` is its word, such as `stale`."""

    reason: str
    values: Any


class _Waiting(Generic[I]):
    __slots__ = ("answer", "deadline", "item", "keys")

    def __init__(self, item: I, keys: frozenset[str], deadline: float) -> None:
        self.item, self.keys, self.deadline = item, keys, deadline
        self.answer: asyncio.Future[Written | Refused] = asyncio.get_running_loop().create_future()


class BatchWriter(Generic[I]):
    """Commits items of one kind by one `statement`.

    `arguments(items)` gives the statement's parameters. The statement returns, for each item by its number `n` from 1,
    a `refusal` (NULL when written) and whatever else the caller wants to know. `meanwhile(items)` is called while the
    database works on the statement: what an answer needs besides the commit costs no time of its own. It must not
    raise, and may be called again for an item whose batch failed.
    """

    def __init__(
        self,
        store: EventStore,
        statement: str,
        arguments: Callable[[Sequence[I]], Sequence[Any]],
        *,
        meanwhile: Callable[[Sequence[I]], None] | None = None,
        most: int = MOST,
        queue: int = QUEUE,
        logs: Sequence[str] = ("activity",),
    ) -> None:
        self._store = store
        self._statement = statement
        self._arguments = arguments
        self._meanwhile = meanwhile
        self._most = most
        self._limit = queue
        self._logs = logs
        self._queue: deque[_Waiting[I]] = deque()
        self._under_way: list[_Waiting[I]] = []
        self._arrived = asyncio.Event()

    async def write(self, item: I, *, keys: Iterable[str] = (), deadline: float) -> Written | Refused:
        """Commit `item` with whatever else waits.

        `keys` name state rows the item changes: two items with a common key never share a statement, which would
        change the row once. `deadline` is on the monotonic clock.

        Raises:
            Overloaded, PastDeadline, DatabaseAway, OutcomeUnknown: see their docstrings.
            AlreadyThere: a unique index refuses this item; the others of its batch are written.
        """
        return await self.submit(item, keys=keys, deadline=deadline)

    def submit(self, item: I, *, keys: Iterable[str] = (), deadline: float) -> "asyncio.Future[Written | Refused]":
        """Queue `item` as `write` does and return at once: the caller has other work until the future is done."""
        self._store.require_running()
        if len(self._queue) >= self._limit:
            raise Overloaded("too many commands wait for a commit")
        waiting = _Waiting(item, frozenset(keys), deadline)
        self._queue.append(waiting)
        self._arrived.set()
        return waiting.answer

    async def run(self) -> None:
        """Gather and commit for ever (a background task)."""
        keeping_time = asyncio.create_task(self._keep_time())
        try:
            while True:
                try:
                    async with AsyncExitStack() as stack:
                        await self._commit_while_good(stack)
                except Unavailable:
                    await asyncio.sleep(PAUSE)
        finally:
            keeping_time.cancel()
            _fail(self._drained(), Unavailable("this process stops"))

    async def _commit_while_good(self, stack: AsyncExitStack) -> None:
        await self._some()
        try:
            rows = await stack.enter_async_context(self._store.database.connection())
        except DatabaseAway as error:
            _fail(self._drained(), error)
            raise
        while True:
            batch = self._gather()
            if batch:
                await self._commit(rows, batch)
            await self._some()

    async def _some(self) -> None:
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()

    def _gather(self) -> list[_Waiting[I]]:
        """What goes into the next statement, in order; an item whose key is taken waits for the one after."""
        batch: list[_Waiting[I]] = []
        taken: set[str] = set()
        later: list[_Waiting[I]] = []
        now = monotonic()
        while self._queue and len(batch) < self._most:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                continue
            if waiting.deadline <= now:
                waiting.answer.set_exception(PastDeadline("the request took too long"))
            elif waiting.keys & taken:
                later.append(waiting)
            else:
                taken |= waiting.keys
                batch.append(waiting)
        self._queue.extendleft(reversed(later))
        return batch

    async def _keep_time(self) -> None:
        """Tell those whose time is over, also while a statement hangs: nobody waits longer than they said."""
        while True:
            await self._arrived.wait()  # where nothing waits there is nobody to tell
            await asyncio.sleep(TICK)
            now = monotonic()
            _fail([each for each in self._queue if each.deadline <= now], PastDeadline("the request took too long"))
            late = [each for each in self._under_way if each.deadline <= now]
            _fail(late, OutcomeUnknown("the request took too long while it was being committed"))

    def _drained(self) -> list[_Waiting[I]]:
        waiting = list(self._queue)
        self._queue.clear()
        return waiting

    async def _commit(self, rows: Connection, batch: list[_Waiting[I]]) -> None:
        self._under_way = batch
        try:
            await self._run_or_each(rows, batch)
        except DatabaseAway as error:
            _fail(batch, error)
            raise
        except asyncio.CancelledError:
            _fail(batch, OutcomeUnknown("this process stops"))
            raise
        finally:
            self._under_way = []

    async def _run_or_each(self, rows: Connection, batch: list[_Waiting[I]]) -> None:
        try:
            await self._run(rows, batch)
        except FAULTS:
            # One of them is at fault, and the server has done none: each alone tells which.
            for waiting in batch:
                await self._run_alone(rows, waiting)

    async def _run_alone(self, rows: Connection, waiting: _Waiting[I]) -> None:
        if waiting.answer.done():
            return
        try:
            with translated():
                await self._run(rows, [waiting])
        except (*FAULTS, AlreadyThere) as error:
            _fail([waiting], error)

    async def _run(self, rows: Connection, batch: list[_Waiting[I]]) -> None:
        BATCHES.labels(self._store.catalogue.service).observe(len(batch))
        items = [waiting.item for waiting in batch]
        arguments = self._arguments(items)
        if self._meanwhile is not None:
            # In the loop's next turn, by when the statement has left: what is written in a turn is sent at its end.
            asyncio.get_running_loop().call_soon(self._meanwhile, items)
        try:
            records = await rows.fetch(self._statement, *arguments)
        except SERVER_SAID_NO as error:
            raise DatabaseAway(repr(error)) from error
        except AWAY as error:
            raise OutcomeUnknown(repr(error)) from error
        # In the loop's next turn: what waits by now is on its way to the database before these are answered.
        asyncio.get_running_loop().call_soon(_tell, batch, records)
        for log in self._logs:
            await self._store.wake.appended(log)


def _tell(batch: Sequence[_Waiting[Any]], records: Iterable[Record]) -> None:
    """Answer each command of a committed batch."""
    for record in records:
        answer = batch[record["n"] - 1].answer
        if not answer.done():
            refusal = record["refusal"]
            answer.set_result(Written(record) if refusal is None else Refused(refusal, record))


def _fail(batch: Iterable[_Waiting[Any]], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
