"""Looks at this machine: versions, disk, the public port, and every process of processes.json."""

import os
import platform
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from services.cli import readyz
from services.cli.checks.finding import Finding, fail, ok, warn
from services.cli.datadir import ENOUGH_DISK, DataDir, read_json

COMFORTABLE_DISK: Final = 5 * ENOUGH_DISK
ANSWERS_WITHIN: Final = 2.0


def findings(data: DataDir, environ: Mapping[str, str], version: str) -> Iterator[Finding]:
    """Everything that can be seen without asking a server."""
    yield ok("versions", f"Limen {version}, Python {platform.python_version()} on {platform.machine()}")
    rows: list[dict[str, Any]] = read_json(data.processes, [])
    if data.path.exists():
        yield _disk(data)
    if rows:
        yield from map(_process, rows)
    elif data.path.exists():
        yield fail("processes", f"no `limen up` runs on {data.path}")
    if "LIMEN_ISSUER" in environ:
        yield _port(environ["LIMEN_ISSUER"])


def _disk(data: DataDir) -> Finding:
    disk = os.statvfs(data.path)
    free = disk.f_bavail * disk.f_frsize
    says = f"{free // 2**20:,} MB are free where {data.path} is"
    if free < ENOUGH_DISK:
        return fail("disk", says)
    return (ok if free > COMFORTABLE_DISK else warn)("disk", says)


def _process(row: Mapping[str, Any]) -> Finding:
    """Alive, and ready where it has an admin page; a row without a pid is between two lives."""
    what, pid, port = f"process {row['name']}", row["pid"], row["admin_port"]
    state = _state(pid) if pid else ""
    if not state or state == "Z":
        return fail(what, "does not run at this moment")
    if state == "T":
        return fail(what, f"{pid} is paused: kill -CONT {pid} lets it go on")
    if port is None:
        return ok(what, f"runs as {pid}")
    if readyz.is_ready(port):
        return ok(what, f"runs as {pid} and is ready; admin port {port}")
    return fail(what, f"runs as {pid} and is not ready: {readyz.missing(port)}")


def _state(pid: int) -> str:
    """The letter the kernel has for it (proc_pid_stat(5)): Z is dead, T is stopped; nothing when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _port(issuer: str) -> Finding:
    parts = urlsplit(issuer)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    try:
        with socket.create_connection((parts.hostname or "localhost", port), timeout=ANSWERS_WITHIN):
            return ok("public port", f"{issuer} is reachable")
    except OSError as error:
        return fail("public port", f"nothing answers at {issuer}: {error}")
