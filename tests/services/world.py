"""`tenants` and `key_rotation` on a real Postgres and NATS, with small logs that play `token` and `connections`.

async with World(addresses, nats.url) as world:
    await world.tenant("acme", "id.acme.example")
    answer = await world.management("tenants", "GET", "/api/v2/tenants/settings", scope="read:tenant_settings")
"""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from libs.bus import Bus
from libs.edge.asks import ask
from libs.edge.wire import VERSION, Reply, Request, decode_reply, encode
from libs.eventstore import Catalogue, Context, Event, EventStore, Handler, Loaded, Relay
from libs.eventstore.opening import migrations_of
from libs.jose import Signer, private_key_from_der
from libs.postgres import Connection, Database, Locks
from libs.runtime.clock import Clock, wall
from libs.runtime.ids import text
from libs.runtime.lifecycle import Lifecycle
from libs.sealed import Keyring, associated_data, keyring_from_text
from libs.telemetry.readiness import Readiness
from services.connections.commands import DATABASE
from services.connections.events import CATALOGUE as CONNECTION_FACTS
from services.connections.events import ConnectionCreated
from services.key_rotation import app as key_rotation
from services.key_rotation.commands import SigningKeysAnswer, SigningKeysOf, Times, purpose_of
from services.key_rotation.events import CATALOGUE as KEY_FACTS
from services.key_rotation.reactions import KeyMaking
from services.key_rotation.vaults.forge import Forge
from services.tenants import app as tenants
from services.tenants.commands import ReadTenant, Registered, RegisterTenant, TenantAnswer
from services.token.events import CATALOGUE as TOKEN_FACTS
from services.token.events import ResourceServerRegistered
from tests.conftest import eventually
from tests.servers import LOG, Addresses

