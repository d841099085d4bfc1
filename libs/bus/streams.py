"""JetStream streams whose sequence is a log's position: created, filled, moved and read by the raw API.

The raw API of the server (ADR-8) is used instead of nats-py's layer: its `publish_async`
can lose a future for ever and a timeout leaves the outcome unknown. Here an unknown outcome is harmless, because the
next append states the last sequence it expects.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from libs.bus.connection import Bus
from libs.bus.errors import StreamRefused

WRONG_LAST_SEQUENCE: Final = 10071
STREAM_NOT_FOUND: Final = 10059
NO_MESSAGE: Final = 10037
DUE: Final = "limen-due"
"""The stream's metadata (ADR-33) that says where its log stood when it was made."""

ASK_BOUND: Final = 5.0
"""Seconds an operation on a stream may take."""


class WrongLastSequence(StreamRefused):
    """Somebody else appended in between: read the stream's last sequence again."""


@dataclass(frozen=True)
class StreamState:
    """Where a stream stands. An empty stream has `last == first - 1`."""

    first: int
    last: int
    messages: int
    deleted: int
    due: int = 0
    """Where the log stood when the stream was made: until `last` has come there, it is only being refilled."""


class Outgoing(NamedTuple):
    """A message on its way into a stream."""

    subject: str
    payload: bytes
    headers: dict[str, str]
    """Printable ASCII."""


@dataclass(frozen=True)
class Stored:
    """A message of a stream."""

    payload: bytes
    headers: Mapping[str, str]


class Streams:
    """Operations on the streams that this connection may touch."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def state(self, stream: str) -> StreamState | None:
        """Where `stream` stands, or `None` when it does not exist."""
        try:
            answer = await self._ask(f"STREAM.INFO.{stream}", {})
        except StreamRefused as error:
            if error.code == STREAM_NOT_FOUND:
                return None
            raise
        return _state(answer)

    async def create(self, stream: str, subjects: list[str], *, first: int, due: int = 0, **limits: int) -> None:
        """Create `stream` so that its next message gets sequence `first`; an equal stream may exist already.

        `due` is where its log stands: who reads the stream from its beginning knows by it what is still to come.
        """
        config = {"name": stream, "subjects": subjects, "storage": "file", "allow_atomic": True, "allow_direct": True}
        config |= {"retention": "limits", "discard": "old", "first_seq": first, "duplicate_window": 0} | limits
        config |= {"metadata": {DUE: str(due)}}
        await self._ask(f"STREAM.CREATE.{stream}", config)

    async def purge(self, stream: str, *, up_to: int) -> None:
        """Drop everything before sequence `up_to`; the next message gets at least that sequence."""
        await self._ask(f"STREAM.PURGE.{stream}", {"seq": up_to})

    async def delete(self, stream: str) -> None:
        """Delete a mirror that is damaged; what it held is in Postgres."""
        await self._ask(f"STREAM.DELETE.{stream}", {})

    async def message(self, stream: str, sequence: int) -> Stored | None:
        """One message, or `None` when the stream does not hold it."""
        try:
            answer = await self._ask(f"STREAM.MSG.GET.{stream}", {"seq": sequence})
        except StreamRefused as error:
            if error.code in {NO_MESSAGE, STREAM_NOT_FOUND}:
                return None
            raise
        message = answer["message"]
        return Stored(base64.b64decode(message.get("data", "")), headers_of(base64.b64decode(message.get("hdrs", ""))))

    async def append(self, messages: Sequence[Outgoing], *, expected_last: int) -> None:
        """Append all behind sequence `expected_last`, each behind the one before it; a beginning of them, or nothing.

        Only the last is answered: it is accepted only if every one before it was.

        Raises:
            WrongLastSequence: the stream's last sequence was another; some may have been appended before that.
            TimedOut: the outcome is unknown; the next append's expectation finds out.
        """
        *leading, last = messages
        await self._bus.publish_many(
            (each.subject, _block(_expecting(expected_last + number) | each.headers), each.payload)
            for number, each in enumerate(leading)
        )
        headers = _expecting(expected_last + len(leading)) | last.headers
        answer = await self._bus.request(last.subject, last.payload, timeout=ASK_BOUND, headers=headers)
        accepted(msgspec.json.decode(answer))

    async def _ask(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        payload = msgspec.json.encode(body) if body else b""
        answer = await self._bus.request(f"$JS.API.{verb}", payload, timeout=ASK_BOUND)
        return accepted(msgspec.json.decode(answer))


def _expecting(last: int) -> dict[str, str]:
    return {"Nats-Expected-Last-Sequence": str(last)}


def _block(headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"NATS/1.0\r\n{lines}\r\n".encode()


def headers_of(block: bytes) -> dict[str, str]:
    """The headers of a block as the server stores it: its first line is the version."""
    pairs = (line.partition(":") for line in block.decode().split("\r\n")[1:] if line)
    return {name: value.strip() for name, _, value in pairs}


def accepted(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer of the JetStream API that is no error.

    Raises:
        WrongLastSequence, StreamRefused: it is one.
    """
    if error := answer.get("error"):
        code, description = error.get("err_code", 0), error.get("description", "")
        raise (WrongLastSequence if code == WRONG_LAST_SEQUENCE else StreamRefused)(code, description)
    return answer


def _state(answer: dict[str, Any]) -> StreamState:
    state = answer["state"]
    first = max(state["first_seq"], 1)
    due = int(answer.get("config", {}).get("metadata", {}).get(DUE, 0))
    return StreamState(first, state["last_seq"], state["messages"], state.get("num_deleted", 0), due)
