"""Owns the life of the children: started as direct children, tied to us, started again when they die, stopped in order.

Each child has its own process group, so that a Ctrl-C at the terminal reaches `limen up` alone and the order of
stopping is ours. Each is tied to us by PR_SET_PDEATHSIG, so that it also ends when we are killed by signal 9.
Everything happens in the main thread: that tie belongs to the thread that forked.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from services.cli.datadir import DataDir, write_json
from services.cli.errors import Refused
from services.cli.logfiles import last_line, rotate
from services.cli.spawning import spawn

LIVED_WELL: Final = 10.0
"""Seconds after which a death counts as the first again."""

SLOWEST: Final = 5.0
"""Seconds to wait at most before a child that keeps dying is started again."""

PATIENCE: Final = 3
"""How often a child may die before it was ever ready, until the start is given up."""

SAME_WISH: Final = 0.3
"""Seconds within which a second Ctrl-C counts as the first."""

POLL: Final = 0.03
TEND: Final = 1.0


class Stopped(Exception):
    """Somebody asked us to stop."""


@dataclass(frozen=True)
class Program:
    """What is run, and how it is treated."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    services: tuple[str, ...] = ()
    admin_port: int | None = None
    user: int | None = None
    stopped_by: signal.Signals = signal.SIGTERM
    hurried_by: signal.Signals = signal.SIGKILL
    rank: int = 1
    """The order of stopping: lower ranks first."""
    niceness: int = 0
    """How much it gives way to the others when the processors are full."""
    within: float = 45
    """Seconds it may take to stop before it is killed."""
    is_ready: Callable[[], bool] = field(default=lambda: True, repr=False)


class Child:
    """One program and its present process, if it has one."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.was_ready = False
        self.deaths = 0
        self.due = 0.0
        self._started = 0.0

    def start(self) -> None:
        """Start a process now; when even that fails, it counts as a death."""
        self._started = time.monotonic()
        try:
            self.process = spawn(self.program, self.log)
        except OSError as error:
            with contextlib.suppress(OSError):
                self.log.open("a", encoding="utf-8").write(f"cannot start {self.program.command[0]}: {error}\n")
            self._died()

    def reap(self) -> int | None:
        """The exit code if it has just died; it is due again at once, later and later if it dies quickly."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        self.process = None
        self._died()
        return code

    def is_ready(self) -> bool:
        """Whether it runs and answers; remembered once true."""
        self.was_ready = self.was_ready or (self.process is not None and self.program.is_ready())
        return self.was_ready

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its process; SIGKILL to the whole group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if number == signal.SIGKILL else os.kill)(self.process.pid, number)

    def _died(self) -> None:
        now = time.monotonic()
        self.deaths = 1 if now - self._started > LIVED_WELL else self.deaths + 1
        self.due = now + (0 if self.deaths == 1 else min(SLOWEST, 0.1 * 2**self.deaths))


