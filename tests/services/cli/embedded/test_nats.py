"""What deploy/nats.conf allows: shown by connecting with the very credentials `limen up` hands out."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client

from libs.bus import Bus, Outgoing, Reader, Streams
from services.cli.embedded.ports import LOOPBACK
from services.cli.supervisor import Program
from tests.services.cli.embedded.conftest import Running


@asynccontextmanager
async def connected(url: str, user: str) -> AsyncIterator[tuple[Client, asyncio.Queue[str]]]:
    """A connection, and what the server complains about."""
    complaints: asyncio.Queue[str] = asyncio.Queue()

    async def complain(error: Exception) -> None:
        await complaints.put(str(error).lower())

    client = Client()
    await client.connect(url, inbox_prefix=f"_INBOX_{user}", allow_reconnect=False, error_cb=complain)
    try:
        yield client, complaints
    finally:
        await client.close()


def address(nats: Running, user: str) -> str:
    return nats.server.url if user == "limen" else nats.server.urls[f"LIMEN_{user.upper()}_NATS_URL"]


async def denied(nats: Running, user: str, act: Callable[[Client], Any]) -> bool:
    """Whether the server complains about what `user` does: before it complains about what is denied for certain."""
    async with connected(address(nats, user), user) as (client, complaints):
        await act(client)
        await client.publish("never.allowed", b"")
        complaint = await asyncio.wait_for(complaints.get(), 5)
        assert "permissions violation" in complaint
        return "never.allowed" not in complaint


@pytest.mark.security("HD-04")
def test_without_credentials_nobody_enters(nats: Running) -> None:
    where = urlsplit(nats.server.url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=5) as connection:
        connection.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
        with connection.makefile("rb") as said:
            assert said.readline().startswith(b"INFO ")
            assert said.readline() == b"-ERR 'Authorization Violation'\r\n"


@pytest.mark.security("HD-04")
@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("token", "evt.tenants.x"),
        ("token", "edge.v1.tenants"),
        ("token", "$JS.API.STREAM.DELETE.EVT_TENANTS_0"),
        ("token", "$JS.API.STREAM.PURGE.EVT_TENANTS_0"),
        ("token", "$JS.API.STREAM.CREATE.ANOTHER"),
        ("key_rotation", "svc.v1.token.x"),
        ("gateway", "evt.token.x"),
        ("gateway", "svc.v1.key_rotation.x"),
        ("login", "svc.v1.audit.add"),
        ("login", "svc.v1.audit.remove"),
        ("token", "svc.v1.audit.logs_of"),
        ("audit", "svc.v1.login.people"),
        ("tenants", "$JS.API.CONSUMER.CREATE.ACT_TOKEN_0.x"),
        ("tenants", "$SYS.REQ.SERVER.PING"),
    ],
)
async def test_a_service_may_not_publish(nats: Running, user: str, subject: str) -> None:
    assert await denied(nats, user, lambda client: client.publish(subject, b""))


@pytest.mark.security("HD-04")
@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("token", "edge.v1.tenants"),
        ("token", "_INBOX_gateway.>"),
        ("tenants", "svc.v1.key_rotation.x"),
        ("gateway", ">"),
    ],
)
async def test_a_service_may_not_hear(nats: Running, user: str, subject: str) -> None:
    assert await denied(nats, user, lambda client: client.subscribe(subject))


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("gateway", "edge.v1.token"),
        ("token", "svc.v1.key_rotation.private_key"),
        ("login", "svc.v1.audit.logs_of"),
        ("audit", "svc.v1.login.user"),
        ("token", "evt.token.token_issued"),
        ("tenants", "applied.v1.tenants"),
        ("key_rotation", "nudge.v1.key_rotation"),
    ],
)
async def test_a_service_may_publish(nats: Running, user: str, subject: str) -> None:
    assert not await denied(nats, user, lambda client: client.publish(subject, b""))


async def test_requests_are_answered_across_services(nats: Running) -> None:
    async def answer(message: Any) -> None:
        await message.respond(b"yes")

    async with (
        connected(address(nats, "token"), "token") as (token, _),
        connected(address(nats, "gateway"), "gateway") as (gateway, _),
    ):
        await token.subscribe("edge.v1.token", "token", cb=answer)
        await token.flush()
        assert (await gateway.request("edge.v1.token", b"", timeout=10)).data == b"yes"


async def test_a_service_tends_its_own_stream_and_its_neighbour_reads_it(nats: Running) -> None:
    tenants = await Bus.connect(address(nats, "tenants"), name="tenants")
    gateway = await Bus.connect(address(nats, "gateway"), name="gateway")
    try:
        streams = Streams(tenants)
        await streams.create("EVT_TENANTS_0", ["evt.tenants.>"], first=1)
        two = [Outgoing("evt.tenants.a", b"1", {}), Outgoing("evt.tenants.b", b"2", {})]
        await streams.append(two, expected_last=0)
        async with Reader(gateway, "EVT_TENANTS_0", start=1) as reader:
            assert [each.payload for each in await reader.fetch(10, wait=2)] == [b"1", b"2"]
        state = await streams.state("EVT_TENANTS_0")
        assert state
        assert (state.first, state.last) == (1, 2)
    finally:
        await tenants.close()
        await gateway.close()


async def test_the_servers_limits_are_those_of_the_configuration(nats: Running) -> None:
    async with connected(nats.server.url, "limen") as (client, _):
        assert client.max_payload == 4 * 1024 * 1024
        info = json.loads((await client.request("$JS.API.INFO", b"", timeout=2)).data)
        assert "error" not in info


def test_it_listens_on_this_machine_alone(nats: Running) -> None:
    assert isinstance(nats.server.program, Program)
    assert nats.server.program.environ["LIMEN_NATS_LISTEN"].startswith(LOOPBACK)


async def test_what_streams_reserve_does_not_hang_on_what_the_disk_has_free(nats: Running) -> None:
    bus = await Bus.connect(nats.server.url, name="limen")
    streams = Streams(bus)
    try:
        await streams.create("ACT_LOGIN_0", ["act.login.>"], first=1, max_bytes=900 * 10**9)
        await streams.delete("ACT_LOGIN_0")
    finally:
        await bus.close()
