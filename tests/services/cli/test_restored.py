"""`limen restored` on two databases, of which one is the other's backup: what restricted is said again, once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from libs.bus import Bus, Streams
from libs.eventstore import Context, EventStore, Follower, Relay
from libs.eventstore.deciding import HasTenant
from libs.eventstore.names import stream_of
from libs.eventstore.restored import begin_epoch, bring_along, loss_of
from libs.postgres import Database, Locks
from libs.runtime.ids import client_id
from libs.telemetry.readiness import Readiness
from services.cli import restored
from services.cli.restoring.steps import Place
from services.cli.stack import STORES
from services.key_rotation import app as key_rotation
from services.login.commands import GiveConsent
from services.tenants.commands import ChangeSettings, RegisterTenant
from services.token.commands import (
    AddClientCredential,
    ChangeClient,
    ChangeClientCredential,
    ChangeResourceServer,
    DeleteClient,
    DeleteClientCredential,
    DeleteResourceServer,
    GrantClient,
    NewCredential,
    NewSecret,
    RegisterClient,
    RegisterResourceServer,
)
from services.token.rules.client import Client
from services.token.rules.client_credentials import counting
from tests.conftest import Background, MakeDatabase, OpenBus, eventually
from tests.servers import Addresses, NatsServer, PostgresServer

T: Final = "acme"
SERVICES: Final = {service: restored._service(service) for service in STORES}
MIGRATIONS: Final = {service: known.migrations for service, known in SERVICES.items()}


@dataclass
class World:
    """One database of the three services, with the bus they share."""

    addresses: Addresses
    bus: Bus
    nats_url: str
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        urls = {f"LIMEN_{service.upper()}_POSTGRES_URL": url for service, url in self.addresses.of.items()}
        return {**urls, "LIMEN_NATS_URL": self.nats_url, "LIMEN_DATA_DIR": str(self.folder)}

    @asynccontextmanager
    async def opened(self, service: str) -> AsyncIterator[EventStore]:
        database = await Database.open(self.addresses.of[service], schema=service, most=3)
        try:
            known = SERVICES[service]
            yield EventStore(database, known.catalogue, self.bus, known.commands)
        finally:
            await database.close()

    async def decide(self, service: str, *commands: HasTenant) -> None:
        async with self.opened(service) as store:
            for command in commands:
                await store.execute(command, Context())

    async def state(self, service: str, command: HasTenant) -> Any:
        async with self.opened(service) as store:
            return await Place(store, {}).state(command)

    async def mirror(self, background: Background, *services: str) -> None:
        """Mirror the facts as far as they go."""
        for service in services:
            async with self.opened(service) as store, locks(self.addresses.of[service]) as held:
                stop = background(Relay(store, self.bus, held, Readiness(), log="facts").run())
                await eventually(partial(self._is_level, store))
                await stop()

    async def _is_level(self, store: EventStore) -> bool:
        state = await Streams(self.bus).state(stream_of(store.catalogue.service))
        async with store.database.connection() as rows:
            head = await rows.fetchval("SELECT pos FROM head WHERE log = 'facts'")
        return state is not None and state.last == head

    async def follow(self, background: Background) -> dict[str, Any]:
        """Have `key_rotation` follow tenants to the end of the stream; its checkpoint, and what it knows."""
        state = await Streams(self.bus).state(stream_of("tenants"))
        assert state is not None
        url = self.addresses.of["key_rotation"]
        async with self.opened("key_rotation") as store, locks(url) as held:
            follower = Follower(key_rotation.PROJECTIONS[0], store.database, self.bus, held, Readiness())
            await follower.prepare()
            stop = background(follower.run())
            await eventually(partial(_followed, store.database, state.last))
            await stop()
            async with store.database.connection() as rows:
                point = await rows.fetchrow("SELECT epoch, pos FROM checkpoints")
                found = await rows.fetch("SELECT tenant, allowed_signing_algs FROM tenants_v1")
        return {**dict(point or {}), **{row["tenant"]: row["allowed_signing_algs"] for row in found}}

    async def run(self, *arguments: str) -> int:
        return await asyncio.to_thread(restored.run, arguments, self.environ)


async def _followed(database: Database, pos: int) -> bool:
    async with database.connection() as rows:
        return bool(await rows.fetchval("SELECT 1 FROM checkpoints WHERE pos = $1", pos))


@asynccontextmanager
async def locks(url: str) -> AsyncIterator[Locks]:
    held = Locks(url, "tests")
    try:
        yield held
    finally:
        await held.close()


@pytest.fixture
async def live(make_database: MakeDatabase, open_bus: OpenBus, nats: NatsServer, tmp_path: Path) -> World:
    return World(await make_database(**MIGRATIONS), await open_bus("limen"), nats.url, tmp_path)


@pytest.fixture
async def at_end() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def backup(live: World, postgres: PostgresServer, at_end: AsyncExitStack) -> World:
    """A copy of the database as it is now; nobody may be connected."""
    name = f"{live.addresses.name}_older"
    await eventually(partial(_copied, postgres, live.addresses.name, name))
    of = {service: postgres.url(name, f"limen_{service}") for service in STORES}
    copy = Addresses(name, postgres.url(name), of)
    at_end.push_async_callback(postgres.drop, copy)
    return World(copy, live.bus, live.nats_url, live.folder)


async def _copied(postgres: PostgresServer, source: str, name: str) -> bool:
    await postgres._run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{source}'",
    )
    await postgres._run(f"CREATE DATABASE {name} TEMPLATE {source}")
    return True


def application(**properties: Any) -> RegisterClient:
    return RegisterClient(T, client_id(), {"name": "an app", **properties}, NewSecret("sec_1", b"1" * 32))


def key(name: str) -> NewCredential:
    return NewCredential(f"cred_{name}", "public_key", name, "RS256", name, {"kty": "RSA", "n": name}, None)


def api(**properties: Any) -> RegisterResourceServer:
    scopes = [{"value": "read"}, {"value": "write"}]
    return RegisterResourceServer(T, "a" * 24, "https://api/", {"name": "api", "scopes": scopes, **properties})


async def the_loss(live: World, older: World, background: Background, lost: Sequence[HasTenant]) -> None:
    await live.decide("token", *lost)
    await live.mirror(background, "token")
    assert await older.run("--yes") == 0


async def test_keys_that_were_changed_stay_changed(
    live: World, postgres: PostgresServer, at_end: AsyncExitStack, background: Background
) -> None:
    signs, moved = application(), application()
    enables, deletes = application(), application()
    two = RegisterClient(T, signs.client_id, {"name": "signs"}, None, (key("one"), key("two")))
    last = RegisterClient(T, deletes.client_id, {"name": "deletes"}, None, (key("five"),))
    beside = AddClientCredential(T, enables.client_id, key("four"))
    await live.decide("token", two, moved, enables, beside, last)
    older = await backup(live, postgres, at_end)
    lost: list[HasTenant] = [
        ChangeClientCredential(T, signs.client_id, "cred_two", "2099-01-01T00:00:00+00:00"),
        ChangeClient(T, signs.client_id, {}, ("cred_two",)),
        ChangeClient(T, moved.client_id, {"token_endpoint_auth_method": None}, (key("three"),)),
        ChangeClient(T, enables.client_id, {"token_endpoint_auth_method": None}, ("cred_four",)),
        ChangeClient(T, deletes.client_id, {}, ()),
        DeleteClientCredential(T, deletes.client_id, "cred_five"),
    ]
    await the_loss(live, older, background, lost)
    signing = await older.state("token", DeleteClient(T, signs.client_id))
    assert isinstance(signing, Client)
    assert counting(signing.credentials) == ("cred_two",)
    assert signing.credentials["cred_two"].expires_at == datetime(2099, 1, 1, tzinfo=UTC)
    for each in (moved, enables):
        secret = await older.state("token", DeleteClient(T, each.client_id))
        assert "sec_1" not in secret.secrets
    assert (await older.state("token", DeleteClient(T, deletes.client_id))).credentials == {}


async def test_lists_methods_and_apis_are_as_restricted_as_before(
    live: World, postgres: PostgresServer, at_end: AsyncExitStack, background: Background
) -> None:
    app = application(grant_types=["client_credentials", "password"], callbacks=["https://a/", "https://b/"])
    gone = RegisterResourceServer(T, "b" * 24, "https://gone/", {"name": "gone"})
    grant = GrantClient(T, app.client_id, "cgr_1", "https://api/", ("read", "write"), {})
    await live.decide("token", api(token_lifetime=9000), gone, app, grant)
    older = await backup(live, postgres, at_end)
    wider = {"callbacks": ["https://b/", "https://new/"], "grant_types": ["client_credentials"]}
    narrower = {"scopes": [{"value": "read"}, {"value": "new"}], "token_lifetime": 60}
    lost: list[HasTenant] = [
        ChangeClient(T, app.client_id, {**wider, "token_endpoint_auth_method": "client_secret_post"}),
        ChangeResourceServer(T, "a" * 24, narrower),
        DeleteResourceServer(T, "b" * 24),
    ]
    await the_loss(live, older, background, lost)
    client = await older.state("token", DeleteClient(T, app.client_id))
    assert client.properties["callbacks"] == ["https://b/"]
    assert client.properties["grant_types"] == ["client_credentials"]
    assert client.properties["token_endpoint_auth_method"] == "client_secret_post"
    server = await older.state("token", DeleteResourceServer(T, "a" * 24))
    assert server.properties["scopes"] == [{"value": "read"}]
    assert server.properties["token_lifetime"] == 60
    assert not hasattr(await older.state("token", DeleteResourceServer(T, "b" * 24)), "identifier")


async def test_a_run_that_was_interrupted_is_finished_by_another(
    live: World, postgres: PostgresServer, at_end: AsyncExitStack, background: Background,
    capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    app = application()
    await live.decide("token", app)
    older = await backup(live, postgres, at_end)
    await live.decide("token", ChangeClient(T, app.client_id, {}, (key("one"),)))
    await live.mirror(background, "token")
    async with older.opened("token") as store:
        loss = await loss_of(store.database, older.bus, "token", "facts")
        assert loss is not None
        assert (loss.common, loss.epoch) == (2, 2)
        run = restored.Restoring(older.bus, {"token": store.database}, SERVICES, older.environ, is_dry=False)
        _, facts = await run._saved(loss)
        await run._reapply(SERVICES["token"], facts)
        await begin_epoch(store.database, loss)
        before = await rows_of(store, "SELECT pos, id FROM facts ORDER BY pos")
    assert await older.run("--yes") == 0
    async with older.opened("token") as store:
        after = await rows_of(store, "SELECT pos, id FROM facts ORDER BY pos")
        assert after[:-1] == before
        assert await rows_of(store, "SELECT epoch FROM head WHERE log = 'facts'") == [(2,)]
        (last,) = await rows_of(store, "SELECT type, data FROM facts ORDER BY pos DESC LIMIT 1")
        assert last[0] == "token.log_restored"
    capsys.readouterr()
    assert await older.run("--yes") == 0
    assert "nothing to do" in capsys.readouterr().out


async def test_settings_stay_narrow_and_followers_of_what_is_lost_follow_anew(
    live: World, postgres: PostgresServer, at_end: AsyncExitStack, background: Background
) -> None:
    register = RegisterTenant(tenant=T, name="Acme", domain="acme.example")
    wide = ChangeSettings(tenant=T, settings={"allowed_signing_algs": ["RS256", "ES256"], "session_lifetime": 100})
    await live.decide("tenants", register, wide)
    older = await backup(live, postgres, at_end)
    narrow = ChangeSettings(tenant=T, settings={"allowed_signing_algs": ["RS256", "PS256"], "session_lifetime": 50})
    other = RegisterTenant(tenant="lost", name="Lost", domain="lost.example")
    await live.decide("tenants", narrow, other)
    await live.mirror(background, "tenants")
    assert "lost" in await older.follow(background)
    assert await older.run("--yes") == 0
    entry = await older.state("tenants", ChangeSettings(tenant=T, settings={}))
    assert entry.tenant.settings["allowed_signing_algs"] == ["RS256"]
    assert entry.tenant.settings["session_lifetime"] == 50
    await older.mirror(background, "tenants")
    assert await older.follow(background) == {"epoch": 2, "pos": 4, T: ["RS256"]}


async def test_a_follower_that_knows_only_what_is_common_goes_on(
    live: World, postgres: PostgresServer, at_end: AsyncExitStack, background: Background
) -> None:
    await live.decide("tenants", RegisterTenant(tenant=T, name="Acme", domain="acme.example"))
    await live.mirror(background, "tenants")
    await live.follow(background)
    older = await backup(live, postgres, at_end)
    await live.decide("tenants", ChangeSettings(tenant=T, settings={"session_lifetime": 50}))
    await live.mirror(background, "tenants")
    async with older.opened("tenants") as store, older.opened("key_rotation") as follows:
        loss = await loss_of(store.database, older.bus, "tenants", "facts")
        assert loss is not None
        assert await bring_along(follows.database, loss) == []
        assert await rows_of(follows, "SELECT epoch, pos FROM checkpoints") == [(2, 1)]


GRANT: Final = """
INSERT INTO grants (tenant, grant_id, version, handle, salt, client_id, person, session_id, scope, auth_time, amr,
                    is_offline, created_at)
