import asyncio
import gzip
import io
import resource
import time

import pytest

from libs.edge.wire import Reply
from libs.telemetry import metrics
from services.gateway.filters import connection, limits
from tests.services.gateway.conftest import HOST, World, until

HEAD = f"POST /oauth/token HTTP/1.1\r\nHost: {HOST}\r\n".encode()
MIB = 1 << 20


async def _send(world: World, data: bytes, *, within: float = 10) -> bytes:
    """Send until the gateway has had enough; what it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    answer = asyncio.create_task(reader.read())
    try:
        for start in range(0, len(data), 1 << 16):
            writer.write(data[start : start + (1 << 16)])
            await writer.drain()
    except ConnectionError:
        pass
    async with asyncio.timeout(within):
        try:
            return await answer
        except ConnectionError:
            return b""
        finally:
            writer.close()


@pytest.mark.security("DS-01")
async def test_a_body_of_one_mebibyte_passes_and_one_byte_more_does_not(world: World) -> None:
    answer = await world.ask("POST", "/oauth/token", data=io.BytesIO(b"a" * MIB))
    assert answer.status == 200, answer
    assert len(world.echo.asked[-1].body) == MIB
    answer = await world.ask("POST", "/oauth/token", data=io.BytesIO(b"a" * (MIB + 1)))
    assert (answer.status, answer.json["error"]) == (413, "payload_too_large")
    answer = await world.ask("POST", "/api/v2/clients", data=io.BytesIO(b"a" * (MIB + 1)))
    assert (answer.status, answer.json["statusCode"]) == (413, 413)


async def test_who_goes_away_within_a_body_is_no_failure_of_ours(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []

    def lines() -> str:
        said.append(capfd.readouterr().out)
        return "".join(said)

    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(HEAD + b"Expect: 100-continue\r\nContent-Length: 50\r\n\r\n")
        await reader.readuntil(b"100 Continue\r\n\r\n")
        writer.transport.abort()
    await until(lambda: lines().count('"status":400') == 5)
    assert "request_failed" not in lines()


@pytest.mark.security("DS-01")
async def test_floods_are_refused_quickly_without_memory(world: World) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    floods = {
        "50 MB": (HEAD + b"Content-Length: 52428800\r\n\r\n" + b"a" * 5_000_000, b"413"),
        "50 MB in chunks": (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n%b\r\n" % (b"a" * 65536) * 80,
            b"413",
        ),
        "10^6 chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 1_000_000, b"413"),
        "chunk extensions": (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;%b\r\na\r\n" % (b"x" * 60_000) * 80,
            b"4",
        ),
        "1 MB header": (HEAD + b"A: " + b"a" * MIB + b"\r\n\r\n", b"431"),
        "10^4 cookies": (HEAD + b"Cookie: a=b\r\n" * 10_000 + b"\r\n", b"431"),
        "long cookies": (HEAD + b"Cookie: " + b"a=b; " * 10_000 + b"\r\n\r\n", b"431"),
        "101 headers": (HEAD + b"".join(b"A%d: b\r\n" % n for n in range(101)) + b"\r\n", b"431"),
        "17 KiB in parts": (HEAD + b"".join(b"A%d: %b\r\n" % (n, b"b" * 1000) for n in range(17)) + b"\r\n", b"431"),
        "a long request line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"414"),
        "an endless request line": (b"GET /" + b"a" * MIB, b"414"),
    }
    for name, (data, status) in floods.items():
        said = await _send(world, data)
        assert said == b"" or said.split(b" ")[1].startswith(status), (name, said[:200])
        assert said != b"" or len(data) > MIB, name
    assert time.monotonic() - started < 15
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert (await world.ask("POST", "/oauth/token")).status == 200


@pytest.mark.security("DS-01")
async def test_nothing_compressed_is_unpacked(world: World) -> None:
    bomb = gzip.compress(b"a" * 10_000_000)
    for coding in ("gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip"):
        answer = await world.ask("POST", "/oauth/token", data=bomb, headers={"Content-Encoding": coding})
        assert answer.status == 415, coding


@pytest.mark.security("DS-02")
async def test_slow_clients_are_closed_and_others_served(empty: World) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.serve("token")
    await empty.start(receive_timeout="400ms")
    await empty.ready()
    head = [await asyncio.open_connection("127.0.0.1", empty.port) for _ in range(60)]
    body = [await asyncio.open_connection("127.0.0.1", empty.port) for _ in range(60)]
    for _, writer in body:
        writer.write(HEAD + b"Content-Length: 100\r\n\r\n")
    for _, writer in head:
        writer.write(b"GET /")
    started = time.monotonic()
    async with asyncio.timeout(4), asyncio.TaskGroup() as tasks:
        dripping = tasks.create_task(_drip([writer for _, writer in head + body]))
        said = await asyncio.gather(*(_until_closed(reader) for reader, _ in head + body))
        assert (await empty.ask("POST", "/oauth/token")).status == 200
        dripping.cancel()
    assert time.monotonic() - started < 3
    assert {each[:40] for each in said if b" 408 " not in each} <= {b""}
    # Who writes on after the answer may lose it to a reset.
    assert any(b" 408 " in each for each in said)
    for _, writer in head + body:
        writer.close()


async def _drip(writers: list[asyncio.StreamWriter]) -> None:
    while True:
        for writer in writers:
            if not writer.is_closing():
                writer.write(b"A")
        await asyncio.sleep(0.1)


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


@pytest.mark.security("DS-02")
async def test_slow_bodies_take_no_place_among_the_requests_being_answered(empty: World) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.serve("token")
    await empty.start(max_in_flight="2")
    await empty.ready()
    slow = [await asyncio.open_connection("127.0.0.1", empty.port) for _ in range(10)]
    for _, writer in slow:
        writer.write(HEAD + b"Content-Length: 100\r\n\r\na")
    await asyncio.sleep(0.1)
    assert (await empty.ask("POST", "/oauth/token")).status == 200
    for _, writer in slow:
        writer.close()


@pytest.mark.security("DS-01")
async def test_bodies_that_arrive_together_have_a_bound_of_memory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_ARRIVING", MIB)
    halves = [await asyncio.open_connection("127.0.0.1", world.port) for _ in range(3)]
    for _, writer in halves:
        writer.write(HEAD + b"Connection: close\r\nContent-Length: 600001\r\n\r\n" + b"a" * 600_000)
    done, _ = await asyncio.wait(
        [asyncio.create_task(_until_closed(reader)) for reader, _ in halves],
        timeout=4,
        return_when=asyncio.FIRST_COMPLETED,
    )
    assert all(b" 503 " in each.result() for each in done)
    assert done
    assert (await world.ask("POST", "/oauth/token", data=b"small")).status == 200
    for _, writer in halves:
        writer.close()


async def test_an_idle_connection_is_closed_and_a_kept_one_serves_again(empty: World) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.serve("token")
    await empty.start(keep_alive="500ms", receive_timeout="300ms")
    await empty.ready()
    reader, writer = await asyncio.open_connection("127.0.0.1", empty.port)
    async with asyncio.timeout(5):
        for _ in range(3):
            writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b"}")
            await asyncio.sleep(0.35)
        assert await reader.read() == b""
    writer.close()


async def test_past_the_connections_the_oldest_idle_one_is_closed(empty: World) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.serve("token")
    await empty.start(max_connections="5")
    await empty.ready()
    held = [await asyncio.open_connection("127.0.0.1", empty.port) for _ in range(8)]
    assert (await empty.ask("POST", "/oauth/token")).status == 200
    async with asyncio.timeout(5):
        assert await held[0][0].read() == b""
    for _, writer in held:
        writer.close()


async def test_an_answer_that_nobody_reads_is_not_kept_for_ever(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WRITE_SECONDS", 0.3)
    await empty.open_logs()
    await empty.tenant()
    await empty.serve("token")
    await empty.start(receive_timeout="400ms")
    await empty.ready()
    empty.echo.reply = Reply(1, 200, [], b"x" * (2 * MIB))
    reader, writer = await asyncio.open_connection("127.0.0.1", empty.port, limit=1024)
    for _ in range(10):
        writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
    await asyncio.sleep(1)
    received = await _until_closed(reader)
    assert 0 <= len(received) < 20 * MIB
    writer.close()


@pytest.mark.security("DS-06")
async def test_labels_do_not_grow_with_what_is_asked(world: World) -> None:
    await world.ask("GET", "/a0")
    before = len((await asyncio.to_thread(metrics.exposition)).splitlines())
    for number in range(50):
        await world.ask("GET", f"/a{number}")
        await world.ask("GET", f"/api/v2/b{number}")
    assert len((await asyncio.to_thread(metrics.exposition)).splitlines()) == before
