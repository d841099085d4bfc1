"""Owns what an earlier `limen up` left behind when it was killed: children that end by themselves, and are awaited."""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any, Final

from services.cli.datadir import DataDir, read_json
from services.cli.errors import Refused

PATIENCE: Final = 10.0
"""Seconds they get to end by themselves, before and after they are told to."""


def await_end(data: DataDir) -> None:
    """Return when no process of an earlier start on `data` runs any more; call it with the lock held."""
    for number in (signal.SIGCONT, signal.SIGTERM, signal.SIGKILL):  # first go on, for those that were paused
        left = _left(data)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if _ended(left, data):
            return
    raise Refused(f"processes of an earlier `limen up` do not end: {', '.join(map(str, _left(data)))}.")


def _ended(pids: list[int], data: DataDir) -> bool:
    deadline = time.monotonic() + PATIENCE
    while any(_is_ours(pid, data) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _left(data: DataDir) -> list[int]:
    rows: list[dict[str, Any]] = read_json(data.processes, [])
    return [row["pid"] for row in rows if _is_ours(row["pid"], data)]


def _is_ours(pid: int, data: DataDir) -> bool:
    """Whether `pid` still is a child that was started on `data`: the number alone may belong to anybody by now."""
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"LIMEN_DATA_DIR=" + bytes(data.path) in environ
