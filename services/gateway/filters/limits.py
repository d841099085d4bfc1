"""Owns how much a request may be: its body's size, form and time of arrival, and how many there may be at once."""

import asyncio

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from libs.edge.refusals import BodyTooLarge, Overloaded
from libs.edge.wire import MAX_REQUEST_BODY
from services.gateway.filters.exchange import Exchange
from services.gateway.filters.refusals import (
    MalformedRequest,
    RequestTimeout,
    UnmetExpectation,
    UnsupportedEncoding,
)

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TRANSFER_CODINGS = frozenset({"chunked"})


def limits(exchange: Exchange) -> None:
    """Refuse by the header alone what need not be read."""
    headers = exchange.request.headers
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedEncoding
    if headers.get("transfer-encoding", "chunked").lower() not in TRANSFER_CODINGS:
        raise MalformedRequest
    if headers.get("upgrade", "").lower() == "websocket":
        raise MalformedRequest
    if headers.get("expect", "100-continue").lower() != "100-continue":
        raise UnmetExpectation
    if (exchange.request.content_length or 0) > MAX_REQUEST_BODY:
        raise BodyTooLarge


class Capacity:
    """How many requests are being answered; more than `most` is an answer, not a queue."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.taken = 0

    def __enter__(self) -> None:
        if self.taken >= self._most:
            raise Overloaded
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.taken -= 1


async def body_of(request: web.BaseRequest, within: float) -> bytes:
    """The whole body, which must arrive `within` seconds; most have arrived with the header."""
    content = request.content
    if content.is_eof() and content.total_bytes <= MAX_REQUEST_BODY:
        return content.read_nowait(-1)
    if "expect" in request.headers and request.transport is not None:
        request.transport.write(CONTINUE)
    try:
        async with asyncio.timeout(within):
            return await _read(request)
    except TimeoutError as error:
        raise RequestTimeout from error
    except RequestPayloadError as error:
        raise MalformedRequest from error


async def _read(request: web.BaseRequest) -> bytes:
    received = bytearray()
    while part := await request.content.readany():
        received += part
        if len(received) > MAX_REQUEST_BODY:
            raise BodyTooLarge
    return bytes(received)
