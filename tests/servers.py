"""Real servers for tests: Postgres and NATS as children of the test run, on free ports, in a folder of their own.

They are the embedded binaries with the command lines of `limen up`. A server keeps its port through death and
return, as it does in life.
"""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files as resources
from pathlib import Path
from typing import Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

from libs.postgres import Migration, connect, migrate
from libs.postgres.migrations import files
from services.cli.datadir import DataDir
from services.cli.embedded import binaries, nats, postgres
from services.cli.embedded.ports import LOOPBACK, chosen
from services.cli.spawning import spawn
from services.cli.supervisor import Program

PASSWORD: Final = "test"
START_BOUND: Final = 20.0
MEMORY: Final = Path("/dev/shm")
ROOM: Final = 4 * 2**30
"""Bytes that must be free there."""

LOG: Final = files(resources("libs.eventstore") / "migrations")

NATS_CONFIGURATION: Final = """\
listen: "{host}:{port}"
max_payload: 4MB
ping_interval: "2s"
ping_max: 2
write_deadline: "5s"
feature_flags {{ js_ack_fc_v2: false }}
jetstream {{ store_dir: "{store}" }}
"""

ROLE: Final = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} LOGIN PASSWORD '{password}';
        ALTER ROLE {role} SET idle_in_transaction_session_timeout = '1s';
        ALTER ROLE {role} SET lock_timeout = '2s';
        ALTER ROLE {role} SET transaction_timeout = '5s';
    END IF;
