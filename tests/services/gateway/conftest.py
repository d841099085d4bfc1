"""A gateway on a real NATS, with a small service behind it that says what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
import uvloop
from blockbuster import BlockBuster
from yarl import URL

from libs.bus import Bus, Outgoing, Serving, Streams
from libs.edge.wire import Reply, Request, decode_request, encode
from libs.eventstore import Envelope, Fact
from libs.eventstore.envelope import to_wire
from libs.eventstore.events import encoded
from libs.eventstore.names import FACTS, stream_of, subject_of, subjects_of
from libs.jose import new_signing_key
from libs.runtime.clock import wall
from libs.runtime.ids import uuid7
from libs.runtime.lifecycle import Lifecycle
from libs.telemetry import logs
from libs.telemetry.readiness import Readiness
from services.gateway import app
from services.key_rotation import events as keys
from services.key_rotation.events import SigningKeyPublished
from services.tenants import events as tenants
from services.tenants.events import TenantOpened, TenantRegistered
from services.token import events as token
from services.token.events import ClientRegistered
from tests.servers import NatsServer

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/.well-known/jwks.json"
HOST = "id.example.com"
KEY = new_signing_key("ES256", kid="k1", now=datetime(2026, 1, 1, tzinfo=UTC), issuer_name=HOST)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that `limen serve` runs."""
    return {"uvloop": uvloop.new_event_loop}


async def until(holds: Callable[[], bool], *, within: float = 8) -> None:
    async def ask() -> bool:
        return holds()

    await until_asked(ask, within=within)


async def until_asked(holds: Callable[[], Awaitable[bool]], *, within: float = 8) -> None:
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110  # the state is another process's
            await asyncio.sleep(0.02)


@dataclass
class Echo:
    """A service that answers with what it was asked, and remembers it."""

    asked: list[Request] = field(default_factory=list)
    reply: Reply | None = None
    waits: float = 0

    async def __call__(self, payload: bytes) -> bytes:
        request = decode_request(payload)
        self.asked.append(request)
        await asyncio.sleep(self.waits)
        if self.reply is not None:
            return encode(self.reply)
        body = msgspec.json.encode({"path": request.path, "query": request.query, "body": request.body.decode()})
        return encode(Reply(1, 200, [("content-type", "application/json"), ("cache-control", "no-store")], body))


class World:
    """Everything around one gateway."""

    def __init__(self, nats: NatsServer, bus: Bus) -> None:
        self.nats = nats
        self.bus = bus
        self.echo = Echo()
        self.servings: list[Serving] = []
        self.readiness = Readiness()
        self.lifecycle = Lifecycle("gateway", {}, self.readiness)
        self.port = 0
        self._last: dict[str, int] = {}

    async def serve(self, *services: str) -> None:
        for service in services:
            self.servings.append(await self.bus.serve(f"edge.v1.{service}", self.echo, queue=service))

    async def open_logs(self) -> None:
        for service in ("tenants", "key_rotation", "token"):
            await Streams(self.bus).create(stream_of(service), subjects_of(service, FACTS), first=1)

    async def say(self, tenant: str, event: Fact) -> None:
        """Append one fact to its service's stream, as the relay would."""
        catalogue = next(
            each for each in (tenants.CATALOGUE, keys.CATALOGUE, token.CATALOGUE) if type(event) in dict(each).values()
        )
        service, name = catalogue.service, catalogue.name_of(type(event))
        pos = self._last.get(service, 0) + 1
        now = datetime.fromtimestamp(wall(), UTC)
        envelope = Envelope(
            id=uuid7(), tenant=tenant, stream=f"{service}-{tenant}", version=pos, log=FACTS, epoch=1, pos=pos,
            type=name, v=1, occurred_at=now, at=now, data=msgspec.Raw(encoded(event).encode()),
        )  # fmt: skip
        await Streams(self.bus).append(
            [Outgoing(subject_of(FACTS, name), to_wire(envelope), {})], expected_last=pos - 1
        )
        self._last[service] = pos

    async def tenant(self, tenant: str = "default", host: str = HOST) -> None:
        await self.say(tenant, TenantRegistered(name=tenant, domain=host, scheme="http"))
        await self.say(tenant, TenantOpened())

    async def key(self, tenant: str = "default") -> None:
        active_from = datetime.fromtimestamp(wall(), UTC) - timedelta(days=1)
        await self.say(tenant, SigningKeyPublished(kid=KEY.kid, alg=KEY.alg, jwk=KEY.jwk, active_from=active_from))

    async def client(self, client_id: str, tenant: str = "default", **properties: list[str]) -> None:
        await self.say(tenant, ClientRegistered(client_id=client_id, properties=properties))

    async def shares(self, origin: str, host: str = HOST) -> None:
        """Wait until scripts of an origin may read the answers of `/oauth/token`."""
        headers = {"origin": origin, "host": host}

        async def is_so() -> bool:
            return "access-control-allow-origin" in (await self.ask("OPTIONS", "/oauth/token", headers=headers)).headers

        await until_asked(is_so)

    async def start(self, **settings: str) -> None:
        environ = {"LIMEN_NATS_URL": self.nats.url, "LIMEN_HOST": "127.0.0.1", "LIMEN_PORT": "0"}
        environ |= {f"LIMEN_{name.upper()}": value for name, value in settings.items()}
        await self.lifecycle.stop()
        self.lifecycle = Lifecycle("gateway", environ, self.readiness)
        sites = await app.start(self.lifecycle)
        (self.port,) = sites.ports

    async def ready(self) -> None:
        await until(lambda: self.readiness.is_ready)

    async def answers(self, status: int, method: str, path: str, **options: Any) -> None:
        """Wait until a request is answered with this status."""

        async def is_so() -> bool:
            return (await self.ask(method, path, **options)).status == status

        await until_asked(is_so)

    async def raw(self, data: bytes, *, within: float = 5) -> bytes:
        """Send bytes, and return everything that comes back until the gateway closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            async with asyncio.timeout(within):
                return await reader.read()
        finally:
            writer.close()

    async def ask(self, method: str, path: str, **options: Any) -> "Answer":
        """One request through a proper client, to the default tenant's host."""
        headers = {"host": HOST} | options.pop("headers", {})
        url = URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, url, headers=headers, allow_redirects=False, **options) as response,
        ):
            return Answer(response.status, dict(response.headers), await response.read())


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __post_init__(self) -> None:
        self.headers = {name.lower(): value for name, value in self.headers.items()}


@pytest.fixture(autouse=True)
def lines_may_be_written(loop_guard: BlockBuster) -> None:
    """Log lines go to stdout only after it was asked whether it takes them."""
    loop_guard.functions["os.write"].can_block_in("telemetry/stdout.py", {"_write_some"})


@pytest.fixture
async def empty(nats: NatsServer) -> AsyncIterator[World]:
    """A NATS without any logs yet, and no gateway."""
    bus = await Bus.connect(nats.url, name="tests")
    made = World(nats, bus)
    yield made
    await made.lifecycle.stop()
    for serving in made.servings:
        await serving.drain(within=1)
    await bus.close()
    logs.flush()  # into this test's captured output


@pytest.fixture
async def world(empty: World) -> World:
    """A ready gateway with one tenant, one key and every service behind it."""
    await empty.open_logs()
    await empty.tenant()
    await empty.key()
    await empty.serve("token", "tenants", "key_rotation", "login", "connections")
    await empty.start()
    await empty.ready()
    return empty
