"""Owns giving a process a share of a processor that the kernel holds it to (cgroups, either version).

A machine too small for two replicas to have a processor each can still give each the same small part of one: what the
second adds then shows whether anything they share is in the way.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SHARE: Final = 0.3
"""Of a processor, for each."""

PERIOD: Final = 10_000
"""Microseconds over which the share is held: short, so that nobody waits long for the next."""

_OLD: Final = Path("/sys/fs/cgroup/cpu")
_NEW: Final = Path("/sys/fs/cgroup")


def is_possible() -> bool:
    """Whether this machine lets us: it takes root and a writable cgroup hierarchy."""
    try:
        with _group("limen-bench-trial"):
            return True
    except OSError:
        return False


@contextmanager
def held(pids: Sequence[int]) -> Iterator[None]:
    """Each process has its share meanwhile, and no more."""
    if not pids:
        yield
        return
    with _group(f"limen-bench-{pids[0]}") as procs:
        procs.write_text(str(pids[0]))
        with held(pids[1:]):
            yield


@contextmanager
def _group(name: str) -> Iterator[Path]:
    quota = int(SHARE * PERIOD)
    is_old = (_OLD / "cpu.cfs_quota_us").exists()
    group = (_OLD if is_old else _NEW) / name
    group.mkdir()
    try:
        if is_old:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD}")
        yield group / "cgroup.procs"
    finally:
        _emptied(group)


def _emptied(group: Path) -> None:
    for pid in (group / "cgroup.procs").read_text().split():
        (group.parent / "cgroup.procs").write_text(pid)
    group.rmdir()
