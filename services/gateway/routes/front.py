"""Owns the passage of one request: in through the filters, to its route, out again, and one line in the log."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from multidict import CIMultiDict

from libs.edge.refusals import MethodNotAllowed, Refusal, UnknownPath
from libs.edge.renderers import renderer_of
from libs.edge.wire import VERSION, Reply, Request
from libs.runtime.errors import Unavailable
from libs.telemetry.logs import canonical
from libs.telemetry.metrics import Counter, Gauge, Histogram
from services.gateway.filters import Arriving, Leaving
from services.gateway.filters.exchange import Exchange, Route
from services.gateway.filters.headers import OWN
from services.gateway.filters.limits import Bodies, Capacity
from services.gateway.routes.forward import Forward
from services.gateway.routes.table import FAMILIES

STATUS = ("1xx", "2xx", "3xx", "4xx", "5xx")
REQUESTS = Counter("limen_gateway_requests", "Requests, by route and status.", route=FAMILIES, status=STATUS)
SECONDS = Histogram("limen_gateway_request_seconds", "How long requests took, in seconds.", route=FAMILIES)
IN_FLIGHT = Gauge("limen_gateway_requests_in_flight", "Requests being answered.")

LOGGED_PATH = 200

CLOSING = frozenset({400, 408, 413, 415, 417, 431})
"""Refusals after which a connection is closed."""

Own = Callable[[Exchange], Awaitable[Reply]]


class Front:
    """What the HTTP server calls for every request."""

    def __init__(
        self,
        arriving: Sequence[Arriving],
        leaving: Sequence[Leaving],
        own: dict[Route, Own],
        forward: Forward,
        bodies: Bodies,
        capacity: Capacity,
        *,
        logs_requests: bool,
    ) -> None:
        self._arriving = tuple(arriving)
        self._leaving = tuple(leaving)
        self._own = own
        self._forward = forward
        self._capacity = capacity
        self._bodies = bodies
        self._logs_requests = logs_requests
        self._is_stopping = False

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, whatever it is."""
        exchange = Exchange(request, "https" if request.secure else "http")
        reply, reason = await self._reply(exchange)
        response = self._response(exchange, reply)
        if self._is_stopping or _ends_connection(exchange, reply, reason):
            response.force_close()
        self._account(exchange, reply, reason)
        return response

    def stop(self) -> None:
        """From now on every answer closes its connection."""
        self._is_stopping = True

    async def _reply(self, exchange: Exchange) -> tuple[Reply, str | None]:
        """The answer, and for a refusal its reason."""
        try:
            for arrive in self._arriving:
                arrive(exchange)
            return await self._routed(exchange), None
        except (Refusal, Unavailable) as error:
            return _rendered(error, exchange), type(error).__name__

    async def _routed(self, exchange: Exchange) -> Reply:
        route = exchange.route
        if route.methods and exchange.method not in route.methods:
            raise MethodNotAllowed(route.methods)
        if route.methods and exchange.method == "OPTIONS":
            return Reply(VERSION, 204, [("allow", ", ".join(route.methods))], b"")
        if own := self._own.get(route):
            return await own(exchange)
        if not route.service:
            raise UnknownPath
        body = await self._bodies.of(exchange.request)
        with self._capacity:
            return await self._forward.ask(exchange, body)

    def _response(self, exchange: Exchange, reply: Reply) -> web.StreamResponse:
        headers = [pair for pair in reply.headers if pair[0] not in OWN and not pair[0].startswith("access-control-")]
        for leave in self._leaving:
            leave(exchange, headers)
        return web.Response(status=reply.status, body=reply.body or None, headers=CIMultiDict(headers))

    def _account(self, exchange: Exchange, reply: Reply, reason: str | None) -> None:
        family, seconds = exchange.route.family, exchange.seconds
        REQUESTS.count(family, STATUS[reply.status // 100 - 1])
        SECONDS.observe(seconds, family)
        IN_FLIGHT.set(self._capacity.taken)
        if self._logs_requests:
            _log(exchange, reply, reason, seconds)


def _ends_connection(exchange: Exchange, reply: Reply, reason: str | None) -> bool:
    """Whether nothing more may be read: what follows a refused, half-read or upgrading request is anybody's guess."""
    is_refused = reason is not None and reply.status in CLOSING
    return is_refused or exchange.header("upgrade") is not None or not exchange.request.content.is_eof()


def _log(exchange: Exchange, reply: Reply, reason: str | None, seconds: float) -> None:
    """The canonical line; a query may hold what nobody should read, so it is left out."""
    told = {
        "method": exchange.method,
        "path": exchange.path[:LOGGED_PATH],
        "status": reply.status,
        "reason": reason,
        "milliseconds": round(seconds * 1000, 2),
        "tenant": exchange.tenant,
        "address": exchange.address,
        "service_asked": exchange.route.service,
        "request_id": exchange.request_id,
        "trace": exchange.trace,
    }
    canonical("request", told)


def _rendered(error: Exception, exchange: Exchange) -> Reply:
    """A refusal in the shape of the route it was meant for."""
    raw_path = exchange.request.raw_path.partition("?")[0]
    request = Request(
        VERSION, exchange.method, exchange.scheme, exchange.authority, exchange.path, "", exchange.headers, b"",
        exchange.address, None, exchange.tenant, exchange.request_id, exchange.trace, 0,
    )  # fmt: skip
    return renderer_of(raw_path)(error, request)
