"""Owns the size of the log files: copied aside and cut when they are full.

The children write their files themselves and keep them open, appending. Copying and cutting may lose the few lines
written in between; a pipe through us would lose none, but a full pipe would stop a service, and that is worse.
"""

import os
import shutil
from pathlib import Path
from typing import Final

FULL: Final = 10 * 1024 * 1024
"""Bytes after which a file is rotated."""

KEPT: Final = 5
"""Files per process, the one being written among them."""


def rotate(folder: Path, *, full: int = FULL) -> None:
    """Rotate every full file of `folder`; what the disk refuses is tried again the next time."""
    for log in folder.glob("*.log"):
        try:
            if log.stat().st_size > full:
                _rotate(log)
        except OSError:
            continue


def _rotate(log: Path) -> None:
    for number in range(KEPT - 1, 1, -1):
        older = log.with_name(f"{log.name}.{number - 1}")
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number}"))
    copy = log.with_name(f"{log.name}.1")
    try:
        shutil.copyfile(log, copy)
        copy.chmod(0o600)
    finally:
        os.truncate(log, 0)  # even when the copy failed: a full disk needs it most


def last_line(log: Path) -> str:
    """Why a process ended, by its log's last lines: what it said plainly, else the last line of any kind.

    A service's own lines, JSON objects, are flushed after what the interpreter or `limen` itself said on its way out.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return "nothing was logged"
    said = [line.strip() for line in lines if line.strip()]
    plain = [line for line in said if not line.startswith("{")]
    return (plain or said or ["nothing was logged"])[-1][:500].removeprefix("limen: ")
