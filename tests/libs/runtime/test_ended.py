"""What is to end ends, though it overhears that once."""

import asyncio
from contextlib import suppress

from libs.runtime.ended import ended


async def deaf() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(60)


async def failing() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        raise ValueError


async def test_a_task_that_swallows_its_cancellation_is_cancelled_again() -> None:
    tasks = [asyncio.create_task(each()) for each in (deaf, failing, deaf)]
    done = asyncio.create_task(asyncio.sleep(0))
    await done
    async with asyncio.timeout(10):
        await ended([*tasks, done], again=0.01)
    assert [each.cancelled() for each in tasks] == [True, False, True]
    assert isinstance(tasks[1].exception(), ValueError)
    assert not done.cancelled()
