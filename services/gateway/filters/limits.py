"""Owns how much a request may be: its body's size, form and time of arrival, and how many there may be at once."""

import asyncio

from aiohttp import StreamReader, web
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
MAX_ARRIVING = 64 << 20
"""Bytes of bodies that are still arriving, of all connections together."""

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


class Bodies:
    """Reads bodies. One that is still arriving takes no place among the requests being answered, only its bytes."""

    def __init__(self, within: float) -> None:
        self._within = within
        self._arriving = 0

    async def of(self, request: web.BaseRequest) -> bytes:
        """The whole body, which must arrive in time; most have arrived with the header."""
        content = request.content
        if content.is_eof() and content.total_bytes <= MAX_REQUEST_BODY:
            return content.read_nowait(-1)
        if "expect" in request.headers and request.transport is not None:
            request.transport.write(CONTINUE)
        try:
            async with asyncio.timeout(self._within):
                return await self._read(content)
        except TimeoutError as error:
            raise RequestTimeout from error
        except (RequestPayloadError, ConnectionError) as error:  # broken, or its sender is gone
            raise MalformedRequest from error

    async def _read(self, content: StreamReader) -> bytes:
        received = bytearray()
        try:
            while part := await content.readany():
                received += part
                self._arriving += len(part)
                if len(received) > MAX_REQUEST_BODY:
                    raise BodyTooLarge
                if self._arriving > MAX_ARRIVING:
                    raise Overloaded
            return bytes(received)
        finally:
            self._arriving -= len(received)