KEK: Final = f"k1:{urlsafe_b64encode(bytes(32)).decode().rstrip('=')}"
SCHEMAS: Final = {
    "tenants": migrations_of("tenants"),
    "key_rotation": migrations_of("key_rotation"),
    "token": LOG,
    "connections": LOG,
}
MANAGEMENT_SCOPES: Final = (
    "read:tenant_settings update:tenant_settings read:signing_keys update:signing_keys "
    "read:branding update:branding read:prompts update:prompts "
    "read:attack_protection update:attack_protection"
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


class Say(msgspec.Struct, frozen=True):
    """The command of a log that plays a service: say these facts."""

    tenant: str
    facts: tuple[Event, ...]


class Words:
    """Its aggregate, which remembers nothing; each command is a stream of its own."""

    def stream(self, _command: Say) -> str:
        return text(12)

    async def load(self, _rows: Connection, _command: Say) -> Loaded[None]:
        return Loaded(None, 0)

    def evolve(self, state: None, _event: Event) -> None:
        return state

    async def save(self, rows: Connection, command: Say, before: Loaded[None], after: Loaded[None]) -> None:
        pass


def say(command: Say, _state: None, _now: datetime) -> Sequence[Event]:
    return command.facts


class World:
    """The running services, and what a test does with them."""

    def __init__(
        self,
        addresses: Addresses,
        nats_url: str,
        *,
        environ: Mapping[str, str] | None = None,
        services: Sequence[str] = ("tenants", "key_rotation", "token", "connections"),
    ) -> None:
        self.addresses = addresses
        self.nats_url = nats_url
        self.environ = dict(environ or {})
        self.services = services
        self.readiness = Readiness()
        self.keyring: Keyring = keyring_from_text(KEK)
        self.bus: Bus
        self.said: EventStore
        self.connecting: EventStore | None = None
        self.hosts: dict[str, str] = {}
        self.acme = "acme"  # whose the requests are that name no tenant
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _start(self) -> None:
        self.bus = await Bus.connect(self.nats_url, name="limen")
        self._stack.push_async_callback(self.bus.close)
        async with asyncio.TaskGroup() as starting:
            for name in self.services:
                starting.create_task(getattr(self, f"_start_{name}")())
        await eventually(lambda: self.readiness.is_ready, within=10)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def lifecycle(self, service: str) -> Lifecycle:
        environ = {"LIMEN_POSTGRES_URL": self.addresses.of[service], "LIMEN_NATS_URL": self.nats_url, **self.environ}
        lifecycle = Lifecycle(service, environ, self.readiness)
        self._stack.push_async_callback(lifecycle.stop)
        return lifecycle

    def _locks(self, service: str) -> Locks:
        locks = Locks(self.addresses.of[service], service)
        self._stack.push_async_callback(locks.close)
        return locks

    async def _start_tenants(self) -> None:
        await tenants.start(self.lifecycle("tenants"), self._locks("tenants"))

    async def _start_key_rotation(self) -> None:
        await key_rotation.start(self.lifecycle("key_rotation"), self._locks("key_rotation"), self.keyring)

    async def making(self) -> KeyMaking:
        """What another replica's leader would do."""
        database = await Database.open(self.addresses.of["key_rotation"], schema="key_rotation", most=2)
        self._stack.push_async_callback(database.close)
        store = EventStore(database, KEY_FACTS, self.bus, key_rotation.COMMANDS)
        times = Times(max_age=timedelta(minutes=10), lead=timedelta(hours=24), rotation=timedelta(days=90))
        return KeyMaking(store, Forge(self.keyring, Clock()), times)

    async def _start_token(self) -> None:
        self.said = await self._played(TOKEN_FACTS)

    async def _start_connections(self) -> None:
        self.connecting = await self._played(CONNECTION_FACTS)

    async def _played(self, catalogue: Catalogue) -> EventStore:
        """A log that plays a service: it says what it is told to say."""
        service = catalogue.service
        lifecycle = self.lifecycle(service)
        database = await Database.open(self.addresses.of[service], schema=service, most=2)
        lifecycle.on_stop(database.close)
        store = EventStore(database, catalogue, self.bus, {Say: Handler(Words(), say)})
        relay = Relay(store, self.bus, self._locks(service), self.readiness, log="facts")
        lifecycle.background("relay", relay.run())
        return store

    async def tenant(self, tenant: str, domain: str) -> None:
        """Register a tenant, play the others' parts of it, and wait until it is open."""
        self.hosts[tenant] = domain
        command = RegisterTenant(tenant=tenant, name=tenant, domain=domain, scheme="https")
        await ask(self.bus, "tenants", "register", command, Registered)
        await self.token_prepared(tenant)
        await self.connections_prepared(tenant)
        await eventually(lambda: self._is_open(tenant), within=10)

    async def token_prepared(self, tenant: str) -> None:
        fact = ResourceServerRegistered(id="a" * 24, identifier="x", is_system=True, properties={})
        await self.said.execute(Say(tenant, (fact,)), Context())

    async def connections_prepared(self, tenant: str) -> None:
        if self.connecting is None:
            return  # the service itself is there
        fact = ConnectionCreated(connection_id="con_0123456789abcdef", name=DATABASE, strategy="auth0", properties={})
        await self.connecting.execute(Say(tenant, (fact,)), Context())

    async def _is_open(self, tenant: str) -> bool:
        answer = await ask(self.bus, "tenants", "read", ReadTenant(tenant=tenant), TenantAnswer)
        return answer.is_open

    async def wrapped(self, tenant: str) -> SigningKeysAnswer:
        return await ask(self.bus, "key_rotation", "signing_keys", SigningKeysOf(tenant=tenant), SigningKeysAnswer)

    async def signer(self, tenant: str, alg: str = "RS256") -> Signer:
        """The tenant's current key, fetched and opened as `token` does it."""
        keys = [key for key in (await self.wrapped(tenant)).keys if key.alg == alg]
        due = [key for key in keys if key.active_from.timestamp() <= wall() + 0.1][-1]
        purpose = associated_data(**purpose_of(tenant, due.kid, due.alg))
        der = self.keyring.unwrap(due.wrapped, aad=purpose)
        return Signer(alg, due.kid, private_key_from_der(der))

    async def token(self, tenant: str, *, scope: str = MANAGEMENT_SCOPES, **claims: Any) -> str:
        issuer = f"https://{self.hosts[tenant]}/"
        now = int(wall())
        said = {"iss": issuer, "aud": f"{issuer}api/v2/", "sub": "app@clients", "azp": "app", "scope": scope}
        return (await self.signer(tenant)).sign(said | {"iat": now, "exp": now + 60, "jti": text(8)} | claims)

    async def management(
        self,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        tenant: str | None = None,
        token: str | None = None,
        query: str = "",
        named: str | None = None,
        prefer: str | None = None,
    ) -> Answer:
        """A request as the gateway passes it on."""
        reply = await self.asked(
            service, method, path, body, tenant=tenant, token=token, query=query, named=named, prefer=prefer
        )
        return Answer(reply.status, dict(reply.headers), json.loads(reply.body) if reply.body else None)

    async def asked(
        self,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        tenant: str | None = None,
        token: str | None = None,
        query: str = "",
        named: str | None = None,
        prefer: str | None = None,
    ) -> Reply:
        """The same, answered in bytes."""
        tenant = tenant or self.acme
        token = await self.token(tenant) if token is None else token
        headers = [("content-type", "application/json")] if body is not None else []
        headers += [("authorization", f"Bearer {token}")] if token else []
        headers += [("idempotency-key", named)] if named else []
        headers += [("prefer", prefer)] if prefer else []
        request = Request(
            VERSION,
            method,
            "https",
            self.hosts[tenant],
            path,
            query,
            headers,
            b"" if body is None else json.dumps(body).encode(),
            "192.0.2.1",
            None,
            tenant,
            text(8),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            wall() + 5,
        )
        return decode_reply(await self.bus.request(f"edge.v1.{service}", encode(request), timeout=5))

    async def facts(self, service: str, tenant: str | None = None) -> list[Any]:
        """A service's log as its database holds it."""
        async with self.database(service) as database, database.connection() as rows:
            found = await rows.fetch(
                "SELECT pos, stream, version, type, data, meta FROM facts "
                "WHERE tenant = coalesce($1, tenant) ORDER BY pos",
                tenant,
            )
        return list(found)

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[Database]:
        """A look into a service's schema."""
        database = await Database.open(self.addresses.of[service], schema=service, most=1)
        try:
            yield database
        finally:
            await database.close()
