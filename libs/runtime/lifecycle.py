"""Owns the order of a service's life: what was started last is stopped first."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeVar

from libs.telemetry.logs import log
from libs.telemetry.readiness import Readiness

T = TypeVar("T")

EXIT_SOFTWARE = 70
"""The exit code of a process whose background work broke (EX_SOFTWARE of sysexits.h)."""


def _end_the_loop() -> None:
    # Raised in a callback of the loop it ends the loop itself, and with it the process.
    raise SystemExit(EXIT_SOFTWARE)


class Lifecycle:
    """What a service's `start` is given: its environment, its readiness, and where to leave what must be stopped."""

    def __init__(
        self,
        name: str,
        environ: Mapping[str, str],
        readiness: Readiness,
        *,
        failed: Callable[[], None] = _end_the_loop,
    ) -> None:
        """`failed` is called when background work broke; by default it ends the loop at once."""
        self.name = name
        self._failed = failed
        self.environ = environ
        self.readiness = readiness
        self._stack = AsyncExitStack()

    async def enter(self, resource: AbstractAsyncContextManager[T]) -> T:
        """Open `resource` now and close it at the end."""
        return await self._stack.enter_async_context(resource)

    def on_stop(self, ending: Callable[[], Awaitable[object] | object]) -> None:
        """Call `ending` at the end, and await what it returns if that can be awaited."""

        async def end() -> None:
            outcome = ending()
            if inspect.isawaitable(outcome):
                await outcome

        self._stack.push_async_callback(end)

    def background(self, name: str, work: Coroutine[object, object, object]) -> None:
        """Run `work` beside the service until the end; if it raises, the process logs it and exits with 70.

        Half a service is worse than none: whoever started the process starts it again.
        """
        task: asyncio.Task[object] = asyncio.create_task(work, name=f"{self.name}.{name}")
        task.add_done_callback(self._watch)
        self._stack.push_async_callback(_cancelled, task)

    async def stop(self) -> None:
        """Stop everything in reverse order; the first error is raised after all were stopped."""
        await self._stack.aclose()

    def _watch(self, task: asyncio.Task[object]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.critical("background_failed", service=self.name, task=task.get_name(), exc_info=error)
        self._failed()


async def _cancelled(task: asyncio.Task[object]) -> None:
    task.cancel()
    await asyncio.wait([task])
