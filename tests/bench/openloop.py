"""Owns the load by a timetable: so many requests a second, whether or not the answers come.

A client that waits for its answer before it asks again is silent just when the server is slow, and so leaves out the
worst (coordinated omission). Here each request has a moment at which it is due, and its latency is counted from that
moment, also when no connection was free to send it.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
import uvloop

from tests.bench.contenders import ROOT
from tests.bench.http import Broken, Connection, place, request
from tests.bench.load import Target

MOST: Final = 512
"""Connections at most; a request that finds none free waits, and that counts."""

PATIENCE: Final = 10.0
"""Seconds the load's own process may need to end."""

READY: Final = 16
"""Connections that are open before the first request."""


class Timetable(msgspec.Struct, frozen=True):
    """What came of it. Latencies are milliseconds."""

    good: int
    other: int
    seconds: float
    p50: float
    p99: float
    longest: float
    late: float
    """By how much the client itself sent a request too late, at most: its own fault, and within the latencies."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.good / self.seconds


class Load:
    """One run."""

    def __init__(self, url: str, form: str) -> None:
        self._place = place(url)
        self._request = request("POST", url, form.encode(), content_type="application/x-www-form-urlencoded")
        self._free: asyncio.Queue[Connection] = asyncio.Queue()
        self._opened = 0
        self._good: list[float] = []
        self._other = 0

    async def run(self, rate: int, seconds: int) -> Timetable:
        """Ask `rate` times a second for so many seconds."""
        for _ in range(READY):
            self._free.put_nowait(await self._open())
        began, late = time.monotonic() + 0.1, 0.0
        async with asyncio.TaskGroup() as asked:
            for number in range(rate * seconds):
                due = began + number / rate
                if (early := due - time.monotonic()) > 0:
                    await asyncio.sleep(early)
                late = max(late, time.monotonic() - due)
                asked.create_task(self._ask(due))
        while not self._free.empty():
            self._free.get_nowait().close()
        good = sorted(self._good) or [float("inf")]
        p50, p99, longest = (good[at] * 1000 for at in (len(good) // 2, int(len(good) * 0.99), -1))
        return Timetable(len(self._good), self._other, time.monotonic() - began, p50, p99, longest, late * 1000)

    async def _open(self) -> Connection:
        self._opened += 1
        return await Connection.open(*self._place)

    async def _ask(self, due: float) -> None:
        connection = await (self._open() if self._free.empty() and self._opened < MOST else self._free.get())
        try:
            answer = await connection.ask(self._request)
        except Broken:
            self._other += 1
            self._opened -= 1
            return
        if answer.status == 200:
            self._good.append(time.monotonic() - due)
        else:
            self._other += 1
        self._free.put_nowait(connection)


@contextmanager
def beside(target: Target, rate: int, seconds: int) -> Iterator["subprocess.Popen[str]"]:
    """The load in a process of its own, under way; the form goes in by a pipe, where no list of processes tells it."""
    environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "tests.bench.openloop", target.url, str(rate), str(seconds)]
    process = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(target.form)
    process.stdin.close()
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


def result(process: "subprocess.Popen[str]") -> Timetable:
    """Wait for the end and tell what came of it."""
    assert process.stdout is not None
    return msgspec.json.decode(process.stdout.read(), type=Timetable)


def main(url: str, rate: str, seconds: str) -> None:
    """Run one and print what came of it."""
    made = uvloop.run(Load(url, sys.stdin.read()).run(int(rate), int(seconds)))
    sys.stdout.write(msgspec.json.encode(made).decode() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])
