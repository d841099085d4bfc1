"""A `limen up` in a folder of its own, started as a person would start it, with stand-ins for the services."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from libs.telemetry import logs
from services.cli import quickstart
from services.cli.datadir import DataDir
from services.cli.embedded.ports import chosen
from tests.services.cli.configured import Tenant
from tests.stack import Stack

STAND_IN: Final = Path(__file__).with_name("stand_in.py")
ROOT: Final = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def lines_of_the_test_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verb sends the lines of its process to standard error; of this process, for as long as a test lasts."""
    monkeypatch.setattr(logs, "_stdout", logs._stdout)


def eventually(is_so: Callable[[], object], within: float = 10) -> None:
    """Wait for a state, with a deadline."""
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.02)


class Up:
    """One `limen up` after another on the same data directory."""

    def __init__(self, data: Path) -> None:
        self.data = DataDir(data)
        self.port = chosen()
        self.environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "LIMEN_DATA_DIR": str(data)}
        self.environ |= {"LIMEN_PORT": str(self.port)}
        self.process: subprocess.Popen[str] | None = None
        self.said = data.with_name("said")

    def begin(self, *arguments: str, **environ: str) -> "subprocess.Popen[str]":
        with self.said.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, STAND_IN, "up", *arguments],
                stdout=output,
                stderr=output,
                text=True,
                env=self.environ | environ,
                cwd=self.data.path.parent,
            )
        return self.process

    def start(self, *arguments: str, **environ: str) -> "subprocess.Popen[str]":
        process = self.begin(*arguments, **environ)
        eventually(lambda: "is ready" in self.said.read_text() or process.poll() is not None, 30)
        assert process.poll() is None, self.said.read_text()
        return process

    def refusal(self, *arguments: str, **environ: str) -> str:
        """What a start that must fail says; without the stop, it is one line."""
        process = self.begin(*arguments, **environ)
        assert process.wait(30) in {1, 2}
        return self.said.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def processes(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.data.processes.read_text())
        return rows

    def pid(self, name: str) -> int:
        return next((int(row["pid"]) for row in self.processes() if row["name"] == name), 0)


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A folder that other users can pass through, as a project's is."""
    with tempfile.TemporaryDirectory(prefix="limen-up-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def up(home: Path) -> Iterator[Up]:
    stack = Up(home / "data")
    yield stack
    if stack.process and stack.process.poll() is None:
        stack.process.kill()
        stack.process.wait()
    note = stack.data.path / "postgres-at"
    if note.exists():
        shutil.rmtree(Path(note.read_text().strip()).parent)


@pytest.fixture(scope="session")
def env(stack: Stack) -> dict[str, str]:
    """The quickstart.env of a tenant at 127.0.0.1, beside the stack's own at localhost."""
    made = stack.limen("tenant", "create", "configured", "--domain", f"127.0.0.1:{stack.port}")
    assert made.returncode == 0, made.stderr
    path = stack.folder / "configured.env"
    path.write_text(made.stdout)
    return quickstart.read(path)


@pytest.fixture
def tenant(stack: Stack, env: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tenant:
    """Emptied before each test, by the command itself."""
    one = Tenant(stack, env, tmp_path, capsys)
    empty: dict[str, Any] = {"resourceServers": [], "clients": [], "clientGrants": []}
    defaults = {"tenant": {"friendly_name": None, "allowed_signing_algs": None, "flags": {"enable_sso": True}}}
    emptied = one.apply({**empty, **defaults}, "--delete", "--yes")
    assert emptied.code == 0, emptied.err
    return one
