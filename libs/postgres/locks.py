"""Leadership by advisory lock: one connection per process, outside the pool, that notices when its server is gone.

A lock held by a session ends with the session, so a leader that dies is followed within seconds. Leadership is for
thrift only: whatever a leader writes is also guarded by an expected sequence or checkpoint.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import asyncpg

from libs.postgres.errors import AWAY

RETRY: Final = 1.0
"""Seconds between two attempts to lead."""

SERVER_SETTINGS: Final = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    # A paused process still answers keepalives, by its kernel. It says nothing each second, though, and so loses its
    # locks; a leader that runs is never silent for so long.
    "idle_session_timeout": "5s",
}


class Locks:
    """The process's connection for locks."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._using = asyncio.Lock()
        self._held: set[int] = set()

    async def lead(self, task: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` while this process holds the lock named `task`; try again for ever; cancel it when it is lost."""
        key = _key(task)
        while True:
            connection = await self._acquire(key)
            if connection is not None:
                await self._work_while_held(connection, key, work)
            await asyncio.sleep(RETRY)

    async def _work_while_held(
        self, connection: "asyncpg.Connection[asyncpg.Record]", key: int, work: Callable[[], Awaitable[None]]
    ) -> None:
        working = asyncio.ensure_future(work())
        held = asyncio.ensure_future(self._ended.wait())
        try:
            done, _ = await asyncio.wait({working, held}, return_when=asyncio.FIRST_COMPLETED)
            if working in done:
                working.result()  # an error of the work is the caller's
        finally:
            for task in (working, held):
                task.cancel()
            await asyncio.gather(working, held, return_exceptions=True)
            await self._release(connection, key)

    async def _acquire(self, key: int) -> "asyncpg.Connection[asyncpg.Record] | None":
        async with self._using:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._connected()
                if key not in self._held and await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", key):
                    self._held.add(key)
                    return self._connection
            except AWAY:
                if self._connection is not None:
                    self._connection.terminate()  # the lock may be ours there, and nobody here would know
                self._connection = None
            return None

    async def _connected(self) -> "asyncpg.Connection[asyncpg.Record]":
        """A new connection, on which nothing is held yet, and which is kept for as long as its server answers."""
        settings = {"application_name": f"limen locks of {self._name}", **SERVER_SETTINGS}
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
            self._url, timeout=3, command_timeout=3, server_settings=settings
        )
        self._held.clear()
        self._ended = ended = asyncio.Event()
        connection.add_termination_listener(lambda _connection: ended.set())
        self._keeping = asyncio.ensure_future(self._keep(connection, ended))
        return connection

    async def _keep(self, connection: "asyncpg.Connection[asyncpg.Record]", ended: asyncio.Event) -> None:
        """Speak each second, for all who lead; end the connection when its server says nothing."""
        while not ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY):
                    await ended.wait()
                return
            async with self._using:
                try:
                    await connection.execute("SELECT")
                except AWAY:
                    connection.terminate()  # it may still hold the locks, and must not
                    ended.set()

    async def _release(self, connection: "asyncpg.Connection[asyncpg.Record]", key: int) -> None:
        async with self._using:
            self._held.discard(key)
            with suppress(*AWAY):
                if not connection.is_closed():
                    await connection.execute(f"SELECT pg_advisory_unlock({key})")

    async def close(self) -> None:
        """Give up all leadership."""
        if self._keeping is not None:
            self._keeping.cancel()
        if self._connection is not None:
            with suppress(*AWAY):
                await self._connection.close(timeout=2)


def _key(task: str) -> int:
    """A task's name as the 64-bit key of its lock."""
    return int.from_bytes(hashlib.sha256(task.encode()).digest()[:8], signed=True)