END $$;
CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {role};
"""

S = TypeVar("S", bound="Server")

Schemas: TypeAlias = Mapping[str, Sequence[Migration]]
"""Schemas by name, each with its migrations."""


class Server:
    """One server process that may be killed, paused and brought back."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers; the loop of an async test stands meanwhile: see `back`."""
        self.spawn()
        deadline = time.monotonic() + START_BOUND
        while not self.program.is_ready():
            self._check(deadline)
            time.sleep(0.005)

    async def back(self) -> None:
        """Start again and wait until it answers, while the loop goes on."""
        self.spawn()
        deadline = time.monotonic() + START_BOUND
        while not await asyncio.to_thread(self.program.is_ready):
            self._check(deadline)
            await asyncio.sleep(0.01)

    def spawn(self) -> None:
        """Start without waiting. Only the main thread may: a child's life is tied to the thread that forked."""
        if not self.is_running:
            self._process = spawn(self.program, self.log)

    def kill(self) -> None:
        """`kill -9`, of the whole group, and reap it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to stop, and wait."""
        self._end(self.program.stopped_by)

    def pause(self) -> None:
        """SIGSTOP."""
        os.kill(self._running().pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self._running().pid, signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self.is_running:
            process = self._running()
            (os.killpg if number == signal.SIGKILL else os.kill)(process.pid, number)
            os.kill(process.pid, signal.SIGCONT)
            process.wait(START_BOUND)
        self._process = None

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "it does not run"
        return self._process

    def _check(self, deadline: float) -> None:
        if time.monotonic() > deadline or not self.is_running:
            raise AssertionError(f"{self.program.name} does not start:\n{self.log.read_text()[-2000:]}")


class NatsServer(Server):
    """A NATS server with the limits of deploy/nats.conf and one user who may do everything."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.store = folder / "store"
        self.port = port or chosen()
        configuration = folder / "nats.conf"
        configuration.write_text(NATS_CONFIGURATION.format(host=LOOPBACK, port=self.port, store=self.store))
        command = (str(binaries.nats(None).path), "-c", str(configuration))
        program = Program("nats", command, {"PATH": os.defpath}, is_ready=lambda: nats.answers(LOOPBACK, self.port))
        super().__init__(program, folder / "nats.log")

    @property
    def url(self) -> str:
        return f"nats://{LOOPBACK}:{self.port}"

    def empty(self) -> None:
        """Throw its streams away; it must not run."""
        assert not self.is_running
        shutil.rmtree(self.store, ignore_errors=True)


@dataclass(frozen=True)
class Addresses:
    """A test's own database: the operator's address, and that of each schema's owner."""

    name: str
    operator: str
    of: Mapping[str, str]


class PostgresServer(Server):
    """A Postgres that makes a database per test by copying a template."""

    def __init__(self, folder: Path) -> None:
        data = DataDir(folder)
        data.make()
        self.port = chosen()
        home = postgres.home(data, binaries.postgres(None))
        postgres.prepare(home, self.port, PASSWORD)
        program = postgres.program(home, data, self.port)
        # Killing the process does not need fsync; only killing the machine does.
        command = (*program.command, "-c", "fsync=off", "-c", "max_connections=200")
        super().__init__(replace(program, command=command), folder / "postgres.log")
        self._templates: dict[object, str] = {}
        self._orphans: list[int] = []
        self._numbers = itertools.count(1)

    def url(self, database: str = postgres.DATABASE, user: str = postgres.SUPERUSER) -> str:
        """Where `user` connects to `database`."""
        return urlsplit(postgres.url(self.port, user, PASSWORD))._replace(path=f"/{database}").geturl()

    def kill(self) -> None:
        """`kill -9` of the postmaster; its backends have process groups of their own and end when they notice."""
        if self.is_running:
            self._orphans = _children(self._running().pid)
        super().kill()

    def spawn(self) -> None:
        """Start without waiting, once no backend is left over: while one uses the shared memory, none starts."""
        deadline = time.monotonic() + START_BOUND
        while any(map(_lives, self._orphans)):
            assert time.monotonic() < deadline, f"backends of a killed Postgres live on: {self._orphans}"
            time.sleep(0.005)
        super().spawn()

    async def create(self, schemas: Schemas) -> Addresses:
        """A database of its own with these schemas, copied from the first of its kind."""
        key = tuple((schema, tuple(each.checksum for each in steps)) for schema, steps in sorted(schemas.items()))
        if key not in self._templates:
            self._templates[key] = await self._template(schemas)
        name = f"test_{next(self._numbers)}"
        # The default writes the whole template into the log, which takes a processor for three to six times as long.
        await self._run(f"CREATE DATABASE {name} TEMPLATE {self._templates[key]} STRATEGY file_copy")
        return Addresses(name, self.url(name), {schema: self.url(name, f"limen_{schema}") for schema in schemas})

    async def drop(self, addresses: Addresses) -> None:
        """Throw a test's database away, whoever is still connected."""
        await self._run(f"DROP DATABASE IF EXISTS {addresses.name} WITH (FORCE)")

    async def _template(self, schemas: Schemas) -> str:
        name = f"template_{next(self._numbers)}"
        await self._run(f"CREATE DATABASE {name}")
        roles = (ROLE.format(role=f"limen_{schema}", schema=schema, password=PASSWORD) for schema in schemas)
        await self._run("".join(roles), database=name)
        for schema, steps in schemas.items():
            await migrate(self.url(name, f"limen_{schema}"), schema, steps)
        return name

    async def _run(self, sql: str, *, database: str = postgres.DATABASE) -> None:
        connection = await connect(self.url(database), name="limen tests")
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    """Whether it runs; one that nobody has reaped yet holds nothing any more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def new_folder(prefix: str, *, on_disk: bool = False) -> Path:
    """A folder of a test's own, in memory where there is room: a database is three hundred files, and most make one."""
    is_roomy = not on_disk and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if is_roomy else None))
    folder.chmod(0o711)  # Postgres may run as another user, who must pass through
    return folder


@contextmanager
def running(make: Callable[[Path], S]) -> Iterator[S]:
    """A server in a folder of its own, gone with everything it wrote when the block ends."""
    folder = new_folder("limen-test-")
    server = make(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        _remove(folder)


def _remove(folder: Path) -> None:
    note = folder / "postgres-at"  # where the database lives when `nobody` could not reach the folder
    if note.exists():
        shutil.rmtree(Path(note.read_text().strip()).parent, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
