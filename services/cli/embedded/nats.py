"""Owns the embedded NATS server: its configuration is deploy/nats.conf itself, filled in by the environment."""

import os
import signal
import socket
from pathlib import Path
from typing import Final

from services.cli.datadir import DataDir
from services.cli.embedded.binaries import Binary
from services.cli.embedded.ports import LOOPBACK
from services.cli.supervisor import Program

CONFIGURATION: Final = Path(__file__).parents[3] / "deploy" / "nats.conf"

USERS: Final = ("sys", "limen", "gateway", "tenants", "token", "key_rotation")
"""The users of the configuration: the system account's, the operator, and one per service."""


def program(binary: Binary, data: DataDir, port: int, passwords: dict[str, str]) -> Program:
    """The server as a child of ours; `passwords` are by `nats <user>`."""
    secrets = {f"LIMEN_NATS_PASSWORD_{user.upper()}": passwords[f"nats {user}"] for user in USERS}
    where = {"LIMEN_NATS_LISTEN": f"{LOOPBACK}:{port}", "LIMEN_NATS_STORE": f'"{data.nats}"'}
    return Program(
        name="nats",
        command=(str(binary.path), "-c", str(CONFIGURATION)),
        environ={"PATH": os.defpath, "LIMEN_DATA_DIR": str(data.path)} | where | secrets,
        stopped_by=signal.SIGTERM,
        rank=2,
        within=10,
        is_ready=lambda: answers(LOOPBACK, port),
    )


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
