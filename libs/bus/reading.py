"""Reading a stream from a sequence on, through a disposable consumer that keeps no state on the server.

A durable consumer shared by replicas loses events or livelocks; a disposable one that acknowledges nothing leaves the
checkpoint as the only truth. `fetch` uses no heartbeat, which in nats-py delays messages by half a minute.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from nats.aio.msg import Msg

from libs.bus.connection import Bus
from libs.bus.errors import BusError, Disconnected, StreamRefused
from libs.runtime.ids import text

IDLE_NANOSECONDS: Final = 30_000_000_000
"""The server drops a consumer that nobody asked for this long."""

END_OF_PULL: Final = frozenset({"404", "408", "409", "503"})
"""Status lines that end a pull: nothing there, time is up, consumer gone, nobody home."""

SHORT_REPLY: Final = 9
"""Tokens of a reply subject in its older form."""

CONSUMER_GONE: Final = frozenset({"404", "409", "503"})


@dataclass(frozen=True)
class Delivered:
    """One message of a stream: its sequence there, and what it says."""

    sequence: int
    payload: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Reader:
    """Messages of `stream` from sequence `start` on, in order; an async context manager."""

    def __init__(self, bus: Bus, stream: str, *, start: int) -> None:
        self._bus = bus
        self._stream = stream
        self._start = start
        self._name = f"{bus.name}-{text(12)}"
        self._heard: asyncio.Queue[Msg | None] = asyncio.Queue()
        self._owed = 0  # messages the open pull may still bring; one pull at a time, or statuses would mix

    async def __aenter__(self) -> Self:
        config = {"name": self._name, "deliver_policy": "by_start_sequence", "opt_start_seq": self._start}
        config |= {"ack_policy": "none", "inactive_threshold": IDLE_NANOSECONDS, "mem_storage": True}
        answer = await self._ask("CREATE", {"stream_name": self._stream, "config": config})
        if error := answer.get("error"):
            raise StreamRefused(error.get("err_code", 0), error.get("description", ""))
        self._inbox, self._subscription = await self._bus.inbox(self._heard)
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
            StreamRefused: the consumer is gone (deleted, or the server lost it); open another.
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
        return delivered

    async def _pull(self, most: int, wait: float) -> None:
        ask = {"batch": most, "expires": int(wait * 1e9)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}"
        await self._bus.publish(subject, msgspec.json.encode(ask), reply=self._inbox)
        self._owed = most

    async def _take(self, delivered: list[Delivered]) -> bool:
        """Take one message; whether another should be waited for."""
        message = await self._next()
        status = (message.headers or {}).get("Status")
        if status in END_OF_PULL:
            self._owed = 0
            if status in CONSUMER_GONE and not delivered:
                raise StreamRefused(int(status), "the consumer is gone")
            return False
        self._owed -= 1
        delivered.append(Delivered(_sequence(message), message.data, message.headers or {}))
        return self._owed > 0 and (not self._heard.empty() or _pending(message) > 0)

    async def _next(self) -> Msg:
        message = await self._heard.get()
        if message is None:
            raise Disconnected(self._stream)
        return message

    async def _ask(self, verb: str, body: dict[str, object]) -> dict[str, Any]:
        payload = msgspec.json.encode(body) if body else b""
        subject = f"$JS.API.CONSUMER.{verb}.{self._stream}.{self._name}"
        answer: dict[str, Any] = msgspec.json.decode(await self._bus.request(subject, payload, timeout=5))
        return answer


def _sequence(message: Msg) -> int:
    # $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream sequence>.<its own>.<time>.<pending>
    return int(_tokens(message)[5])


def _pending(message: Msg) -> int:
    return int(_tokens(message)[8])


def _tokens(message: Msg) -> list[str]:
    tokens = message.reply.split(".")
    return tokens if len(tokens) <= SHORT_REPLY else tokens[2:]  # the newer form, where an operator turned it on
