"""A whole stack for tests: `limen up` as a person would start it, on free ports, gone with everything it wrote.

    with Stack().running() as stack:
        assert stack.token().status == 200
        stack.kill("token")
        stack.await_back("token")

Several may run side by side. The fixture `stack` is one for the whole test run: whoever harms, rotates or waits takes
one of its own from `make_stack`.
"""

import asyncio
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import pytest

from libs.postgres import connect
from services.cli import plan, quickstart
from services.cli.datadir import DataDir, read_json
from services.cli.embedded.ports import LOOPBACK, chosen
from services.cli.spawning import spawn
from services.cli.supervisor import Program
from tests.servers import new_folder

WITHOUT: Final = Path(__file__).with_name("without")
ROOT: Final = Path(__file__).parents[1]
START_BOUND: Final = 90.0
STOP_BOUND: Final = 60.0
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
JSON: Final = {"content-type": "application/json"}


FACTS: Final = """
SELECT (SELECT count(*) FROM token.facts WHERE tenant = $1) + (SELECT count(*) FROM tenants.facts WHERE tenant = $1)
"""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: HTTPMessage
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


class Stack:
    """One `limen up`; it may be stopped and started again on the same data directory."""

    def __init__(
        self,
        *,
        tls: bool = False,
        replicas: Mapping[str, int] | None = None,
        environ: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        on_disk: bool = False,
    ) -> None:
        self.folder = new_folder("limen-stack-", on_disk=on_disk)
        self.data = DataDir(self.folder / "data")
        self.port = chosen()
        self.tls = tls
        self.arguments = [*(["--tls"] if tls else []), *_replicas(replicas or {}), *arguments]
        self.environ = {"PATH": os.defpath, "PYTHONPATH": f"{ROOT}{os.pathsep}{WITHOUT}", "PYTHONSAFEPATH": "1"}
        self.environ |= {"LIMEN_DATA_DIR": str(self.data.path), "LIMEN_PORT": str(self.port), **(environ or {})}
        self.output = self.folder / "limen-up.log"
        self.up: subprocess.Popen[bytes] | None = None

    # Its life.

    @contextmanager
    def running(self) -> Iterator["Stack"]:
        """Start it, and in the end remove every trace."""
        try:
            yield self.start()
        finally:
            self.remove()

    def start(self) -> "Stack":
        """Start and wait until `limen up` says that it is ready."""
        self.begin()
        self.await_ready()
        return self

    def begin(self) -> "subprocess.Popen[bytes]":
        """Start without waiting. Only the main thread may: the child's life is tied to the thread that forked."""
        self.output.write_bytes(b"")
        command = plan.limen("up", *self.arguments)
        self.up = spawn(Program("limen up", command, self.environ, services=("up",)), self.output)
        return self.up

    def await_ready(self, within: float = START_BOUND) -> None:
        until(lambda: "Limen is ready" in self.said or self._has_ended(), within, self.story)
        assert not self._has_ended(), self.story()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask `limen up` to stop; its exit code."""
        assert self.up is not None
        self.up.send_signal(number)
        return self.up.wait(STOP_BOUND)

    def remove(self) -> None:
        """End everything that was started on this data directory and delete what it wrote."""
        if self.up is not None and self.up.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self.stop()
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.up is not None:
            self.up.wait(10)
        until(lambda: not self.pids(), 10)
        note = self.data.path / "postgres-at"
        if note.exists():
            shutil.rmtree(Path(note.read_text().strip()).parent, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def said(self) -> str:
        """What `limen up` wrote to the terminal."""
        return self.output.read_text()

    def story(self) -> str:
        """What `limen up` and every process said at the end, for a failure's message."""
        logs = sorted(self.data.logs.glob("*.log")) if self.data.logs.exists() else []
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}" for path in [self.output, *logs]
        )

    def _has_ended(self) -> bool:
        return self.up is None or self.up.poll() is not None

    # Its processes.

    def processes(self) -> list[dict[str, Any]]:
        """The rows of processes.json."""
        rows: list[dict[str, Any]] = read_json(self.data.processes, [])
        return rows

    def pid_of(self, name: str, replica: int = 0) -> int:
        """The pid of the process that is called `name` or serves the service `name`; 0 while it is down."""
        rows = [row for row in self.processes() if name == row["name"] or name in row["services"]]
        return int(rows[replica]["pid"]) if replica < len(rows) else 0

    def kill(self, name: str, replica: int = 0) -> int:
        """`kill -9`; returns the pid that was."""
        return self.signal(name, signal.SIGKILL, replica)

    def hasten(self, name: str) -> None:
        """`kill -9` what is about to end by itself, and may just have."""
        with suppress(ProcessLookupError):
            if pid := self.pid_of(name):
                os.kill(pid, signal.SIGKILL)

    def pause(self, name: str, replica: int = 0) -> int:
        return self.signal(name, signal.SIGSTOP, replica)

    def resume(self, name: str, replica: int = 0) -> int:
        return self.signal(name, signal.SIGCONT, replica)

    def signal(self, name: str, number: signal.Signals, replica: int = 0) -> int:
        """Send it; returns the pid it went to.

        Raises:
            ProcessLookupError: It does not run, or has just ended.
        """
        if not (pid := self.pid_of(name, replica)):
            raise ProcessLookupError(f"{name} does not run")
        os.kill(pid, number)
        return pid

    @contextmanager
    def nobody_restarts(self) -> Iterator[None]:
        """`limen up` is paused, so what dies stays dead until the block ends."""
        assert self.up is not None
        self.up.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.up.send_signal(signal.SIGCONT)

    def await_back(self, name: str, *, not_pid: int, within: float = 15, replica: int = 0) -> float:
        """Wait until `name` runs as another process than `not_pid` and says it is ready; the seconds it took."""
        return until(
            lambda: self.pid_of(name, replica) not in {0, not_pid} and self.is_ready(name, replica), within, self.story
        )

    def is_ready(self, name: str, replica: int = 0) -> bool:
        """Whether its admin page says so; postgres and nats have none and count as ready."""
        port = self.admin_port(name, replica)
        if port is None:
            return True
        try:
            return self.admin(name, "/readyz", replica).status == 200
        except OSError:
            return False

    def admin_port(self, name: str, replica: int = 0) -> int | None:
        rows = [row for row in self.processes() if name == row["name"] or name in row["services"]]
        port: int | None = rows[replica]["admin_port"]
        return port

    def admin(self, name: str, path: str, replica: int = 0) -> Answer:
        """GET a page of the admin port: /livez, /readyz or /metrics."""
        port = self.admin_port(name, replica)
        assert port is not None
        return _asked(HTTPConnection(LOOPBACK, port, timeout=10), "GET", path, None, {})

    def pids(self) -> list[int]:
        """Every process that was started on this data directory, however it is called."""
        mark = b"LIMEN_DATA_DIR=" + bytes(self.data.path)
        return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal() and _has(each, mark)]

    # What a client sees.

    @property
    def env(self) -> dict[str, str]:
        """The names and values of quickstart.env."""
        return quickstart.read(self.data.quickstart)

    @property
    def issuer(self) -> str:
        return self.env["LIMEN_ISSUER"]

    @property
    def ca(self) -> Path:
        """The private CA of a stack with `tls`."""
        return self.data.tls / "ca.pem"

    @property
    def trusted(self) -> ssl.SSLContext:
        """Whom a client believes: the stack's CA alone, and without `tls` nobody, for the world's are slow to read."""
        return ssl.create_default_context(cafile=self.ca) if self.tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def request(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30,
    ) -> Answer:
        """One request on a connection of its own; never follows, never raises for a status."""
        sent = dict(headers or {})
        if form is not None:
            body, sent = urlencode(form).encode(), FORM | sent
        elif json is not None:
            body, sent = _json(json), JSON | sent
        return _asked(self._connection(timeout), method, path, body, sent)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers=headers)

    def token(self, **parameters: str) -> Answer:
        """A client_credentials request of the quickstart application; `parameters` replace or add."""
        env = self.env
        form = {"grant_type": "client_credentials", "client_id": env["LIMEN_CLIENT_ID"]}
        form |= {"client_secret": env["LIMEN_CLIENT_SECRET"], "audience": env["LIMEN_AUDIENCE"]}
        return self.request("POST", "/oauth/token", form=form | parameters)

    def access_token(self, **parameters: str) -> str:
        """A good token's text."""
        answer = self.token(**parameters)
        assert answer.status == 200, (answer.status, answer.body)
        return str(answer.json()["access_token"])

    def management_token(self) -> str:
        """A token of the management application."""
        env = self.env
        return self.access_token(
            client_id=env["LIMEN_MANAGEMENT_CLIENT_ID"],
            client_secret=env["LIMEN_MANAGEMENT_CLIENT_SECRET"],
            audience=env["LIMEN_MANAGEMENT_AUDIENCE"],
        )

    def management(self, method: str, path: str, json: Any = None) -> Answer:
        """A request to `/api/v2/<path>` with the management application's token."""
        headers = {"authorization": f"Bearer {self.management_token()}"}
        return self.request(method, f"/api/v2/{path}", json=json, headers=headers)

    def _connection(self, timeout: float) -> HTTPConnection:
        if not self.tls:
            return HTTPConnection("localhost", self.port, timeout=timeout)
        return HTTPSConnection("localhost", self.port, timeout=timeout, context=self.trusted)

    def facts(self, tenant: str = "default") -> int:
        """How many times a tenant's configuration was changed."""
        return asyncio.run(_facts(self.env["LIMEN_POSTGRES_URL"], tenant))

    # What its operator sees.

    def limen(
        self, *arguments: str, timeout: float = 60, environ: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a verb of the command line on this stack."""
        return subprocess.run(
            plan.limen(*arguments),
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environ | dict(environ or {}),
            check=False,
        )

    def events(self, *arguments: str) -> list[dict[str, Any]]:
        """What `limen events tail --json --no-follow` prints."""
        done = self.limen("events", "tail", "--json", "--no-follow", *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def until(
    is_so: Callable[[], object], within: float = 10, story: Callable[[], str] = lambda: "it did not become so"
) -> float:
    """Wait until `is_so()`; returns the seconds it took, fails with `story()` after `within`."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < within, f"not within {within} s\n{story()}"
        time.sleep(0.02)
    return time.monotonic() - began


def claims(token: str) -> dict[str, Any]:
    """What a token says, unverified."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _replicas(counts: Mapping[str, int]) -> list[str]:
    return [word for service, count in counts.items() for word in ("--replicas", f"{service}={count}")]


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _has(process: Path, mark: bytes) -> bool:
    try:
        return mark in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


async def _facts(url: str, tenant: str) -> int:
    connection = await connect(url)
    try:
        return int(await connection.fetchval(FACTS, tenant))
    finally:
        await connection.close()


def _asked(
    connection: HTTPConnection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> Answer:
    began = time.monotonic()
    try:
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read(), time.monotonic() - began)
    finally:
        connection.close()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One stack for the whole test run, shared: leave it as it was."""
    with Stack().running() as one:
        yield one


@pytest.fixture(scope="session")
def tls() -> Iterator[Stack]:
    """One stack behind TLS for the whole test run, shared."""
    with Stack(tls=True).running() as one:
        yield one


class MakeStack(Protocol):
    """Starts a stack of this test's own; the arguments are those of `Stack`."""

    def __call__(self, **options: Any) -> Stack: ...


@pytest.fixture(scope="module")
def make_stack() -> Iterator[MakeStack]:
    """Stacks that are gone when the module's tests are done."""
    with ExitStack() as at_end:
        yield lambda **options: at_end.enter_context(Stack(**options).running())


def main() -> None:
    """`python -m tests.stack`: a stack to play with until Enter; for people."""
    with Stack(arguments=sys.argv[1:]).running() as one:
        print(one.said, one.data.path)  # noqa: T201
        sys.stdin.readline()


if __name__ == "__main__":
    main()