class Supervisor:
    """Keeps children running until it is asked to stop."""

    def __init__(self, data: DataDir, say: Callable[[str], None]) -> None:
        self._data = data
        self._say = say
        self._children: list[Child] = []
        self._asked_to_stop = False
        self._asked_at = 0.0
        self._is_hurried = False
        self._rotated = 0.0
        self._wake, self._woken = os.pipe()

    def listen(self) -> None:
        """Take the signals: a child's death wakes us, and the rest ask us to stop, the second time in a hurry.

        Whatever was inherited: a shell that starts us in the background has SIGINT ignored.
        """
        for end in (self._wake, self._woken):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop_was_asked)

    def start(self, *programs: Program) -> None:
        """Start children that are kept running from now on."""
        for program in programs:
            child = Child(program, self._data.logs / f"{program.name}.log")
            self._children.append(child)
            child.start()
        self._note()

    def until_ready(self, names: Iterable[str], within: float) -> list[str]:
        """Tend the children until all of `names` were ready; returns those that were not in time.

        Raises:
            Stopped: somebody asked us to stop.
            Refused: one of them keeps dying before it was ever ready.
        """
        wanted = set(names)
        asked = [child for child in self._children if child.program.name in wanted]
        self.until(lambda: all(map(Child.is_ready, asked)), within)
        return [child.program.name for child in asked if not child.is_ready()]

    def until(self, is_done: Callable[[], bool], within: float) -> bool:
        """Tend the children until `is_done` or `within` seconds are over; whether it was done."""
        deadline = time.monotonic() + within
        while not is_done():
            if self._asked_to_stop:
                raise Stopped
            if time.monotonic() > deadline:
                return False
            self._tend()
            self._sleep(POLL)
        return True

    def forever(self) -> None:
        """Tend the children until somebody asks us to stop."""
        while not self._asked_to_stop:
            self._tend()
            dues = [child.due - time.monotonic() for child in self._children if child.process is None]
            self._sleep(max(0.0, min([TEND, *dues])))

    def run(self, program: Program, within: float) -> str:
        """Run a program to its end, tending the children meanwhile; returns what it wrote to standard output.

        Raises:
            Refused: it failed, or took longer than `within` seconds; with the last line it logged.
        """
        log = self._data.logs / f"{program.name}.log"
        process = spawn(program, log, stdout=subprocess.PIPE)
        try:
            is_over = self.until(lambda: process.poll() is not None, within)
        finally:
            if process.poll() is None:
                process.kill()
            said = process.communicate()[0].decode()
        if not is_over or process.returncode:
            why = last_line(log) if is_over else f"it took longer than {within:g} s"
            raise Refused(f"{program.name} failed: {why}  (all of it in {log})")
        return said

    def stop(self) -> None:
        """Stop everything in order; what does not stop in time is killed. A second Ctrl-C makes it quick."""
        for rank in sorted({child.program.rank for child in self._children}):
            children = [child for child in self._children if child.program.rank == rank]
            for child in children:
                child.signal(child.program.stopped_by)
                child.signal(signal.SIGCONT)  # one that was paused would not hear it
            self._await_end(children)
        self._children = []
        self._note()

    def _await_end(self, children: list[Child]) -> None:
        deadline = time.monotonic() + max(child.program.within for child in children)
        hurry = False
        while running := [child for child in children if child.process and child.process.poll() is None]:
            if self._is_hurried and not hurry:
                hurry, deadline = True, min(deadline, time.monotonic() + 1)
                for child in running:
                    child.signal(child.program.hurried_by)
            if time.monotonic() > deadline:
                for child in running:
                    self._say(f"{child.program.name} did not stop in time and is killed")
                    child.signal(signal.SIGKILL)
            self._sleep(POLL)

    def _tend(self) -> None:
        started = False
        for child in self._children:
            code = child.reap()
            if code is not None:
                self._mourn(child, code)
            if child.process is None and child.due <= time.monotonic() and not self._asked_to_stop:
                child.start()
                started = True
        if started:
            self._note()
        if time.monotonic() - self._rotated > TEND:
            self._rotated = time.monotonic()
            rotate(self._data.logs)

    def _mourn(self, child: Child, code: int) -> None:
        cause = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        if not child.was_ready and child.deaths >= PATIENCE:
            raise Refused(f"{child.program.name} does not start, it {cause}: {last_line(child.log)}  (see {child.log})")
        if not self._asked_to_stop:
            self._say(f"{child.program.name} {cause}; starting it again")

    def _note(self) -> None:
        """Write processes.json: what runs now."""
        running = [(child.program, child.process.pid) for child in self._children if child.process is not None]
        rows = [
            {"name": each.name, "pid": pid, "services": list(each.services), "admin_port": each.admin_port}
            for each, pid in running
        ]
        # A full disk must not end the one who keeps everything running.
        with contextlib.suppress(OSError):
            write_json(self._data.processes, rows, 0o644)

    def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than until a signal comes."""
        if select.select([self._wake], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 512)

    def _stop_was_asked(self, number: int, _frame: object) -> None:
        # One wish may come as several signals, to a group and passed on by make: only a later Ctrl-C means hurry.
        now = time.monotonic()
        if self._asked_to_stop and number == signal.SIGINT and now - self._asked_at > SAME_WISH:
            self._is_hurried = True
        if not self._asked_to_stop:
            self._asked_to_stop, self._asked_at = True, now
