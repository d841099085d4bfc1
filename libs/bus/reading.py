"""Reading a stream from a sequence on, through a disposable consumer that keeps no state on the server.

A durable consumer shared by replicas loses events or livelocks; a disposable one that acknowledges nothing leaves the
checkpoint as the only truth. `fetch` uses no heartbeat, which in nats-py delays messages by half a minute.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import msgspec

from libs.bus.connection import Bus
from libs.bus.errors import BusError, Disconnected, StreamRefused
from libs.bus.streams import headers_of
from libs.runtime.ids import text

IDLE_NANOSECONDS: Final = 30_000_000_000
"""The server drops a consumer that nobody asked for this long."""

VERSION: Final = b"NATS/1.0 "
"""How a block of headers begins that bears a status."""

END_OF_PULL: Final = frozenset({b"404", b"408", b"409", b"503"})
"""Status lines that end a pull: nothing there, time is up, consumer gone, nobody home."""

SHORT_REPLY: Final = 9
"""Tokens of a reply subject in its older form, which has neither domain nor account:

$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream sequence>.<its own>.<time>.<pending>
"""

SEQUENCE: Final = 5
PENDING: Final = 8

CONSUMER_GONE: Final = frozenset({b"404", b"409", b"503"})


@dataclass(frozen=True)
class Delivered:
    """One message of a stream: its sequence there, and what it says."""

    sequence: int
    payload: bytes
    block: bytes
    """Its headers as the server has them."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, read."""
        return headers_of(self.block)


class _Heard(NamedTuple):
    """A message as it came, on its way from the connection to whoever fetches."""

    block: bytes
    reply: bytes
    payload: bytes

    @property
    def status(self) -> bytes:
        """Three digits where the server says something, nothing where a message of the stream comes."""
        return self.block[len(VERSION) : len(VERSION) + 3] if self.block.startswith(VERSION) else b""


class Reader:
    """Messages of `stream` from sequence `start` on, in order; an async context manager.

    Who has seen that the stream `holds_start` is told when it does not: then it is another stream by now, perhaps a
    shorter one, on which a consumer that begins at `start` would hear nothing for a long time.
    """

    def __init__(self, bus: Bus, stream: str, *, start: int, holds_start: bool = False) -> None:
        self._bus = bus
        self._stream = stream
        self._start = start
        self._holds_start = holds_start
        self._name = f"{bus.name}-{text(12)}"
        self._heard: deque[_Heard] = deque()
        self._news = asyncio.Event()
        self._is_lost = False
        self._owed = 0  # messages the open pull may still bring; one pull at a time, or statuses would mix

    async def __aenter__(self) -> Self:
        config = {"name": self._name, "deliver_policy": "by_start_sequence", "opt_start_seq": self._start}
        config |= {"ack_policy": "none", "inactive_threshold": IDLE_NANOSECONDS, "mem_storage": True}
        answer = await self._ask("CREATE", {"stream_name": self._stream, "config": config})
        if error := answer.get("error"):
            raise StreamRefused(error.get("err_code", 0), error.get("description", ""))
        self._inbox, self._subscription = await self._bus.inbox(self._hear, self._lost)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._subscription.stop()
        try:
            await self._ask("DELETE", {})
        except BusError:
            return  # the server forgets it by itself

    async def fetch(self, most: int, *, wait: float) -> list[Delivered]:
        """Up to `most` messages, waiting up to about `wait` seconds for the first.

        Raises:
            StreamRefused: the consumer is gone (deleted, or the server lost it), or reads another stream; open another.
            Disconnected: the connection is away.
        """
        if self._owed == 0:
            await self._pull(most, wait)
        delivered: list[Delivered] = []
        try:
            async with asyncio.timeout(wait + 1):
                while await self._take(delivered):
                    pass
        except TimeoutError:
            raise StreamRefused(0, "the consumer does not answer") from None
        if self._holds_start and not delivered:
            raise StreamRefused(0, f"{self._stream} does not hold {self._start} any more")
        self._holds_start = False
        return delivered

    def _hear(self, block: bytes, reply: bytes, payload: bytes) -> None:
        self._heard.append(_Heard(block, reply, payload))
        self._news.set()

    def _lost(self) -> None:
        self._is_lost = True
        self._news.set()

    async def _pull(self, most: int, wait: float) -> None:
        ask = {"batch": most, "expires": int(wait * 1e9)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}"
        await self._bus.publish(subject, msgspec.json.encode(ask), reply=self._inbox)
        self._owed = most

    async def _take(self, delivered: list[Delivered]) -> bool:
        """Take one message; whether another should be waited for."""
        while not self._heard:
            if self._is_lost:
                raise Disconnected(self._stream)
            self._news.clear()
            await self._news.wait()
        message = self._heard.popleft()
        if (status := message.status) in END_OF_PULL:
            self._owed = 0
            if status in CONSUMER_GONE and not delivered:
                raise StreamRefused(int(status), "the consumer is gone")
            return False
        self._owed -= 1
        tokens = _tokens(message.reply)
        delivered.append(Delivered(int(tokens[SEQUENCE]), message.payload, message.block))
        return self._owed > 0 and (bool(self._heard) or int(tokens[PENDING]) > 0)

    async def _ask(self, verb: str, body: dict[str, object]) -> dict[str, Any]:
        payload = msgspec.json.encode(body) if body else b""
        subject = f"$JS.API.CONSUMER.{verb}.{self._stream}.{self._name}"
        answer: dict[str, Any] = msgspec.json.decode(await self._bus.request(subject, payload, timeout=5))
        return answer


def _tokens(reply: bytes) -> list[bytes]:
    tokens = reply.split(b".")
    return tokens if len(tokens) <= SHORT_REPLY else tokens[2:]  # the newer form, where an operator turned it on
