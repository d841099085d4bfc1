"""An application that is told things by HTTP: it keeps what it is sent, and fails on demand."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

OK: Final = "200 OK"


@dataclass
class Receiver:
    """`answers` are given one by one, as `500 Oh no` or `302 Found\\r\\nlocation: …`, before it is well again."""

    port: int = 0
    scheme: str = "http"
    paths: list[str] = field(default_factory=list)
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/logout", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._exchange(reader, writer)
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.paths.append(head[0])
        self.headers.append(headers)
        self.forms.append(parse_qs(body.decode(), keep_blank_values=True))
        answer = self.answers.pop(0) if self.answers else OK
        if answer == "endless":
            await _talk_for_ever(writer)
        writer.write(f"HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()


async def _talk_for_ever(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(65536))
        await writer.drain()


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """One on a free port of this machine."""
    double = Receiver(scheme="https" if tls else "http")
    listening = await asyncio.start_server(double.serve, "127.0.0.1", 0, ssl=tls)
    double.port = listening.sockets[0].getsockname()[1]
    try:
        yield double
    finally:
        listening.close()