SELECT 'acme', $1, 1, sha256($1::bytea), 'salt', $1, 'p1', 's1', '{openid}', now(), '{pwd}', true, now()
"""
CODE: Final = """
INSERT INTO codes (tenant, sha256, transaction, client_id, redirect_uri, scope, person, session_id, auth_time, amr)
VALUES ('acme', 'x', 't', 'app', 'https://a/', '{openid}', 'p1', 's1', now(), '{pwd}')
"""
TICKET: Final = "INSERT INTO tickets VALUES ('acme', 'p1', 'reset', 'x', now(), now() + interval '1 hour', '{}')"
LOGIN: Final = """
INSERT INTO transactions (tenant, id, binding, client_id, asked, expires_at)
VALUES ('acme', 't', 'x', 'app', 'x', now() + interval '1 hour')
"""


async def test_what_counts_once_may_have_been_used_and_counts_no_more(
    live: World, postgres: PostgresServer, at_end: AsyncExitStack, background: Background
) -> None:
    rotating = application(refresh_token={"rotation_type": "rotating"})
    lasting = application()
    await live.decide("token", rotating, lasting)
    async with live.opened("token") as store:
        for each in (rotating, lasting):
            await rows_of(store, GRANT.replace("$1", f"'{each.client_id}'"))
        await rows_of(store, CODE)
    async with live.opened("login") as store:
        await rows_of(store, TICKET)
        await rows_of(store, LOGIN)
    older = await backup(live, postgres, at_end)
    await live.decide("login", GiveConsent(T, "c" * 24, "p1", "app", None, ("openid",)))
    await live.mirror(background, "login")
    await the_loss(live, older, background, [application()])
    async with older.opened("token") as store:
        epochs = await rows_of(store, "SELECT client_id, epoch FROM grants")
        assert dict(epochs) == {rotating.client_id: 2, lasting.client_id: 1}
        assert await rows_of(store, "SELECT 1 FROM codes WHERE expires_at > clock_timestamp()") == []
    async with older.opened("login") as store:
        assert await rows_of(store, "SELECT 1 FROM tickets") == []
        assert await rows_of(store, "SELECT 1 FROM transactions") == []


async def rows_of(store: EventStore, sql: str) -> list[tuple[Any, ...]]:
    async with store.database.connection() as rows:
        return [tuple(row) for row in await rows.fetch(sql)]
