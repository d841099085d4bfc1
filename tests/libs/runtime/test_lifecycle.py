import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.runtime import signals
from libs.runtime.errors import Unavailable
from libs.runtime.lifecycle import Lifecycle
from libs.telemetry.readiness import Readiness


async def test_what_started_last_stops_first() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def resource() -> AsyncIterator[str]:
        yield "open"
        seen.append("closed")

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cancelled")

    async def later() -> None:
        seen.append("later")

    lifecycle = Lifecycle("token", {}, Readiness())
    assert await lifecycle.enter(resource()) == "open"
    lifecycle.background("work", work())
    lifecycle.on_stop(later)
    lifecycle.on_stop(lambda: seen.append("last"))
    await asyncio.sleep(0)
    await lifecycle.stop()
    assert seen == ["last", "later", "cancelled", "closed"]


BROKEN = """
import asyncio
from libs.runtime.lifecycle import Lifecycle
from libs.telemetry.readiness import Readiness
async def break_down():
    raise RuntimeError("the relay broke")
async def main():
    Lifecycle("token", {}, Readiness()).background("relay", break_down())
    await asyncio.sleep(20)
asyncio.run(main())
"""


async def test_broken_background_work_ends_the_process() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", BROKEN, stdout=-1, stderr=-1)
    out, _ = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 70
    assert b'"background_failed"' in out
    assert b"the relay broke" in out


async def test_a_signal_is_an_event() -> None:
    stopped = signals.stopped()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(stopped.wait(), 5)


def test_unavailable_says_when_to_come_back() -> None:
    assert Unavailable().retry_after == 1
    assert Unavailable("NATS", retry_after=5).retry_after == 5
