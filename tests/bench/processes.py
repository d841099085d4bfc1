"""Owns what /proc tells: who is whose child, processor time, memory."""

import os
import resource
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
TICK: Final = os.sysconf("SC_CLK_TCK")
BUSY: Final = (0, 1, 2, 5, 6)
"""user, nice, system, irq, softirq in the first line of /proc/stat; idle, iowait and steal are not ours."""


@dataclass(frozen=True)
class Own:
    """Processor seconds of this process and of its children that have ended."""

    itself: float
    children: float


def tree(pid: int) -> list[int]:
    """`pid` and everything below it, parents first."""
    parents = {each: stat[1] for each in _pids() if (stat := _stat(each))}
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if int(parent) == each]
    return found


def cpu(pids: list[int]) -> float:
    """User and system seconds so far of these processes and of their children that have ended."""
    return sum(sum(int(ticks) for ticks in stat[11:15]) for pid in pids if (stat := _stat(pid))) / TICK


def pin(pid: int, processors: set[int]) -> None:
    """Keep every thread of a process, and what they start, on these processors."""
    for task in _tasks(pid):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(task, processors)


def _tasks(pid: int) -> list[int]:
    try:
        return [int(each.name) for each in (PROC / str(pid) / "task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def own() -> Own:
    """What the bench itself has used."""
    itself, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return Own(itself.ru_utime + itself.ru_stime, children.ru_utime + children.ru_stime)


def busy() -> float:
    """Seconds of work of all processors so far, of everybody."""
    fields = (PROC / "stat").read_text().splitlines()[0].split()[1:]
    return sum(int(fields[each]) for each in BUSY) / TICK


def pss(pid: int) -> int:
    """Proportional set size in bytes: shared pages count in parts. 0 for a process that has ended."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _pids() -> list[int]:
    return [int(each.name) for each in PROC.iterdir() if each.name.isdecimal()]


def _stat(pid: int) -> list[str]:
    """The fields behind the name, from `state`; empty for a process that has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
