import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.sdk import install
from tests.stack import Stack

BOUND: Final = 120


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

    def run(
        self, command: list[str], stack: Stack, environ: Mapping[str, str] = {}
    ) -> "subprocess.CompletedProcess[str]":
        env = {"PATH": os.environ["PATH"], "HOME": str(self.work), "NODE_EXTRA_CA_CERTS": str(stack.ca)}  # noqa: TID251
        env |= {**stack.env, **environ}
        return subprocess.run(
            command, cwd=self.work, env=env, capture_output=True, text=True, timeout=BOUND, check=False
        )


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
