"""Owns the way of a request to its service and back."""

from http import HTTPStatus

from libs.bus import Bus, BusError, Disconnected, NoResponders, TimedOut
from libs.edge.wire import VERSION, MalformedMessage, Reply, Request, decode_reply, encode
from libs.runtime.clock import wall
from libs.runtime.errors import Unavailable
from libs.runtime.ids import uuid7
from libs.telemetry.metrics import Counter
from libs.telemetry.trace import Trace
from services.gateway.filters.exchange import Exchange
from services.gateway.projections.discovery import NobodyThere
from services.gateway.projections.hosts import Hosts
from services.gateway.projections.keys import Document, document

ASK_SECONDS = 1.0
"""How long a reader of a discovery document waits for a newer one than is remembered."""

UNAVAILABLE = Counter(
    "limen_gateway_unavailable",
    "Requests answered 503 because a service could not be reached, by reason.",
    reason=("disconnected", "no_responders", "timed_out", "malformed"),
)

_REASONS: dict[type[Unavailable], str] = {
    Disconnected: "disconnected",
    NoResponders: "no_responders",
    TimedOut: "timed_out",
}


class Malformed(Unavailable):
    """A service answered what this gateway does not understand."""


class Forward:
    """Asks services on NATS. Once: a POST that may have been done is never sent again."""

    def __init__(self, bus: Bus, deadline: float) -> None:
        self._bus = bus
        self._deadline = deadline

    async def ask(self, exchange: Exchange, body: bytes) -> Reply:
        """The service's answer to a request; raises Unavailable, at the latest at the deadline."""
        request = Request(
            VERSION,
            exchange.method,
            exchange.scheme,
            exchange.authority,
            exchange.path,
            exchange.query,
            exchange.headers,
            body,
            exchange.address,
            None,
            exchange.tenant,
            exchange.request_id,
            exchange.trace,
            wall() + self._deadline,
        )
        return await asked(self._bus, exchange.route.service, request, self._deadline)


class AskDiscovery:
    """Asks `token` for a tenant's discovery document, as if the tenant's own host had been asked."""

    def __init__(self, bus: Bus, hosts: Hosts) -> None:
        self._bus = bus
        self._hosts = hosts

    async def __call__(self, tenant: str, path: str) -> Document:
        """The document; raises Unavailable."""
        known = self._hosts.tenant(tenant)
        if known is None or not known.is_open:
            raise NobodyThere(tenant)
        request = Request(
            VERSION, "GET", known.scheme, known.domain, path, "", [], b"", "", None, tenant, str(uuid7()),
            Trace.start(), wall() + ASK_SECONDS,
        )  # fmt: skip
        reply = await asked(self._bus, "token", request, ASK_SECONDS)
        if reply.status != HTTPStatus.OK:
            raise Unavailable(reply.status)
        return document(reply.body)


async def asked(bus: Bus, service: str, request: Request, within: float) -> Reply:
    """One question and its answer; raises Unavailable."""
    try:
        return decode_reply(await bus.request(f"edge.v1.{service}", encode(request), timeout=within))
    except BusError as error:
        UNAVAILABLE.count(_REASONS.get(type(error), "other"))
        raise
    except MalformedMessage as error:
        UNAVAILABLE.count("malformed")
        raise Malformed(service) from error
