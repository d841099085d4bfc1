"""One service's pool of connections, opened with patience and bounded everywhere."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg

from libs.postgres.errors import AWAY, UNKNOWN, DatabaseAway, NothingCommitted, OutcomeUnknown, translated
from libs.postgres.rows import Connection
from libs.telemetry.logs import log

ACQUIRE_BOUND: Final = 2.0
"""Seconds a request may wait for a connection before it is told that there is none."""

BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"

NOT_AWAITED: Final = "SET LOCAL synchronous_commit TO off"
"""For a transaction that is done again when a crash takes it: its commit does not wait for the disk (decision 0016)."""

STATEMENT_BOUND: Final = 5.0
"""Seconds a statement may take as the client sees it; the server's own bounds are in deploy/postgres/roles.sql."""

PLANNED_ANEW_AFTER: Final = 10
"""Seconds that a statement is kept prepared, and with it perhaps its plan. While a table is empty an index that begins
with the tenant looks as good as the right one, and a plan made then reads all rows of a tenant until it is made anew:
the server does that only when it has analyzed the table, a minute later or never."""


async def connect(url: str, *, name: str = "limen") -> "asyncpg.Connection[asyncpg.Record]":
    """One connection outside any pool; the caller closes it."""
    with translated():
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
            url, server_settings={"application_name": name}, timeout=5
        )
    return connection


class Database:
    """A pool whose statements find the tables of `schema`."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", url: str, schema: str) -> None:
        self._pool = pool
        self.url = url
        self.schema = schema

    @classmethod
    async def open(cls, url: str, *, schema: str, most: int = 6) -> "Database":
        """Open a pool of up to `most` connections, waiting with jittered patience until the database is there.

        Raises:
            NotAdmitted: it is there and does not let this role in.
        """
        while True:
            try:
                with translated():
                    pool = await asyncpg.create_pool(
                        url,
                        min_size=1,
                        max_size=most,
                        timeout=3,
                        command_timeout=STATEMENT_BOUND,
                        max_inactive_connection_lifetime=60,
                        max_cached_statement_lifetime=PLANNED_ANEW_AFTER,
                        server_settings={"application_name": f"limen {schema}", "search_path": schema, "jit": "off"},
                        reset=_roll_back,
                    )
            except DatabaseAway as error:
                log.info("waiting for Postgres", schema=schema, reason=str(error))
                await asyncio.sleep(random.uniform(0.1, 0.4))  # noqa: S311  # jitter
            else:
                return cls(pool, url, schema)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit: each statement is a transaction of its own."""
        with translated():
            async with self._pool.acquire(timeout=ACQUIRE_BOUND) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self, first: str = "") -> AsyncIterator[Connection]:
        """A READ COMMITTED transaction, committed when the block ends well.

        `first` is SQL that goes with BEGIN in one round trip, without parameters: a lock, or `NOT_AWAITED`.

        Raises:
            OutcomeUnknown: the connection went while COMMIT was under way.
        """
        async with self.connection() as connection:
            try:
                await connection.execute(f"{BEGIN}; {first}")
                yield connection
            except BaseException:
                with suppress(DatabaseAway):  # what happened first is what is told
                    await _roll_back(connection)
                raise
            await commit(connection, "COMMIT")

    async def close(self) -> None:
        """Close all connections, within a bound."""
        try:
            async with asyncio.timeout(3):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


async def commit(connection: Connection, script: str) -> None:
    """Run `script`, whose last statement is COMMIT, in one round trip; if it ended before, this does nothing.

    Raises:
        OutcomeUnknown: the connection went before the answer came.
        NothingCommitted: an error inside the transaction was swallowed.
    """
    if not connection.is_in_transaction():
        return
    try:
        status = await connection.execute(script)
    except asyncpg.QueryCanceledError:
        raise
    except UNKNOWN as error:
        raise OutcomeUnknown(repr(error)) from error
    except asyncpg.PostgresError:
        # The server refused a statement before COMMIT: nothing happened.
        with suppress(DatabaseAway):
            await _roll_back(connection)
        raise
    if status != "COMMIT":
        # A statement failed and its error was caught: the server answers COMMIT with a rollback, and no error.
        raise NothingCommitted(status)


async def _roll_back(connection: Connection) -> None:
    # Also the pool's reset: our statements leave nothing else behind, and the driver's own would cost a round trip.
    try:
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("ROLLBACK")
    except AWAY as error:
        raise DatabaseAway(repr(error)) from error
