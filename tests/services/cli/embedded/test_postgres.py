"""The embedded Postgres and what deploy/postgres/roles.sql makes of it."""

import os
import shutil
import stat
import tempfile
from pathlib import Path
from pwd import getpwnam

import asyncpg
import pytest

from libs.postgres import NotAdmitted, connect
from services.cli.datadir import DataDir
from services.cli.embedded import binaries
from services.cli.embedded import postgres as embedded
from services.cli.embedded.ports import KeptPorts
from services.cli.roles import apply_roles, passwords_in
from services.cli.servers import postgres_server
from tests.services.cli.embedded.conftest import Running, running

SERVICES = ("tenants", "token", "key_rotation")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")


def addresses(postgres: Running) -> dict[str, str]:
    return {service: postgres.server.urls[f"LIMEN_{service.upper()}_POSTGRES_URL"] for service in SERVICES}


@pytest.fixture
async def urls(postgres: Running) -> dict[str, str]:
    urls = addresses(postgres)
    for _ in range(2):  # it may be applied again at any time
        await apply_roles(postgres.server.url, passwords_in(urls))
    return urls


async def test_the_database_is_durable_checked_and_sorted_by_code_point(postgres: Running) -> None:
    connection = await connect(postgres.server.url)
    try:
        for name, value in {"fsync": "on", "synchronous_commit": "on", "data_checksums": "on", "jit": "off"}.items():
            assert await connection.fetchval("SELECT current_setting($1)", name) == value
        assert await connection.fetchval("SELECT datlocale FROM pg_database WHERE datname = 'limen'") == "C.UTF-8"
        assert await connection.fetchval("SELECT upper('é')") == "É"
        assert await connection.fetchval("SHOW unix_socket_directories") == ""
    finally:
        await connection.close()


async def test_a_password_is_asked_for(postgres: Running) -> None:
    with pytest.raises(NotAdmitted):
        await connect(postgres.server.url.replace(":p", ":q", 1))


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_has_its_own_schema_and_bounds(urls: dict[str, str], service: str) -> None:
    connection = await connect(urls[service])
    try:
        await connection.execute("CREATE TABLE thing (id int); DROP TABLE thing")
        assert await connection.fetchval("SELECT current_schema()") == service
        bounds = {"idle_in_transaction_session_timeout": "1s", "lock_timeout": "2s", "transaction_timeout": "5s"}
        for name, value in bounds.items():
            assert await connection.fetchval("SELECT current_setting($1)", name) == value
    finally:
        await connection.close()


async def test_a_service_enters_no_other_schema_not_even_public(urls: dict[str, str]) -> None:
    connection = await connect(urls["token"])
    try:
        for schema in ("tenants", "key_rotation", "public"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"CREATE TABLE {schema}.thing (id int)")
    finally:
        await connection.close()


async def test_a_role_that_was_not_named_may_not_connect(postgres: Running, urls: dict[str, str]) -> None:
    assert urls
    admin = await connect(postgres.server.url)
    try:
        await admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'x'")
        port = postgres.server.url.rpartition(":")[2].partition("/")[0]
        with pytest.raises(NotAdmitted, match="permission denied"):
            await connect(f"postgresql://stranger:x@127.0.0.1:{port}/limen")
        await admin.execute("DROP ROLE stranger")
    finally:
        await admin.close()


def test_only_passwords_of_the_roles_made_here_are_set() -> None:
    urls = {"token": "postgresql://limen_token:a%40b@h/d", "tenants": "postgresql://other:x@h/d"}
    assert passwords_in(urls) == {"token": "a@b"}


def test_a_start_that_was_interrupted_while_making_the_database_begins_again() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home = embedded.Home(binaries.postgres(None).path.parent, Path(folder) / "postgres", _user())
        (Path(folder) / "postgres.new").mkdir()
        (Path(folder) / "postgres.new" / "half").touch()
        embedded.prepare(home, 1, "password")
        assert not home.is_new
        assert not list(Path(folder).glob("postgres.new*"))


def _user() -> int | None:
    return getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


@needs_root
def test_a_closed_home_of_root_keeps_its_database_where_nobody_can_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as closed, tempfile.TemporaryDirectory() as outside:
        monkeypatch.setattr(embedded, "OUTSIDE", Path(outside) / "limen")
        Path(outside).chmod(0o755)
        assert stat.S_IMODE(Path(closed).stat().st_mode) == 0o700
        bundle = Path(closed) / "venv"
        tree = next(folder for folder in binaries._wheel())
        for part in (tree / "pginstall18", tree.with_name(f"{tree.name}.libs")):
            shutil.copytree(part, bundle / part.relative_to(tree.parent), symlinks=True)
        program = binaries._bundled(bundle / tree.name / "pginstall18" / "bin" / "postgres")
        data = DataDir(Path(closed) / "data")
        data.make()
        home = embedded.home(data, program)
        assert home.database.is_relative_to(outside)
        assert home.binaries.is_relative_to(outside)
        port = KeptPorts(data).server("postgres")
        embedded.prepare(home, port, "secret")
        with running(embedded.program(home, data, port), data.logs / "postgres.log"):
            pass
        assert embedded.home(data, program) == home
        shutil.rmtree(data.path)
        data.make()
        assert embedded.home(data, program).database != home.database


async def test_external_servers_get_roles_of_ours_in_their_addresses(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    data.make()
    environ = {"LIMEN_POSTGRES_URL": "postgresql://admin:pw@db.example:5433/id?sslmode=require"}
    environ["LIMEN_TENANTS_POSTGRES_URL"] = "postgresql://mine:x@db.example/id"
    server = postgres_server(data, environ, KeptPorts(data))
    assert server.program is None
    assert server.url == environ["LIMEN_POSTGRES_URL"]
    assert server.urls["LIMEN_TENANTS_POSTGRES_URL"] == environ["LIMEN_TENANTS_POSTGRES_URL"]
    assert server.urls["LIMEN_TOKEN_POSTGRES_URL"].startswith("postgresql://limen_token:p")
    assert server.urls["LIMEN_TOKEN_POSTGRES_URL"].endswith("@db.example:5433/id?sslmode=require")
