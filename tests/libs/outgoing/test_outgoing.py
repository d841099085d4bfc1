"""The guarded way out, to real servers on this machine: each of which it must not reach, unless it is told it may."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from aiohttp import web

from libs.outgoing import NotReached, Outgoing
from services.cli.tls import prepare


def anywhere(_: IPv4Address | IPv6Address) -> bool:
    return True


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def large(_: web.Request) -> web.Response:
        return web.Response(body=bytes(100_000))

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("/picture")

    async def picture(request: web.Request) -> web.Response:
        return web.Response(body=b"PNG " + await request.read(), headers={"set-cookie": "a=b"})

    app = web.Application()
    app.router.add_get("/large", large)
    app.router.add_get("/slow", slow)
    app.router.add_get("/elsewhere", elsewhere)
    app.router.add_route("*", "/picture", picture)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_an_answer_comes_back_whole(port: int) -> None:
    outgoing = Outgoing(anywhere, http_too=True)
    answer = await outgoing.request("POST", f"http://127.0.0.1:{port}/picture", body=b"x", most=100, within=5)
    assert (answer.status, answer.body) == (200, b"PNG x")
    answer = await outgoing.request("GET", f"http://localhost:{port}/picture", most=100, within=5)
    assert answer.body == b"PNG "


@pytest.mark.security("SF-01")
async def test_an_address_of_this_machine_or_its_network_is_not_connected_to(port: int) -> None:
    outgoing = Outgoing(http_too=True)
    for host in (
        "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254", "[64:ff9b::7f00:1]",
        "0.0.0.0", "224.0.0.1", "192.168.1.1",
    ):  # fmt: skip
        with pytest.raises(NotReached):
            await outgoing.request("GET", f"http://{host}:{port}/picture", most=100, within=5)


@pytest.mark.security("SF-01")
async def test_a_redirect_is_an_answer_and_not_followed(port: int) -> None:
    outgoing = Outgoing(anywhere, http_too=True)
    answer = await outgoing.request("GET", f"http://127.0.0.1:{port}/elsewhere", most=100, within=5)
    assert (answer.status, answer.headers["Location"]) == (302, "/picture")


async def test_an_answer_is_bounded_in_size_and_time(port: int) -> None:
    outgoing = Outgoing(anywhere, http_too=True)
    with pytest.raises(NotReached, match="too large"):
        await outgoing.request("GET", f"http://127.0.0.1:{port}/large", most=1000, within=5)
    with pytest.raises(NotReached, match="in time"):
        await outgoing.request("GET", f"http://127.0.0.1:{port}/slow", most=1000, within=0.2)


async def test_only_https_is_spoken_unless_told_otherwise(port: int) -> None:
    for url in (
        f"http://127.0.0.1:{port}/picture",
        "ftp://a.example/",
        "file:///etc/passwd",
        "https://",
        "https://a@b.c/",
    ):
        with pytest.raises(NotReached):
            await Outgoing(anywhere).request("GET", url, most=100, within=2)


async def test_a_certificate_of_nobody_is_not_believed(tmp_path: Path) -> None:
    prepare(tmp_path, datetime.now(UTC))  # noqa: TID251 - a certificate's dates are wall time
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(tmp_path / "localhost.pem", tmp_path / "localhost.key")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served) as server:
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(NotReached):
            await Outgoing(anywhere).request("GET", url, most=100, within=5)
        ours = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        assert (await Outgoing(anywhere, tls=ours).request("GET", url, most=100, within=5)).body == b"ok"
