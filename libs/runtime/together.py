"""Looks that several tasks want at the same time, done as one: while one is under way, the next ones gather.

Whoever comes alone does not wait for others. A batch has one connection, one statement and one answer, where each of
its looks would have had its own; so the more there is to do, the less each costs.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST: Final = 32
"""Looks in one batch."""


class Together(Generic[K, V]):
    """Looks of one kind; `look` answers a batch of keys, in their order.

    An error of `look` is everybody's whose key was in the batch.
    """

    def __init__(self, look: Callable[[Sequence[K]], Awaitable[Sequence[V]]], *, most: int = MOST) -> None:
        self._look = look
        self._most = most
        self._waiting: deque[tuple[K, asyncio.Future[V]]] = deque()
        self._under_way: asyncio.Task[None] | None = None

    async def one(self, key: K) -> V:
        """What `look` says of `key`.

        Raises:
            What `look` raises.
        """
        answer: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, answer))
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                await self._answer([(key, answer) for key, answer in batch if not answer.done()])
        finally:
            self._under_way = None

    async def _answer(self, batch: Sequence[tuple[K, "asyncio.Future[V]"]]) -> None:
        if not batch:
            return
        try:
            found = await self._look([key for key, _ in batch])
        except asyncio.CancelledError:
            for _, answer in [*batch, *self._waiting]:
                answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001  # it is handed on to whoever waits
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
        else:
            for (_, answer), value in zip(batch, found, strict=True):
                if not answer.done():
                    answer.set_result(value)
