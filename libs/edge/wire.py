"""What crosses NATS between the gateway and a service: version 1, msgpack arrays, fields only ever appended."""

from typing import Final, TypeVar

import msgspec

VERSION: Final = 1
MAX_REQUEST_BODY: Final = 1 << 20
MAX_REPLY_BODY: Final = 2 << 20


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One HTTP request as the gateway received it; hop-by-hop, forwarded and internal headers are gone."""

    v: int
    method: str
    """Upper case."""
    scheme: str
    """`http` or `https`."""
    authority: str
    """The Host header as received, in lower case."""
    path: str
    """Raw: nothing is decoded."""
    query: str
    """Raw, without the question mark."""
    headers: list[tuple[str, str]]
    """Names in lower case, in the order received, repeated ones kept."""
    body: bytes
    client_address: str
    client_certificate: str | None
    tenant: str
    request_id: str
    trace: str
    """W3C `traceparent`."""
    deadline: float
    """Unix seconds; past it nobody waits for the reply."""


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """One HTTP answer."""

    v: int
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class MalformedMessage(ValueError):
    """The bytes are no message of a version that is understood here."""


_encoder: Final = msgspec.msgpack.Encoder()
_requests: Final = msgspec.msgpack.Decoder(Request)
_replies: Final = msgspec.msgpack.Decoder(Reply)


def encode(message: Request | Reply) -> bytes:
    """Return the message's bytes."""
    return _encoder.encode(message)


def decode_request(payload: bytes) -> Request:
    """Read a request; fields appended by a newer gateway are ignored.

    Raises:
        MalformedMessage: not a request, or of another version.
    """
    return _decoded(_requests, payload)


def decode_reply(payload: bytes) -> Reply:
    """Read a reply; fields appended by a newer service are ignored.

    Raises:
        MalformedMessage: not a reply, or of another version.
    """
    return _decoded(_replies, payload)


Message = TypeVar("Message", Request, Reply)


def _decoded(decoder: msgspec.msgpack.Decoder[Message], payload: bytes) -> Message:
    try:
        message = decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedMessage(str(error)) from error
    if message.v != VERSION:
        raise MalformedMessage(f"version {message.v} is not understood")
    return message
