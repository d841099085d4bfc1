"""Owns our own client: one request at a time on a connection that is kept, with as little Python as can be.

`wrk` asks as fast as it is answered; what asks by a timetable, or asks what it was told before, is asked from here.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self, cast
from urllib.parse import urlsplit

END: Final = b"\r\n\r\n"
LENGTH: Final = b"\r\ncontent-length:"


@dataclass(frozen=True)
class Heard:
    """An answer."""

    status: int
    body: bytes
    head: bytes = field(default=b"", compare=False)

    def header(self, name: str) -> list[str]:
        """Every value of a header, by its lower-case name."""
        lines = (line.partition(b":") for line in self.head.split(b"\r\n")[1:])
        return [value.strip().decode() for each, _, value in lines if each.lower() == name.encode()]


class Broken(Exception):
    """The connection went before the answer was whole."""


class Connection(asyncio.Protocol):
    """One connection to a server that says `Content-Length` with each answer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._heard = bytearray()
        self._answer: asyncio.Future[Heard] | None = None
        self.place = ("localhost", 80)

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect."""
        made = (await asyncio.get_running_loop().create_connection(cls, host, port))[1]
        made.place = (host, port)
        return made

    @property
    def is_over(self) -> bool:
        """Whether the server hung up."""
        return self._transport is None

    async def ask(self, request: bytes) -> Heard:
        """Send a whole request and wait for the whole answer.

        Raises:
            Broken: there will be none.
        """
        if self._transport is None:
            raise Broken
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Broken(repr(exc)))

    def data_received(self, data: bytes) -> None:
        self._heard += data
        end = self._heard.find(END)
        if end < 0:
            return
        whole = end + len(END) + _length(self._heard[:end])
        if len(self._heard) >= whole and self._answer is not None and not self._answer.done():
            answer = Heard(int(self._heard[9:12]), bytes(self._heard[end + len(END) : whole]), bytes(self._heard[:end]))
            self._heard.clear()
            self._answer.set_result(answer)


def _length(head: bytearray) -> int:
    at = head.lower().find(LENGTH)
    return int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def request(method: str, url: str, body: bytes = b"", **headers: str) -> bytes:
    """A whole request; an underscore in a header's name is written for its dash."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    given: Mapping[str, str] = {"host": parts.netloc, "content-length": str(len(body)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + body


def place(url: str) -> tuple[str, int]:
    """Where to connect for it."""
    parts = urlsplit(url)
    return parts.hostname or "localhost", parts.port or 80
