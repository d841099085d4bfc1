"""Any start order: a service waits for what it depends on, says what that is, and is there when that is there."""

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

import pytest

from services.cli import plan, readyz, servers
from services.cli.datadir import read_json
from services.cli.embedded.ports import LOOPBACK, KeptPorts
from services.cli.spawning import spawn
from services.cli.supervisor import Program
from tests.stack import Stack, until

READY_WITHIN = 10.0
"""Seconds after the last dependency came."""

ORDERS = {"NATS last": ("postgres", "nats"), "Postgres last": ("nats", "postgres")}


@dataclass
class Parts:
    """The processes of a stack that is down, to be started by hand in any order."""

    stack: Stack
    servers: Mapping[str, Program]
    services: Sequence[Program]

    @contextmanager
    def running(self, programs: Sequence[Program]) -> Iterator[list["subprocess.Popen[bytes]"]]:
        processes = [spawn(each, self.stack.data.logs / f"{each.name}.log") for each in programs]
        try:
            yield processes
        finally:
            for process, program in zip(processes, programs, strict=True):
                process.send_signal(program.stopped_by)
            for process in processes:
                process.wait(15)


@pytest.fixture(scope="module")
def parts(one_stack: Stack) -> Parts:
    if one_stack.up is not None and one_stack.up.poll() is None:
        assert one_stack.stop() == 0
    data, ports = one_stack.data, KeptPorts(one_stack.data)
    own = read_json(data.environment, {})
    shared = {name: value for name, value in own.items() if name.startswith(plan.SECRET_OF_KEYS)}
    shared |= one_stack.environ | {"LIMEN_PORT": str(one_stack.port)}
    found = [
        servers.postgres_server(data, one_stack.environ, ports),
        servers.nats_server(data, one_stack.environ, ports),
    ]
    programs = {each.program.name: each.program for each in found if each.program}
    return Parts(one_stack, programs, plan.processes(data, ports, {}, shared, own))


@pytest.mark.security("RL-23")
@pytest.mark.parametrize("order", ORDERS)
def test_services_that_start_first_wait_and_are_ready_soon_after_what_they_need(parts: Parts, order: str) -> None:
    first, last = (parts.servers[name] for name in ORDERS[order])
    with parts.running(parts.services) as processes:
        until(lambda: all(is_alive(each) for each in parts.services), 20)
        require_waiting(parts.services, processes)
        with parts.running([first]):
            until(first.is_ready)
            time.sleep(1.5)  # long enough to fail, were one of them to mistake this for all it needs
            require_waiting([each for each in parts.services if needs(each, last)], processes)
            with parts.running([last]):
                until(last.is_ready)
                until(lambda: all(readyz.is_ready(each.admin_port or 0) for each in parts.services), READY_WITHIN)
                assert parts.stack.token().status == 200
                assert [each.poll() for each in processes] == [None] * len(processes)
                for process in processes:
                    process.send_signal(signal.SIGTERM)
                assert [each.wait(15) for each in processes] == [0] * len(processes)


def needs(service: Program, server: Program) -> bool:
    """Whether the service waits for the server: the gateway reads what NATS kept, and has no database."""
    return server.name == "nats" or "gateway" not in service.services


def is_alive(program: Program) -> bool:
    return status(program, "/livez") == 200


def status(program: Program, path: str) -> int:
    connection = HTTPConnection(LOOPBACK, program.admin_port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def require_waiting(services: Sequence[Program], processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Each is alive, unready, and says what is missing; none has ended."""
    assert [each.poll() for each in processes] == [None] * len(processes)
    for each in services:
        assert is_alive(each), each.name
        assert status(each, "/readyz") == 503, each.name
        missing = readyz.missing(each.admin_port or 0)
        assert "Postgres" in missing or "NATS" in missing, (each.name, missing)
