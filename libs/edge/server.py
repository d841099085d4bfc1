"""Serves a table of routes on the bus: deadline, slots, access, handler, renderer, one log line, a few numbers."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from libs.bus import Bus, Serving
from libs.edge import answers
from libs.edge.call import Call
from libs.edge.idempotency import AnsweredRequests
from libs.edge.observations import Observations
from libs.edge.rates import Rates
from libs.edge.refusals import BodyTooLarge, Overloaded
from libs.edge.renderers import Renderer, oauth_json, renderer_of
from libs.edge.routes import Match, Route, RouteTable
from libs.edge.wire import (
    MAX_REPLY_BODY,
    MAX_REQUEST_BODY,
    MalformedMessage,
    Reply,
    Request,
    decode_request,
    encode,
)
from libs.jose import SignedClaims
from libs.runtime.clock import Clock
from libs.telemetry.logs import log
from libs.telemetry.readiness import Readiness
from libs.telemetry.trace import child

Authorise = Callable[[Call], SignedClaims]

DRAIN_SECONDS: Final = 30.0
REQUESTS_PER_SECOND: Final = 1000


class Unguarded(ValueError):
    """The table has routes with scopes and nobody to check them: the service does not start."""


class Forgetful(ValueError):
    """The table has POST routes of the Management API and nobody who remembers answers: the service does not start."""


class SlotUnknown(ValueError):
    """A route names a slot kind that has no bound: the service does not start."""


class ReplyTooLarge(Exception):
    """A handler's answer is over 2 MiB: sending it would close the connection for good, so it is not sent."""


class Edge:
    """One service's door: `edge.v1.<service>`, shared with its other replicas.

    Args:
        bus: the connection to serve on.
        service: its name, which is also the queue group.
        table: the routes.
        slots: how many requests of each slot kind may be under way at once; one more is answered 503 at once.
        clock: the clock that decides.
        authorise: checks the access token of a route with scopes, by raising or returning its claims.
        answered: remembers requests with an `Idempotency-Key`; a service with POST routes of the Management API has it.
        requests_per_second: of one application to routes with scopes, in this process; one more is answered 429.
        readiness: gets the condition `edge`, met while requests are taken.
    """

    def __init__(
        self,
        bus: Bus,
        service: str,
        table: RouteTable,
        *,
        slots: Mapping[str, int],
        clock: Clock,
        authorise: Authorise | None = None,
        answered: AnsweredRequests | None = None,
        requests_per_second: int = REQUESTS_PER_SECOND,
        readiness: Readiness | None = None,
    ) -> None:
        _check(table, slots, authorise, answered)
        self._bus, self._service, self._table = bus, service, table
        self._free = dict(slots)
        self._clock, self._authorise, self._answered = clock, authorise, answered
        self._rates = Rates(requests_per_second)
        self._readiness = readiness or Readiness()
        self._readiness.require("edge", f"edge.v1.{service} is not served yet")
        self._seen = Observations(service, table)
        self._serving: Serving | None = None

    async def start(self) -> None:
        """Take requests from now on."""
        self._serving = await self._bus.serve(f"edge.v1.{self._service}", self.answer, queue=self._service)
        self._readiness.met("edge")

    async def drain(self, *, within: float = DRAIN_SECONDS) -> None:
        """Take no more requests and wait, up to `within` seconds, until those under way are answered."""
        self._readiness.lost("edge", "draining")
        if self._serving is not None:
            await self._serving.drain(within=within)

    async def answer(self, payload: bytes) -> bytes | None:
        """Answer one message; `None` when nobody waits for it any more. Never raises."""
        started = time.perf_counter()
        try:
            request = decode_request(payload)
        except MalformedMessage as error:
            log.error("edge_message_malformed", service=self._service, reason=str(error))
            return encode(oauth_json(error, _NOBODY))
        if request.deadline <= self._clock.unix():
            self._seen.expired()
            return None
        return encode(await self._replied(request, started))

    async def _replied(self, request: Request, started: float) -> Reply:
        route: Route | None = None
        failure: Exception | None = None
        told: list[tuple[str, str]] = []
        try:
            match = self._table.match(request.method, request.path)
            route = match.route
            reply = _sized(await self._handled(request, match, told))
        except Exception as error:  # noqa: BLE001 - the renderer: every error becomes an answer here, and a log line
            failure = error
            reply = _renderer(route, request.path)(error, request)
        reply = _finished(request, reply, told)
        self._seen.request(request, route, reply.status, time.perf_counter() - started, failure)
        return reply

    async def _handled(self, request: Request, match: Match, told: list[tuple[str, str]]) -> Reply:
        """The handler's answer; `told` gets the headers that go with whatever is answered, a refusal too."""
        route = match.route
        if len(request.body) > MAX_REQUEST_BODY:
            raise BodyTooLarge
        slot = route.slot or ""
        if self._free[slot] <= 0:
            raise Overloaded
        self._free[slot] -= 1
        try:
            call = self._call(request, match)
            if route.scopes is not None and self._authorise is not None:
                call.claims = self._authorise(call)
                told += self._rates.taken(call.tenant, call.caller, call.now.timestamp())
            if route.operation is not None:
                route.operation.check(call.query())
            return await self._done(call)
        finally:
            self._free[slot] += 1

    async def _done(self, call: Call) -> Reply:
        """What the handler answers, or what was answered when the same request was done before."""
        if self._answered is None or call.request.method != "POST" or call.route.operation is None:
            return await call.route.handler(call)
        if (known := await self._answered.remembered(call)) is not None:
            return known
        try:
            return await call.route.handler(call)
        except Exception:
            # Perhaps the same request won the race: then its answer is the answer to both.
            if (known := await self._answered.remembered(call)) is not None:
                return known
            raise

    def _call(self, request: Request, match: Match) -> Call:
        now = self._clock.now()
        deadline = min(request.deadline, now.timestamp() + match.route.deadline.total_seconds())
        return Call(request, match.route, match.parameters, now, deadline, child(request.trace))


def _check(
    table: RouteTable, slots: Mapping[str, int], authorise: Authorise | None, answered: AnsweredRequests | None
) -> None:
    if authorise is None and table.scopes():
        raise Unguarded(f"nobody checks {', '.join(table.scopes())}")
    if answered is None and (
        forgetful := [each.name for each in table if each.is_management and each.method == "POST"]
    ):
        raise Forgetful(f"nobody remembers the answers of {', '.join(forgetful)}")
    if missing := {route.slot or "" for route in table} - set(slots):
        raise SlotUnknown(", ".join(sorted(missing)))


def _renderer(route: Route | None, path: str) -> Renderer:
    return renderer_of(path) if route is None or route.renderer is None else route.renderer


def _sized(reply: Reply) -> Reply:
    if len(reply.body) > MAX_REPLY_BODY:
        raise ReplyTooLarge(f"{len(reply.body)} bytes")
    return reply


def _finished(request: Request, reply: Reply, told: list[tuple[str, str]]) -> Reply:
    """Forbid storing where the handler allowed nothing, and leave out the body of an answer to HEAD."""
    # A handler may answer with a reply it keeps, so the reply itself is never changed.
    if told:
        reply = replace(reply, headers=[*reply.headers, *told])
    if not any(name == "cache-control" for name, _ in reply.headers):
        reply = replace(reply, headers=[*reply.headers, *answers.NO_STORE])
    if request.method == "HEAD":
        length = ("content-length", str(len(reply.body)))
        reply = replace(reply, headers=[*reply.headers, length], body=b"")
    return reply


_NOBODY: Final = Request(1, "", "", "", "", "", [], b"", "", None, "", "", "", 0.0)
