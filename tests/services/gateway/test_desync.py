import asyncio
import json

import pytest

from tests.services.gateway.conftest import HOST, World

HEAD = f"POST /oauth/token HTTP/1.1\r\nHost: {HOST}\r\n".encode()
NEXT = f"GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

MALFORMED = {
    "CL.TE": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "TE.CL": b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n",
    "CL.CL": b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "CL.CL the same": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": b"Content-Length: +3\r\n\r\nabc",
    "a negative length": b"Content-Length: -3\r\n\r\nabc",
    "a hexadecimal length": b"Content-Length: 0x3\r\n\r\nabc",
    "Arabic digits": "Content-Length: \u0663\r\n\r\nabc".encode(),
    "superscript digits": "Content-Length: \u00b3\r\n\r\nabc".encode("latin-1"),
    "an unknown coding": b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "a coding twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "identity": b"Transfer-Encoding: identity\r\n\r\nabc",
    "a vertical tab before chunked": b"Transfer-Encoding: \x0bchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "space before the colon": b"Content-Length : 3\r\n\r\nabc",
    "bare LF": b"A: b\nContent-Length: 3\r\n\r\nabc",
    "bare CR": b"A: b\rContent-Length: 3\r\n\r\nabc",
    "an obsolete fold": b"A: b\r\n c\r\nContent-Length: 3\r\n\r\nabc",
    "NUL in a value": b"A: b\x00c\r\n\r\n",
    "a second Host": b"Host: evil.example\r\n\r\n",
    "a chunk with a signed size": b"Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
    "a chunk with non-ASCII digits": "Transfer-Encoding: chunked\r\n\r\n\u0663\r\nabc\r\n0\r\n\r\n".encode(),
    "a chunk longer than it says": b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
    "a chunk size without end": b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "a chunk line ended by LF": b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
}


@pytest.mark.security("DS-04")
async def test_what_two_readers_could_read_differently_is_400_and_closed(world: World) -> None:
    for name, rest in MALFORMED.items():
        said = await world.raw(HEAD + rest + NEXT)
        assert said.split(b" ")[1] == b"400", (name, said)
        assert said.count(b"HTTP/1.") == 1, (name, said)
        assert b"aiohttp" not in said.lower(), name
        assert b"Python" not in said, name
        head, _, body = said.partition(b"\r\n\r\n")
        assert b"connection: close" in head.lower(), name
        assert json.loads(body)["error"] == "invalid_request", name
    assert not [each for each in world.echo.asked if each.path == "/oauth/token"]


REQUEST_LINES = {
    "no version": b"GET /oauth/token\r\n",
    "a version of tomorrow": b"GET /oauth/token HTTP/2.0\r\n",
    "a version of yesterday": b"GET /oauth/token HTTP/0.9\r\n",
    "a method in lower case": b"get /oauth/token HTTP/1.1\r\n",
    "an unknown method": b"FROBNICATE /oauth/token HTTP/1.1\r\n",
    "CONNECT": b"CONNECT id.example.com:443 HTTP/1.1\r\n",
    "absolute form": b"GET http://evil.example/oauth/token HTTP/1.1\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
}


@pytest.mark.security("DS-04")
async def test_a_request_line_that_is_not_plain_is_400(world: World) -> None:
    for name, line in REQUEST_LINES.items():
        said = await world.raw(line + f"Host: {HOST}\r\nConnection: close\r\n\r\n".encode())
        assert said.split(b" ")[1] == b"400", (name, said)
        assert b"aiohttp" not in said.lower(), name


async def test_a_request_without_host_is_400(world: World) -> None:
    for version in (b"1.0", b"1.1"):
        said = await world.raw(b"GET / HTTP/" + version + b"\r\nConnection: close\r\n\r\n")
        assert b" 400 " in said.splitlines()[0]
    assert (await world.raw(b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 400")


@pytest.mark.security("DS-04")
async def test_an_upgrade_with_a_body_leads_nowhere(world: World) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc"
    said = await world.raw(HEAD + upgrade + NEXT)
    assert said.startswith(b"HTTP/1.1 400")
    assert said.count(b"HTTP/1.") == 1
    h2c = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nContent-Length: 3\r\n\r\nabc"
    said = await world.raw(HEAD + h2c + NEXT)
    assert said.startswith(b"HTTP/1.1 200")
    assert said.count(b"HTTP/1.") == 1
    assert not any(name in {"upgrade", "http2-settings", "connection"} for name, _ in world.echo.asked[-1].headers)


async def test_a_client_that_expects_100_gets_it(world: World) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(5):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()
    assert (await world.raw(HEAD + b"Expect: tea\r\nContent-Length: 3\r\n\r\n")).startswith(b"HTTP/1.1 417")


async def test_requests_in_a_row_are_answered_in_order(world: World) -> None:
    one = HEAD.replace(b"token", b"token?n=1") + b"Content-Length: 1\r\n\r\na"
    two = HEAD.replace(b"token", b"token?n=2") + b"Transfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n"
    three = HEAD.replace(b"token", b"token?n=3") + b"Connection: close\r\nContent-Length: 1\r\n\r\nc"
    said = await world.raw(one + two + three)
    assert said.count(b"HTTP/1.1 200") == 3
    assert said.index(b"n=1") < said.index(b"n=2") < said.index(b"n=3")
