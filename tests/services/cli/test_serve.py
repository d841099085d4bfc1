"""`limen serve`, `limen migrate` and `limen keys` as an operator runs them, on real servers."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from libs.eventstore.opening import migrations_of
from libs.postgres import connect
from services.cli.embedded.ports import chosen
from services.cli.readyz import is_ready, missing
from tests.servers import NatsServer, PostgresServer, running

LIMEN = [sys.executable, "-m", "services.cli.main"]
SERVICES = ("tenants", "token", "login", "connections", "key_rotation", "audit")
ROOT = Path(__file__).parents[3]

Limen = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    with running(PostgresServer) as server:
        yield server


@pytest.fixture(scope="module")
def bus() -> Iterator[NatsServer]:
    with running(NatsServer) as server:
        yield server


@pytest.fixture
def environ(database: PostgresServer, bus: NatsServer, tmp_path: Path) -> dict[str, str]:
    kek = tmp_path / "kek"
    kek.touch(mode=0o600)
    kek.write_text(f"k1:{urlsafe_b64encode(bytes(32)).decode()}\n")
    own = {f"LIMEN_{name.upper()}_POSTGRES_URL": database.url(user=f"limen_{name}") for name in SERVICES}
    return own | {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",
        "LIMEN_DATA_DIR": str(tmp_path / "data"),
        "LIMEN_POSTGRES_URL": database.url(),
        "LIMEN_NATS_URL": bus.url,
        "LIMEN_KEY_VAULT_PATH": str(kek),
    }


def limen(environ: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*LIMEN, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )


def test_a_life_from_an_empty_database(environ: dict[str, str], bus: NatsServer, database: PostgresServer) -> None:
    early = limen(environ, "serve", "tenants")
    assert early.returncode == 1, early
    assert early.stderr.count("\n") == 1
    assert "limen migrate" in early.stderr

    assert limen(environ, "migrate", "--service", "tenants").returncode == 0
    wrong = limen(environ, "serve", "tenants", "key_rotation")
    assert (wrong.returncode, wrong.stderr.count("\n")) in {(1, 1), (3, 1)}, wrong

    done = limen(environ, "migrate")
    assert "key_rotation: applied 0001_log, 0002_appending, 0100_signing_keys" in done.stdout
    assert limen(environ, "migrate").stdout.count("nothing to do") == len(SERVICES)

    port = chosen()
    with served(environ, port, "tenants", "key_rotation") as process:
        await_so(lambda: is_ready(port))
        listed = limen(environ, "keys", "list")
        assert listed.returncode == 0
        refused = limen(environ, "keys", "rotate", "--tenant", "nobody")
        assert (refused.returncode, refused.stderr) == (1, "limen: the tenant has no RS256 key\n")
        bus.kill()
        await_so(lambda: "NATS is away" in missing(port))
        bus.start()
        database.kill()
        await_so(lambda: "Postgres is away" in missing(port))
        database.start()
        await_so(lambda: is_ready(port))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_roles_are_made_only_by_whom_may(environ: dict[str, str]) -> None:
    assert limen(environ, "migrate").returncode == 0
    weak = environ | {"LIMEN_POSTGRES_URL": environ["LIMEN_TENANTS_POSTGRES_URL"]}
    refused = limen(weak, "migrate")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1), refused
    assert "--no-roles" in refused.stderr
    assert limen(weak, "migrate", "--no-roles").returncode == 0


def test_a_schema_of_an_older_release_is_one_line(environ: dict[str, str]) -> None:
    assert limen(environ, "migrate").returncode == 0
    database_url = environ["LIMEN_TENANTS_POSTGRES_URL"]
    newest = migrations_of("tenants")[-1].number
    run_sql(database_url, f"UPDATE tenants.migrations SET number = 99 WHERE number = {newest}")
    try:
        refused = limen(environ, "serve", "tenants")
    finally:
        run_sql(database_url, f"UPDATE tenants.migrations SET number = {newest} WHERE number = 99")
    assert refused.returncode == 3
    said = f"limen: schema tenants is at {newest - 1}, this release needs {newest}: run `limen migrate`\n"
    assert refused.stderr == said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"LIMEN_ADMIN_PORT": "x"}, "LIMEN_ADMIN_PORT"),
        ({"LIMEN_KEY_VAULT_PATH": "/nowhere/kek"}, "LIMEN_KEY_VAULT_PATH"),
        ({"LIMEN_KEY_VAULT": "environment"}, "LIMEN_KEY_ENCRYPTION_KEYS"),
        ({"LIMEN_KEY_ROTATION": "soon"}, "LIMEN_KEY_ROTATION"),
        ({"LIMEN_NATS_URL": ""}, "LIMEN_NATS_URL"),
        ({"LIMEN_KEY_ROTATION_POSTGRES_URL": "postgresql://h:abc/x"}, "LIMEN_KEY_ROTATION_POSTGRES_URL"),
        ({"LIMEN_MANAGEMENT_SLOTS": "0"}, "LIMEN_MANAGEMENT_SLOTS"),
        ({"LIMEN_ADMIN_HOST": "192.0.2.1"}, "LIMEN_ADMIN_HOST"),
    ],
)
def test_a_wrong_setting_is_one_line(environ: dict[str, str], changes: dict[str, str], words: str) -> None:
    refused = limen(environ | changes, "serve", "key_rotation")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert words in refused.stderr


def test_a_certificate_that_is_none_is_said_before_anything_is_waited_for(tmp_path: Path) -> None:
    files = {"LIMEN_TLS_CERTIFICATE": str(tmp_path / "none.pem"), "LIMEN_TLS_KEY": str(tmp_path / "none.key")}
    refused = limen({"LIMEN_NATS_URL": f"nats://127.0.0.1:{chosen()}"} | files, "serve", "gateway")
    assert refused.returncode == 2
    assert "LIMEN_TLS_CERTIFICATE" in refused.stderr


def test_a_service_that_still_waits_can_be_stopped(environ: dict[str, str]) -> None:
    port = chosen()
    away = environ | {"LIMEN_TENANTS_POSTGRES_URL": f"postgresql://x:x@127.0.0.1:{chosen()}/x"}
    with served(away, port, "tenants") as process:
        await_so(lambda: "started tenants" in missing(port))
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_a_service_that_was_started_with_interrupts_ignored_obeys_them(environ: dict[str, str]) -> None:
    """A shell that runs it in the background has them ignored, and `limen` is stopped by them all the same."""
    port = chosen()
    away = environ | {"LIMEN_TENANTS_POSTGRES_URL": f"postgresql://x:x@127.0.0.1:{chosen()}/x"}
    with served(away, port, "tenants", behind=IGNORING) as process:
        await_so(lambda: "started tenants" in missing(port))
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


IGNORING: Final = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")


@contextmanager
def served(
    environ: Mapping[str, str], port: int, *services: str, behind: Sequence[str] = ()
) -> "Iterator[subprocess.Popen[bytes]]":
    told = {**environ, "LIMEN_ADMIN_PORT": str(port)}
    process = subprocess.Popen([*behind, *LIMEN, "serve", *services], env=told, stdout=subprocess.DEVNULL, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def await_so(is_so: Callable[[], object], within: float = 15) -> None:
    until = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < until, "it did not become so"
        time.sleep(0.05)


def run_sql(url: str, statement: str) -> None:
    async def run() -> None:
        connection = await connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())
