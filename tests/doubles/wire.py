"""A TCP proxy that cuts the wire: at a word of the client's, before or after the server has heard it, or at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias
from urllib.parse import urlsplit

CHUNK: Final = 65536
HEARD_AFTER: Final = 0.15
"""Seconds the server gets to do what it was told before its answer is thrown away."""

Ends: TypeAlias = tuple[asyncio.StreamWriter, asyncio.StreamWriter]


class Wire:
    """Between clients and one server."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._word = b""
        self._is_heard = False
        self._connections: set[Ends] = set()
        self._mute: Ends | None = None
        self._hold_word = b""
        self.held = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0
        self.cuts = 0

    def cut_at(self, word: bytes, *, heard: bool = False) -> None:
        """Cut the next connection whose client says `word`; with `heard` the server hears it and its answer is lost."""
        self._word, self._is_heard = word, heard

    def cut(self) -> None:
        """Cut every connection now."""
        for ends in tuple(self._connections):
            self._end(ends)

    def hold(self) -> None:
        """Bring nothing to the server until `release`."""
        self._flowing.clear()

    def hold_at(self, word: bytes) -> None:
        """Hold from the next chunk on that holds `word`; `held` is set when it came."""
        self._hold_word = word
        self.held.clear()

    def release(self) -> None:
        """Go on."""
        self._flowing.set()

    def url(self, url: str) -> str:
        """`url` by way of this wire."""
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{login}{at}127.0.0.1:{self.port}").geturl()

    async def joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        try:
            upstream, out = await asyncio.open_connection(*self._to)
        except OSError:
            writer.close()
            return
        ends = (writer, out)
        self._connections.add(ends)
        back = asyncio.ensure_future(self._bring_back(upstream, ends))
        with suppress(OSError):
            await self._bring(reader, ends)
        self._end(ends)
        back.cancel()
        await asyncio.gather(back, return_exceptions=True)

    async def _bring(self, reader: asyncio.StreamReader, ends: Ends) -> None:
        while chunk := await reader.read(CHUNK):
            if self._hold_word and self._hold_word in chunk:
                self._hold_word = b""
                self.hold()
                self.held.set()
            await self._flowing.wait()
            if not self._word or self._word not in chunk:
                ends[1].write(chunk)
                continue
            self._word = b""
            self.cuts += 1
            if self._is_heard:
                self._mute = ends
                ends[1].write(chunk)
                await asyncio.sleep(HEARD_AFTER)
            return

    async def _bring_back(self, upstream: asyncio.StreamReader, ends: Ends) -> None:
        with suppress(OSError):
            while chunk := await upstream.read(CHUNK):
                if self._mute is not ends:
                    ends[0].write(chunk)
        if self._mute is not ends:
            self._end(ends)

    def _end(self, ends: Ends) -> None:
        self._connections.discard(ends)
        for end in ends:
            end.transport.abort()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[Wire]:
    """A wire to the server that `url` names."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    wire = Wire(parts.hostname, parts.port)
    server = await asyncio.start_server(wire.joined, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        wire.release()
        wire.cut()
        await asyncio.sleep(0)
