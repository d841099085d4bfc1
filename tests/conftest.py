"""Fixtures for everybody: real servers, a database and a bus of one's own, and a loop that must not block."""

import asyncio
import gc
import inspect
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, Protocol

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from libs.bus import Bus
from libs.postgres import Database, Migration
from libs.telemetry.readiness import Readiness
from tests.servers import LOG, Addresses, NatsServer, PostgresServer, running

pytest_plugins = ["tests.sharing", "tests.stack"]


def pytest_configure() -> None:
    """Programs that tests start can be interrupted, however the run itself was started.

    Behind `&` in a script the shell has SIGINT ignored, and what is ignored stays so in every child: neither Python nor
    a shell would take it up again by itself.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end: no look for garbage needs to go through them."""
    gc.collect()
    gc.freeze()


SCHEMA: Final = "shop"
"""The schema of the made-up service in `tests/libs/eventstore/shop.py`."""


@pytest.fixture(autouse=True)
def loop_guard() -> Iterator[BlockBuster]:
    """A blocking call of ours inside a running loop fails the test."""
    with blockbuster_ctx("libs") as guard:
        for function in guard.functions.values():
            # asyncpg looks for certificates and a password file when it connects, and finds none.
            function.can_block_in("asyncpg/connect_utils.py", {"_parse_connect_dsn_and_args"})
            # Log lines are written only where a poll says that they are taken.
            function.can_block_in("libs/telemetry/stdout.py", {"_write_some"})
        yield guard


@pytest.fixture(scope="session")
def postgres_process() -> Iterator[PostgresServer]:
    with running(PostgresServer) as server:
        yield server


@pytest.fixture
def postgres(postgres_process: PostgresServer) -> Iterator[PostgresServer]:
    """The Postgres of this test run; a test may kill or pause it, and it is back for the next one."""
    yield postgres_process
    if postgres_process.is_running:
        postgres_process.resume()
    postgres_process.start()


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    """A NATS of this test's own."""
    with running(NatsServer) as server:
        yield server


class MakeDatabase(Protocol):
    """Makes a database of this test's own with the named schemas.

    A name alone gets the log's tables, a keyword the migrations given: `await make_database("token", login=steps)`.
    """

    async def __call__(self, *logs: str, **schemas: Sequence[Migration]) -> Addresses: ...


class OpenDatabase(Protocol):
    """Opens a pool that is closed when the test ends."""

    async def __call__(self, url: str, schema: str = SCHEMA) -> Database: ...


class OpenBus(Protocol):
    """Opens a connection to the test's NATS that is closed when the test ends."""

    async def __call__(self, name: str = SCHEMA, url: str | None = None) -> Bus: ...


@pytest.fixture
async def make_database(postgres: PostgresServer) -> AsyncIterator[MakeDatabase]:
    made: list[Addresses] = []

    async def make(*logs: str, **schemas: Sequence[Migration]) -> Addresses:
        made.append(await postgres.create({**dict.fromkeys(logs, LOG), **schemas}))
        return made[-1]

    yield make
    for addresses in made:
        if postgres.is_running:
            await postgres.drop(addresses)


@pytest.fixture
async def open_database(make_database: MakeDatabase) -> AsyncIterator[OpenDatabase]:  # noqa: ARG001  # closed before the drop
    async with AsyncExitStack() as at_end:

        async def open_one(url: str, schema: str = SCHEMA) -> Database:
            database = await Database.open(url, schema=schema)
            at_end.push_async_callback(database.close)
            return database

        yield open_one


@pytest.fixture
async def addresses(make_database: MakeDatabase) -> Addresses:
    """A database with the log's tables in schema `shop`."""
    return await make_database(SCHEMA)


@pytest.fixture
async def database(addresses: Addresses, open_database: OpenDatabase) -> Database:
    """A pool as the owner of schema `shop`, in a database of this test's own."""
    return await open_database(addresses.of[SCHEMA])


@pytest.fixture
async def open_bus(nats: NatsServer) -> AsyncIterator[OpenBus]:
    async with AsyncExitStack() as at_end:

        async def open_one(name: str = SCHEMA, url: str | None = None) -> Bus:
            bus = await Bus.connect(url or nats.url, name=name)
            at_end.push_async_callback(bus.close)
            return bus

        yield open_one


@pytest.fixture
async def bus(open_bus: OpenBus) -> Bus:
    """A connection to the test's own NATS."""
    return await open_bus()


@pytest.fixture
def readiness() -> Readiness:
    return Readiness()


Stop = Callable[[], Awaitable[None]]


class Background(Protocol):
    """Runs work beside the test until its end or until `await stop()`; what it raised before then fails the test."""

    def __call__(self, work: Awaitable[object]) -> Stop: ...


@pytest.fixture
async def background(open_database: OpenDatabase, open_bus: OpenBus) -> AsyncIterator[Background]:  # noqa: ARG001  # ended before they close
    async with AsyncExitStack() as at_end:

        def run(work: Awaitable[object]) -> Stop:
            stop = partial(_ended, asyncio.ensure_future(work))
            at_end.push_async_callback(stop)
            return stop

        yield run


async def _ended(task: "asyncio.Future[object]") -> None:
    if task.done() and not task.cancelled():
        task.result()
    task.cancel()
    await asyncio.wait([task], timeout=5)


async def eventually(holds: Callable[[], object], *, within: float = 5.0) -> float:
    """Wait until `holds()` (awaited if it can be) is true; returns the seconds it took, fails after `within`."""
    began = time.monotonic()
    while True:
        value = holds()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return time.monotonic() - began
        assert time.monotonic() - began < within, f"still not so after {within} s: {inspect.getsource(holds).strip()}"
        await asyncio.sleep(0.01)
