"""Ends tasks whose cancellation may get lost on the way."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

AGAIN: Final = 1.0
"""Seconds after which a task that goes on is cancelled again."""


async def ended(tasks: "Iterable[asyncio.Task[Any]]", *, again: float = AGAIN) -> None:
    """Cancel `tasks` until each has ended, however it ends.

    One cancellation is not always enough: nats-py swallows it while it flushes, and `asyncio.wait_for`, before Python
    3.12, where it comes together with what is waited for. What cleans up for longer than `again` is interrupted.
    """
    waiting = {each for each in tasks if not each.done()}
    while waiting:
        for each in waiting:
            each.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=again)
