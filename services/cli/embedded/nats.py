"""Owns the embedded NATS server: its configuration is a copy of deploy/nats.conf, filled in by the environment.

A copy, because the accounts of subscribers are read from a file beside it.
"""

import os
import signal
import socket
from pathlib import Path
from typing import Final

from services.cli.datadir import DataDir, write
from services.cli.embedded.accounts import Accounts, configuration_folder
from services.cli.embedded.binaries import Binary
from services.cli.embedded.ports import LOOPBACK
from services.cli.supervisor import Program

CONFIGURATION: Final = Path(__file__).parents[3] / "deploy" / "nats.conf"

EXAMPLE: Final = "example"
"""The subscriber that `limen up` makes: it sees everything."""

USERS: Final = ("sys", "limen", "gateway", "tenants", "token", "login", "connections", "key_rotation", "audit")
"""The users of the configuration: the system account's, the operator, and one per service."""


def program(binary: Binary, data: DataDir, port: int, passwords: dict[str, str]) -> Program:
    """The server as a child of ours; `passwords` are by `nats <user>`."""
    secrets = {f"LIMEN_NATS_PASSWORD_{user.upper()}": passwords[f"nats {user}"] for user in USERS}
    where = {"LIMEN_NATS_LISTEN": f"{LOOPBACK}:{port}", "LIMEN_NATS_STORE": f'"{data.nats}"'}
    return Program(
        name="nats",
        command=(str(binary.path), "-c", str(configured(data))),
        environ={"PATH": os.defpath, "LIMEN_DATA_DIR": str(data.path)} | where | secrets,
        stopped_by=signal.SIGTERM,
        rank=2,
        within=10,
        is_ready=lambda: answers(LOOPBACK, port),
    )


def configured(data: DataDir) -> Path:
    """The configuration, written anew for each start; at the first, the example subscriber gets its account."""
    Accounts(data).begin(EXAMPLE)
    path = configuration_folder(data) / "nats.conf"
    write(path, CONFIGURATION.read_text(encoding="utf-8"))
    return path


def url(port: int, user: str, password: str) -> str:
    """Where `user` connects."""
    return f"nats://{user}:{password}@{LOOPBACK}:{port}"


def answers(host: str, port: int) -> bool:
    """Whether a NATS server greets there. The embedded one listens only after its streams are loaded."""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            return connection.recv(4096).startswith(b"INFO ")
    except OSError:
        return False
