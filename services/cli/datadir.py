"""Owns the layout of LIMEN_DATA_DIR, everything one stack keeps: databases, streams, keys, logs, ports and passwords.

- `lock` is held while a `limen up` runs
- `ports.json`: the ports chosen once, of the embedded servers and of every process's admin page
- `processes.json`: what runs now
- `quickstart.env`: addresses and the first application, for a shell
- `secrets/`: passwords.json of the embedded servers, environment.json of the services
- `keys/`: the key-encryption key
- `tls/`: the private CA and the certificate of `limen up --tls`
- `logs/`: one file per process, rotated
- `postgres/`: the database, or `postgres-at`, which says where it is
- `nats/`: the streams
- `nats-server/`: the embedded server's configuration, with the accounts of the feed's subscribers
"""

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from services.cli.addresses import KINDS, addressed
from services.cli.errors import USAGE, Refused
from services.cli.quickstart import read

DEFAULT: Final = ".limen"
ENOUGH_DISK: Final = 200 * 1024 * 1024
"""Bytes that must be free at start: Postgres stops with a panic when it cannot write its log."""


class DataDir:
    """One data directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ports = path / "ports.json"
        self.processes = path / "processes.json"
        self.quickstart = path / "quickstart.env"
        self.passwords = path / "secrets" / "passwords.json"
        self.environment = path / "secrets" / "environment.json"
        self.key = path / "keys" / "kek"
        self.tls = path / "tls"
        self.logs = path / "logs"
        self.nats = path / "nats"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "DataDir":
        """The data directory the environment names, as an absolute path."""
        return cls(Path(environ.get("LIMEN_DATA_DIR") or DEFAULT).absolute())

    def make(self) -> None:
        """Create what is missing. Others may pass through but not look around: Postgres may run as another user."""
        try:
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            for private in ("secrets", "keys", "logs", "nats", "nats-server"):
                (self.path / private).mkdir(mode=0o700, exist_ok=True)
            self.tls.mkdir(mode=0o711, exist_ok=True)
        except OSError as error:
            raise Refused(f"cannot use {self.path} as data directory: {error.strerror}.") from error

    def lock(self) -> int:
        """Take this directory for the life of this process, also when it is killed; returns the descriptor.

        Raises:
            Refused: another `limen up` runs on it.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 20).decode().strip() or "unknown"
            raise Refused(f"limen up already runs on {self.path} (process {holder}).") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return descriptor

    def kept_passwords(self, names: Iterable[str]) -> dict[str, str]:
        """The password of each name, made the first time it is asked for and then kept."""
        kept: dict[str, str] = read_json(self.passwords, {})
        missing = [name for name in names if name not in kept]
        # A leading letter, because the parser of nats-server would read "5e12" as a number.
        kept |= {name: "p" + os.urandom(24).hex() for name in missing}
        if missing:
            write_json(self.passwords, kept)
        return kept


def require_disk(path: Path) -> None:
    """Refuse to start on a disk that is nearly full."""
    disk = os.statvfs(path)
    free = disk.f_bavail * disk.f_frsize
    if free < ENOUGH_DISK:
        raise Refused(
            f"the disk of {path} is nearly full: {free // 2**20} MB are free of the {ENOUGH_DISK // 2**20} it takes."
        )


def found_stack(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ`, completed by what the stack in LIMEN_DATA_DIR says of itself.

    What the environment sets wins. Addresses of the services' own roles and users are added only where the environment
    means the same server, so that a verb never talks half to one stack and half to another.

    Raises:
        Refused: the directory is somebody else's, and the environment has no address either.
    """
    data = DataDir.of(environ)
    said = addressed(environ)
    try:
        own: dict[str, str] = read(data.quickstart)
        private: dict[str, str] = read_json(data.environment, {})
    except PermissionError as error:
        if any(f"LIMEN{kind}" in said for kind in KINDS):
            return said
        raise Refused(
            f"the data directory {data.path} is not yours to read: run this as its owner, "
            "or set LIMEN_POSTGRES_URL and LIMEN_NATS_URL.",
            USAGE,
        ) from error
    for kind in KINDS:
        if said.get(f"LIMEN{kind}", own.get(f"LIMEN{kind}")) != own.get(f"LIMEN{kind}"):
            private = {name: value for name, value in private.items() if not name.endswith(kind)}
    return own | private | said


def read_json(path: Path, default: Any) -> Any:
    """What the file holds, or `default` when it is not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except ValueError as error:
        raise Refused(f"{path} is damaged: {error}.") from error


def write_json(path: Path, value: Any, mode: int = 0o600) -> None:
    """Write `value` to `path`, atomically."""
    write(path, json.dumps(value, indent=2) + "\n", mode)


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace `path` by `text`: a reader sees the old file or the new one, also after a power cut."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)
