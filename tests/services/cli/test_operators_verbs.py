"""What an operator asks of a stack: `events tail`, `verify`, `rebuild`, `projection`, against real servers."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from libs.bus import Streams
from libs.eventstore import Context, EventStore, Follower, Relay
from libs.eventstore.opening import migrations_of
from libs.postgres import Database, Locks
from libs.telemetry.readiness import Readiness
from services.cli import doctor, events, projection, rebuild, stack, verify
from services.cli.errors import Refused
from services.key_rotation import app as key_rotation
from services.tenants import app as tenants
from services.tenants.commands import RegisterTenant
from services.tenants.events import CATALOGUE
from tests.conftest import Background, MakeDatabase, OpenBus, OpenDatabase, eventually
from tests.servers import NatsServer

MIGRATIONS: Final = {service: migrations_of(service) for service in stack.STORES}


@dataclass
class Stack:
    """Enough of one for the verbs."""

    environ: dict[str, str]
    store: EventStore
    follower: Database

    async def register(self, name: str) -> None:
        command = RegisterTenant(tenant=name, name=name, domain=f"{name}.example", scheme="https")
        await self.store.execute(command, Context())


@pytest.fixture
async def running(
    make_database: MakeDatabase, open_database: OpenDatabase, open_bus: OpenBus, nats: NatsServer,
    background: Background
) -> AsyncIterator[Stack]:  # fmt: skip
    addresses = await make_database(**MIGRATIONS)
    urls = {f"LIMEN_{service.upper()}_POSTGRES_URL": url for service, url in addresses.of.items()}
    bus = await open_bus("tenants")
    database = await open_database(addresses.of["tenants"], "tenants")
    store = EventStore(database, CATALOGUE, bus, tenants.COMMANDS)
    locks = Locks(addresses.of["tenants"], "tests")
    background(Relay(store, bus, locks, Readiness(), log="facts").run())
    theirs = await open_database(addresses.of["key_rotation"], "key_rotation")
    their_locks = Locks(addresses.of["key_rotation"], "tests")
    follower = Follower(key_rotation.PROJECTIONS[0], theirs, bus, their_locks, Readiness())
    await follower.prepare()
    background(follower.run())
    environ = {**urls, "LIMEN_POSTGRES_URL": addresses.operator, "LIMEN_NATS_URL": nats.url}
    yield Stack(environ, store, theirs)
    await locks.close()
    await their_locks.close()


async def followed(running: Stack, pos: int) -> None:
    async def is_there() -> bool:
        async with running.follower.connection() as rows:
            return bool(await rows.fetchval("SELECT 1 FROM checkpoints WHERE pos = $1", pos))

    await eventually(is_there)


async def said(
    capsys: pytest.CaptureFixture[str], verb: object, environ: dict[str, str], *arguments: str
) -> tuple[int, list[str]]:
    code = await asyncio.to_thread(partial(verb.run, arguments, environ))  # type: ignore[attr-defined]
    return code, capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("is_away", ["", "LIMEN_NATS_URL", "postgres"])
async def test_events_are_told_from_a_position_on(
    running: Stack, capsys: pytest.CaptureFixture[str], is_away: str
) -> None:
    for name in ("one", "two", "three"):
        await running.register(name)
    await followed(running, 3)
    environ = {name: url for name, url in running.environ.items() if not is_away or is_away not in (name, name.lower())}
    if is_away == "postgres":
        environ = {"LIMEN_NATS_URL": environ["LIMEN_NATS_URL"]}
    code, lines = await said(
        capsys,
        events,
        environ,
        "tail",
        "--service",
        "tenants",
        "--log",
        "facts",
        "--from",
        "2",
        "--json",
        "--no-follow",
    )
    told = [json.loads(line) for line in lines if line.startswith('{"id"')]
    assert code == 0
    assert [(each["pos"], each["type"], each["tenant"]) for each in told] == [
        (2, "tenants.tenant_registered", "two"),
        (3, "tenants.tenant_registered", "three"),
    ]
    assert told[0]["data"]["domain"] == "two.example"


async def test_a_person_reads_a_line_per_event(running: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    await running.register("one")
    _, lines = await said(capsys, events, running.environ, "tail", "--no-follow")
    assert any(" facts 1 tenants.tenant_registered of one tenant-one@1 " in line for line in lines)


async def test_a_tail_follows_from_the_end_until_interrupted(running: Stack) -> None:
    await running.register("before")
    program = "import os, sys; from services.cli.main import command; sys.exit(command(sys.argv[1:], os.environ))"
    tail = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, "events", "tail", "--json",
        env={**running.environ, "PATH": os.defpath, "LIMEN_DATA_DIR": "/nowhere"},
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert tail.stdout is not None
    heard = asyncio.ensure_future(tail.stdout.readline())
    for number in range(40):
        await running.register(f"after{number}")
        done, _ = await asyncio.wait([heard], timeout=0.25)
        if done:
            break
    assert json.loads(await heard)["tenant"].startswith("after")
    tail.send_signal(2)
    assert await asyncio.wait_for(tail.wait(), 5) == 130


async def test_verifying_agrees_and_then_differs(running: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    await running.register("one")
    await followed(running, 1)
    code, lines = await said(capsys, verify, running.environ)
    assert (code, lines[-1]) == (0, "all agrees")
    async with running.store.database.transaction() as rows:
        await rows.execute("DELETE FROM tenants")
    code, lines = await said(capsys, verify, running.environ, "--service", "tenants")
    assert code == 1
    assert any(line.startswith("DIFF  tenants: tenants tenant-one of one: its facts say") for line in lines)


async def test_the_doctor_looks_through_each_services_own_role_where_there_is_no_operator(
    running: Stack, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    await running.register("one")
    await followed(running, 1)
    environ = {name: url for name, url in running.environ.items() if name != "LIMEN_POSTGRES_URL"}
    _, lines = await said(capsys, doctor, environ | {"LIMEN_DATA_DIR": str(tmp_path)})
    assert "ok    log tenants.facts: NATS is level at position 1, epoch 1" in lines
    assert "ok    follower key_rotation.tenants_v1: has applied EVT_TENANTS_0 up to 1" in lines
    assert not [line for line in lines if "no address" in line]


async def test_the_doctor_sees_activity_that_a_database_lost_whole(
    running: Stack, capsys: pytest.CaptureFixture[str], open_bus: OpenBus, tmp_path: Path
) -> None:
    bus = await open_bus("limen")
    await Streams(bus).create("ACT_TENANTS_0", ["act.tenants.>"], first=1, due=2)
    await bus.publish("act.tenants.tried", b"{}")
    await eventually(partial(Streams(bus).message, "ACT_TENANTS_0", 1))
    _, lines = await said(capsys, doctor, running.environ | {"LIMEN_DATA_DIR": str(tmp_path)})
    assert [line for line in lines if line.startswith("fail  log tenants.activity: NATS is ahead by 1")]


async def test_a_rebuild_is_equal_and_then_differs(running: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    await running.register("one")
    await followed(running, 1)
    name = key_rotation.PROJECTIONS[0].name
    environ, full = running.environ, f"key_rotation.{name}"
    code, lines = await said(capsys, rebuild, environ, full)
    assert code == 0, lines
    async with running.follower.transaction() as rows:
        await rows.execute(f"DELETE FROM {name}")
    assert (await said(capsys, rebuild, environ, full))[0] == 1
    code, lines = await said(capsys, rebuild, environ, full, "--accept-difference")
    assert (code, "1 rows differ, swapped all the same" in lines[-1]) == (0, True)
    with pytest.raises(Refused, match="no read model"):
        rebuild.run(["nothing"], environ)


async def test_followers_are_listed_and_a_halted_one_is_skipped(
    running: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    await running.register("one")
    await followed(running, 1)
    name = key_rotation.PROJECTIONS[0].name
    _, lines = await said(capsys, projection, running.environ, "list", "--json")
    assert [json.loads(line)["pos"] for line in lines if f'"{name}"' in line] == [1]
    with pytest.raises(Refused, match="not halted"):
        await said(capsys, projection, running.environ, "skip", name)
    with pytest.raises(Refused, match="no projection"):
        await said(capsys, projection, running.environ, "skip", "nothing")
    async with running.follower.transaction() as rows:
        await rows.execute("UPDATE checkpoints SET halted = 'the event at 2: it is poison'")
    code, lines = await said(capsys, projection, running.environ, "skip", name)
    assert (code, lines[-1].split(":")[0]) == (0, f"{name} of key_rotation goes on behind position 2 of EVT_TENANTS_0")
    async with running.follower.connection() as rows:
        assert await rows.fetchval("SELECT type FROM facts") == "key_rotation.projection_skipped"
