"""Which binaries and which ports are chosen."""

import socket
from pathlib import Path

import pytest

from services.cli.datadir import DataDir
from services.cli.embedded import binaries
from services.cli.embedded.ports import CHOICE, KeptPorts, is_free
from services.cli.errors import Refused


def program(folder: Path, name: str, version: str) -> str:
    folder.mkdir(exist_ok=True)
    for each in (name, "initdb"):
        (folder / each).write_text(f"#!/bin/sh\necho '{name} (Whatever) {version}'\n")
        (folder / each).chmod(0o755)
    return str(folder)


def test_a_postgres_on_path_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    chosen = binaries.postgres(program(tmp_path / "bin", "postgres", "15.18 (Debian 15.18-0+deb12u1)"))
    assert chosen.is_bundled
    assert chosen.version.startswith("18.")


def test_a_postgres_on_path_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    chosen = binaries.postgres(program(tmp_path / "bin", "postgres", "17.2"))
    assert (chosen.is_bundled, chosen.version) == (False, "17.2")


def test_a_nats_server_on_path_is_taken_from_2_12_on(tmp_path: Path) -> None:
    assert binaries.nats(program(tmp_path / "old", "nats-server", "v2.9.1")).is_bundled
    assert not binaries.nats(program(tmp_path / "new", "nats-server", "v2.12.0")).is_bundled


def test_a_port_is_chosen_once_and_then_kept(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    first = KeptPorts(data).server("nats")
    assert first in CHOICE
    assert KeptPorts(data).server("nats") == first


def test_a_kept_port_that_another_program_took_is_one_line(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    port, admin = KeptPorts(data).server("nats"), KeptPorts(data).admin("token 1")
    with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.1", admin)):
        assert not is_free(port)
        with pytest.raises(Refused, match=f"port {port}, kept for nats"):
            KeptPorts(data).server("nats")
        assert KeptPorts(data).admin("token 1") != admin
