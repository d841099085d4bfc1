import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.sdk import install
from tests.stack import Stack

BOUND: Final = 120


class Conversation:
    """A program that says JSON lines and hears lines."""

    def __init__(self, process: "subprocess.Popen[str]", complaints: Path) -> None:
        self._process, self._complaints = process, complaints

    def says(self) -> Any:
        """Its next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._complaints.read_text()[-3000:]
        return json.loads(line)

    def hears(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


class Node:
    """Runs a program of the npm world as it comes; what it trusts beside the world is the stack's own CA."""

    def __init__(self, packages: Path, work: Path) -> None:
        self.packages = packages
        self.work = work

    def script(self, name: str, stack: Stack, **environ: str) -> Any:
        """What one of the scripts beside here told, as JSON."""
        script = shutil.copy(install.HERE / name, self.packages / name)
        done = self.run(["node", str(script)], stack, environ)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)

    @contextmanager
    def talking(self, name: str, stack: Stack, **environ: str) -> "Iterator[Conversation]":
        """One of the scripts beside here while it runs, to talk with line by line."""
        script = shutil.copy(install.HERE / name, self.packages / name)
        with (
            (self.work / "stderr").open("w+") as complaints,
            subprocess.Popen(
                ["node", str(script)],
                cwd=self.work,
                env=self._environ(stack, environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
            ) as process,
        ):
            try:
                yield Conversation(process, self.work / "stderr")
            finally:
                process.kill()

    def run(
        self, command: list[str], stack: Stack, environ: Mapping[str, str] = {}
    ) -> "subprocess.CompletedProcess[str]":
        env = self._environ(stack, environ)
        return subprocess.run(
            command, cwd=self.work, env=env, capture_output=True, text=True, timeout=BOUND, check=False
        )

    def _environ(self, stack: Stack, more: Mapping[str, str]) -> dict[str, str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.work), "NODE_EXTRA_CA_CERTS": str(stack.ca)}  # noqa: TID251
        return {**env, **stack.env, **more}


@pytest.fixture(scope="session")
def packages() -> Path:
    """The npm packages; where they cannot be had, the tests that need them are skipped, and say why."""
    try:
        return install.folder()
    except install.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def node(packages: Path, tmp_path: Path) -> Node:
    return Node(packages, tmp_path)


@pytest.fixture
def trusting(tls: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's clients believe the stack's CA, each by its own variable."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tls.ca))
