"""The guarded way out, to real servers on this machine: each of which it must not reach, unless it is told it may."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import web

from libs.outgoing.fetching import Fetching, NotFetched
from services.cli.tls import prepare

HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


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


async def test_what_is_there_comes_whole(port: int) -> None:
    assert await Fetching(HERE).get(f"http://127.0.0.1:{port}/picture", most=100) == b"PNG "
    assert await Fetching(HERE).get(f"http://localhost:{port}/picture", most=100) == b"PNG "


@pytest.mark.security("SF-01")
async def test_an_address_of_this_machine_or_its_network_is_not_connected_to(port: int) -> None:
    for host in (
        "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254", "[64:ff9b::7f00:1]",
        "0.0.0.0", "224.0.0.1", "192.168.1.1", "127.1", "2130706433",
    ):  # fmt: skip
        for scheme in ("http", "https"):
            with pytest.raises(NotFetched):
                await Fetching(seconds=2).get(f"{scheme}://{host}:{port}/picture", most=100)


@pytest.mark.security("SF-01")
async def test_a_redirect_is_not_followed(port: int) -> None:
    with pytest.raises(NotFetched, match="302"):
        await Fetching(HERE).get(f"http://127.0.0.1:{port}/elsewhere", most=100)


async def test_an_answer_is_bounded_in_size_and_time(port: int) -> None:
    with pytest.raises(NotFetched, match="too large"):
        await Fetching(HERE).get(f"http://127.0.0.1:{port}/large", most=1000)
    with pytest.raises(NotFetched, match="Timeout"):
        await Fetching(HERE, seconds=0.2).get(f"http://127.0.0.1:{port}/slow", most=1000)


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
        with pytest.raises(NotFetched):
            await Fetching(HERE).get(url, most=100)
        assert await Fetching(HERE, ca_file=tmp_path / "ca.pem").get(url, most=100) == b"ok"
