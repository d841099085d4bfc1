"""Embedded servers prepared as `limen up` does, and run without its supervisor."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.cli.datadir import DataDir
from services.cli.embedded.ports import KeptPorts
from services.cli.servers import Server, nats_server, postgres_server
from services.cli.spawning import spawn
from services.cli.supervisor import Program
from tests.services.cli.conftest import eventually


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    server: Server
    data: DataDir


@contextmanager
def running(program: Program, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = spawn(program, log)
    try:
        eventually(program.is_ready)
        yield process
    finally:
        process.send_signal(program.stopped_by)
        process.wait(20)


@pytest.fixture(scope="module")
def data() -> Iterator[DataDir]:
    with tempfile.TemporaryDirectory(prefix="limen-embedded-") as folder:
        Path(folder).chmod(0o755)
        data = DataDir(Path(folder) / "with space")
        data.make()
        yield data


@pytest.fixture(scope="module")
def nats(data: DataDir) -> Iterator[Running]:
    server = nats_server(data, {"PATH": os.defpath}, KeptPorts(data))
    assert server.program
    with running(server.program, data.logs / "nats.log"):
        yield Running(server, data)


@pytest.fixture(scope="module")
def postgres(data: DataDir) -> Iterator[Running]:
    server = postgres_server(data, {"PATH": os.defpath}, KeptPorts(data))
    assert server.program
    with running(server.program, data.logs / "postgres.log"):
        yield Running(server, data)
