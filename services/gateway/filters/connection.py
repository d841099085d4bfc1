"""Owns connections: how long a stranger may take, how much it may send, how many there may be.

aiohttp parses HTTP and refuses what is malformed; it has no bound on the time a header takes, on the bytes around a
body, nor on the number of connections. Those are here: each connection keeps four numbers, and one sweep a second
looks at all of them, which costs less than a timer each. What this leans on inside aiohttp (`_waiter`,
`_request_count`) is held in place by the pinned version and by the tests that speak raw sockets.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from libs.edge.wire import MAX_REQUEST_BODY
from libs.telemetry.logs import log
from libs.telemetry.metrics import Counter
from services.gateway.filters.headers import MAX_HEADER_BYTES

MAX_LINE = 8192
MAX_FIELD = MAX_HEADER_BYTES
MAX_HEADERS = 100
MAX_HEAD_BYTES = MAX_LINE + MAX_HEADER_BYTES
MAX_BODY_BYTES = 2 * MAX_REQUEST_BODY + (64 << 10)
"""Bytes on the wire for one body: a chunk may cost as much as it carries, not five times as much."""

READ_AHEAD = 64 << 10
LINGERING_SECONDS = 1.0
WRITE_SECONDS = 30.0
"""How long a client may leave an answer unread."""

REFUSED = Counter(
    "limen_gateway_connections_refused",
    "Connections closed before a request was complete, by reason.",
    reason=("slow", "too_large", "too_many", "unread", "malformed"),
)

_ERRORS = {
    400: ("invalid_request", "The request is malformed."),
    408: ("request_timeout", "The request did not arrive in time."),
    413: ("payload_too_large", "Payload Too Large"),
    414: ("uri_too_long", "The request line is too long."),
    431: ("header_too_large", "The request's header is too large."),
    500: ("server_error", "The server made an error."),
    503: ("temporarily_unavailable", "Too many connections; try again."),
}


class Connection(RequestHandler):
    """One connection of one client."""

    __slots__ = ("_body_bytes", "_edge", "_head_bytes", "_head_since", "_unread_since")

    def __init__(self, edge: "Edge", loop: asyncio.AbstractEventLoop, keep_alive: float) -> None:
        super().__init__(
            edge,
            loop=loop,
            keepalive_timeout=keep_alive,
            access_log=None,  # type: ignore[arg-type]  # its own code asks for None
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
            max_headers=MAX_HEADERS,
            lingering_time=LINGERING_SECONDS,
            read_bufsize=READ_AHEAD,
            auto_decompress=False,
        )
        self._edge = edge
        self._head_bytes = 0
        self._body_bytes = 0
        self._head_since: float | None = None
        self._unread_since: float | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self._waiter is not None and not self._waiter.done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A new connection has as long for its first header as for one that it began."""
        self._head_since = self._loop.time()
        super().connection_made(transport)
        self._edge.make_room(self)

    def data_received(self, data: bytes) -> None:
        """Count what arrives, and for what."""
        requests, was_idle = self._request_count, self.is_idle
        super().data_received(data)
        if self._request_count != requests:
            self._head_since, self._head_bytes, self._body_bytes = None, 0, 0
        elif was_idle:
            self._count_head(len(data))
        elif self._request_in_progress:
            # What comes after the answer is thrown away for a second, so that a client that still sends can read it.
            self._body_bytes += len(data)
            if self._body_bytes > MAX_BODY_BYTES:
                self.refuse(413, "too_large")

    def pause_writing(self) -> None:
        """The client does not read."""
        self._unread_since = self._loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It reads again."""
        self._unread_since = None
        super().resume_writing()

    def sweep(self, now: float, within: float) -> None:
        """Close the connection if a header has taken too long, or an answer was not read."""
        if self.is_idle and self._head_since is not None and now - self._head_since > within:
            self.refuse(408, "slow")
        elif self._unread_since is not None and now - self._unread_since > WRITE_SECONDS:
            REFUSED.count("unread")
            self._abort()

    def refuse(self, status: int, reason: str) -> None:
        """Say why in one answer, and close; between two answers nothing else may be written."""
        REFUSED.count(reason)
        # Who never began a request hears nothing.
        is_told = self._head_bytes > 0 or status != HTTPStatus.REQUEST_TIMEOUT
        if self.transport is not None and not self._request_in_progress and is_told:
            self.transport.write(_raw(status))
        self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what aiohttp refuses, and what broke, in the shape of our own refusals; the log sees the reason."""
        status = _status_of(status, exc, message)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request_failed", path=request.path, exc_info=exc)
        else:
            REFUSED.count("malformed")
            log.info("request_malformed", status=status, address=request.remote, reason=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("The answer has begun already; it cannot become another.")
        headers = {"server": "limen", "cache-control": "no-store", "connection": "close"}
        response = web.Response(status=status, body=_body(status), content_type="application/json", headers=headers)
        response.force_close()
        return response

    def _count_head(self, size: int) -> None:
        self._head_since = self._head_since or self._loop.time()
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self.refuse(431, "too_large")

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Edge(web.Server):
    """All connections of this process."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        *,
        receive_seconds: float,
        keep_alive_seconds: float,
        max_connections: int,
    ) -> None:
        super().__init__(handler)
        self._receive_seconds = receive_seconds
        self._keep_alive_seconds = keep_alive_seconds
        self._max_connections = max_connections

    def __call__(self) -> Connection:
        """A protocol for a new connection."""
        return Connection(self, self._loop, self._keep_alive_seconds)

    def make_room(self, newest: Connection) -> None:
        """Past the bound close the oldest idle connection, or where all are busy the newest."""
        if len(self._connections) <= self._max_connections:
            return
        leaving = next((each for each in self._open() if each.is_idle and each is not newest), None)
        if leaving is None:
            newest.refuse(503, "too_many")
        else:
            REFUSED.count("too_many")
            leaving.force_close()

    async def sweep(self) -> None:
        """Look at every connection once a second: a background task."""
        while True:
            await asyncio.sleep(min(1.0, self._receive_seconds / 4))
            now = self._loop.time()
            for connection in list(self._open()):
                connection.sweep(now, self._receive_seconds)

    def _open(self) -> "list[Connection]":
        return [each for each in self._connections if isinstance(each, Connection) and each.transport is not None]


def _status_of(status: int, error: BaseException | None, message: str | None) -> int:
    """The status of a parse error, of which aiohttp knows only 400; what is too long has a status of its own."""
    if isinstance(error, LineTooLong):
        return 414 if str(MAX_LINE) in error.message else 431
    if message == "Too many headers received":
        return 431
    return status if status in _ERRORS else 400


def _body(status: int) -> bytes:
    code, description = _ERRORS[status]
    return msgspec.json.encode({"error": code, "error_description": description})


def _raw(status: int) -> bytes:
    """A whole answer, for a connection that has no request to answer."""
    body = _body(status)
    retry = "retry-after: 1\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nserver: limen\r\ncontent-type: application/json\r\n{retry}"
    )
    return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body
