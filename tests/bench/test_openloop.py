"""The load by a timetable counts what a waiting client would leave out, and our own client hears whole answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.bench.http import Broken, Connection, Heard, request
from tests.bench.openloop import Load

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    open_ones: list[asyncio.Event] = []

    async def until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(asyncio.Event())
        is_closed = open_ones[-1]
        await serve(reader, writer)
        writer.close()
        await writer.wait_closed()
        is_closed.set()

    async with await asyncio.start_server(until_closed, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*(each.wait() for each in open_ones))


async def heard(reader: asyncio.StreamReader) -> bool:
    """Whether another request of one byte came."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(1)
    except asyncio.IncompleteReadError:
        return False
    assert b"content-length: 1\r\n" in head
    return True


async def test_a_server_that_stands_still_is_late_for_everything_that_was_due_meanwhile() -> None:
    stands_until = asyncio.get_running_loop().time() + 0.5

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await heard(reader):
            await asyncio.sleep(max(0.0, stands_until - asyncio.get_running_loop().time()))
            writer.write(ANSWER)

    async with serving(serve) as port:
        made = await Load(f"http://127.0.0.1:{port}/", "x").run(100, 1)
    assert (made.good, made.other) == (100, 0)
    # A client that waits would have asked, and been late, but a few times.
    assert made.longest > 300
    assert made.p99 > 250


async def test_an_answer_in_pieces_is_heard_whole() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await heard(reader):
            for at in range(len(ANSWER)):
                writer.write(ANSWER[at : at + 1])
                await writer.drain()

    async with serving(serve) as port:
        connection = await Connection.open("127.0.0.1", port)
        for _ in range(2):
            assert await connection.ask(request("POST", f"http://127.0.0.1:{port}/", b"x")) == Heard(200, b"ok")
        connection.close()


async def test_an_answer_that_breaks_off_is_none() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(ANSWER[:-1])

    async with serving(serve) as port:
        connection = await Connection.open("127.0.0.1", port)
        with pytest.raises(Broken):
            await connection.ask(request("POST", f"http://127.0.0.1:{port}/", b"x"))
