"""Owns the load: `wrk` with 64 connections on one thread, and what came of it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench import processes

CONNECTIONS: Final = 64
THREADS: Final = 1
"""One thread keeps 64 connections busy, and leaves the two cores to whoever is measured."""

PATIENCE: Final = "30s"
"""A slow answer is a latency in the table, not an answer that failed."""

SCRIPT: Final = Path(__file__).with_name("load.lua")
MISSING: Final = "wrk is missing; install it, on Debian and Ubuntu: apt-get install wrk"

Cpu = Mapping[str, float]
"""Seconds of processor time by program."""


class Missing(Exception):
    """A program that the bench needs is not there; the message says what to install."""


@dataclass(frozen=True)
class Target:
    """What is asked, again and again."""

    url: str
    form: str
    others: tuple[tuple[str, str], ...] = ()
    """Hosts and forms to ask with in turns, instead of the one form."""


@dataclass(frozen=True)
class Shot:
    """One run of the load against one target. Latencies are milliseconds."""

    good: int
    """Answers 200."""
    other: int
    """Other answers."""
    broken: int
    """Connections that failed, and answers that did not come."""
    seconds: float
    p50: float
    p99: float
    longest: float
    first: str
    """The first answer that was not a 200."""
    cpu: Cpu = field(default_factory=dict)
    strangers: float = 0.0
    """Processors that programs outside the bench used meanwhile: 0.1 is a tenth of one."""

    @property
    def rate(self) -> float:
        """Answers 200 a second."""
        return self.good / self.seconds

    @property
    def is_clean(self) -> bool:
        """Whether everything was answered 200."""
        return self.other == 0 and self.broken == 0


def program() -> str:
    """Where wrk is; raises Missing when it is nowhere."""
    found = shutil.which("wrk")
    if found is None:
        raise Missing(MISSING)
    return found


def version() -> str:
    """wrk's own word on its version."""
    said = subprocess.run([program(), "-v"], capture_output=True, text=True, check=False)
    return said.stdout.partition(" Copyright")[0].removeprefix("wrk ").strip()


def fired(target: Target, seconds: int, watched: Callable[[], Cpu], *, connections: int = CONNECTIONS) -> Shot:
    """Load `target` for so many seconds; `watched` tells the processor time so far of the programs to account for."""
    machine, ours, before = processes.busy(), processes.own(), watched()
    said = _run(target, seconds, connections)
    cpu = {name: total - before.get(name, 0.0) for name, total in watched().items()}
    bench = processes.own()
    cpu["wrk"] = bench.children - ours.children
    known = sum(cpu.values()) + bench.itself - ours.itself
    shot = _read(said)
    strangers = max(0.0, processes.busy() - machine - known) / shot.seconds
    return Shot(**(vars(shot) | {"cpu": cpu, "strangers": strangers}))


def _run(target: Target, seconds: int, connections: int) -> str:
    bounds = [f"-c{connections}", f"-t{THREADS}", f"-d{seconds}s", f"--timeout={PATIENCE}"]
    command = [program(), *bounds, "-s", str(SCRIPT), target.url]
    environ = {"PATH": os.defpath, "BENCH_FORM": target.form}
    with tempfile.NamedTemporaryFile("w", prefix="limen-bench-", suffix=".forms") as others:
        if target.others:  # too many for the environment
            others.writelines(f"{host} {form}\n" for host, form in target.others)
            others.flush()
            environ["BENCH_FORMS"] = others.name
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"wrk failed: {done.stderr}{done.stdout}")
    return done.stdout


def _read(said: str) -> Shot:
    """The two lines that load.lua writes at the end."""
    lines = {line.partition(" ")[0]: line.partition(" ")[2] for line in said.splitlines()}
    good, other, broken, duration, p50, p99, longest = (float(word) for word in lines["bench"].split())
    first = lines["first"]
    return Shot(int(good), int(other), int(broken), duration / 1e6, p50 / 1e3, p99 / 1e3, longest / 1e3, first)
