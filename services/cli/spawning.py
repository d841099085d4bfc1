"""Owns the birth of a child: its own process group, its own user, its log as output, its life tied to ours."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from pwd import getpwuid
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.cli.supervisor import Program

PR_SET_PDEATHSIG: Final = 1
_PRCTL: Final = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def spawn(program: "Program", log: Path, *, stdout: int | None = None) -> "subprocess.Popen[bytes]":
    """Start `program` as a direct child; what it says goes to the end of `log`, unless `stdout` is given.

    It writes the file itself: nothing of ours stands between a service and its log, so nothing of ours can block it.
    """
    group = getpwuid(program.user).pw_gid if program.user is not None else None
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - a program we chose
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=output if stdout is None else stdout,
            stderr=output,
            env=program.environ,
            cwd=None if program.services else "/",
            process_group=0,
            user=program.user,
            group=group,
            extra_groups=[] if program.user is not None else None,
            preexec_fn=_tie(os.getpid(), program),  # noqa: PLW1509 - we have one thread
        )
    finally:
        os.close(output)


def _tie(parent: int, program: "Program") -> Callable[[], None]:
    """What the child does last before its program begins: it asks for its signal when we die, and takes its place.

    setuid clears the tie, so this must come after it, and subprocess calls it there.
    """

    def tie() -> None:
        os.nice(program.niceness)
        if _PRCTL is not None:
            _PRCTL(PR_SET_PDEATHSIG, int(program.stopped_by), 0, 0, 0)
            if os.getppid() != parent:  # we died in between, and the signal will never come
                os.kill(os.getpid(), signal.SIGKILL)

    return tie
