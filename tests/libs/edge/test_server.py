import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from libs.bus import Bus, NoResponders, TimedOut
from libs.edge import Call, Edge, Reply, Request, Route, RouteTable, answers
from libs.edge.management import MissingAuthentication
from libs.edge.operation import Operation
from libs.edge.server import SlotUnknown, Unguarded
from libs.edge.wire import MAX_REPLY_BODY, MAX_REQUEST_BODY, decode_reply, encode
from libs.jose import SignedClaims
from libs.oauth.errors import InvalidGrant
from libs.runtime import ids
from libs.runtime.clock import Clock, wall
from libs.runtime.errors import Unavailable
from libs.telemetry import logs
from libs.telemetry.readiness import Readiness

KEPT = Reply(1, 200, [("content-type", "text/plain")], b"kept")
SLOTS = {"public": 2, "management": 1}


class CodeExpired(InvalidGrant):
    """Invalid authorization code"""


class World:
    """What the handlers of these tests do and remember."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.gate = asyncio.Event()
        self.waiting: asyncio.Queue[Call] = asyncio.Queue()

    async def answer(self, call: Call) -> Reply:
        self.calls.append(call)
        return answers.json({"id": call.parameters.get("id")})

    async def kept(self, _: Call) -> Reply:
        return KEPT

    async def cached(self, _: Call) -> Reply:
        return answers.json({}, headers=[("cache-control", "public, max-age=600")])

    async def wait(self, call: Call) -> Reply:
        self.waiting.put_nowait(call)
        await self.gate.wait()
        return answers.empty()

    async def large(self, _: Call) -> Reply:
        return Reply(1, 200, [], b"x" * (MAX_REPLY_BODY + 1))

    async def refuse(self, _: Call) -> Reply:
        raise CodeExpired

    async def away(self, _: Call) -> Reply:
        raise Unavailable("the database", retry_after=2)

    async def broken(self, _: Call) -> Reply:
        raise ZeroDivisionError("the secret is s3cret")

    def table(self) -> RouteTable:
        return RouteTable(
            Route("GET", "/answer", self.answer),
            Route("GET", "/kept", self.kept),
            Route("GET", "/cached", self.cached),
            Route("GET", "/wait", self.wait),
            Route("GET", "/large", self.large),
            Route("POST", "/refuse", self.refuse),
            Route("GET", "/away", self.away),
            Route("GET", "/broken", self.broken),
            Route("GET", "/api/v2/things/{id}", self.answer, scopes=("read:things",), operation=Operation()),
            Route("GET", "/api/v2/wait", self.wait, scopes=("read:things",), operation=Operation()),
        )


def only_with_a_header(call: Call) -> SignedClaims:
    if call.header("authorization") is None:
        raise MissingAuthentication
    return SignedClaims({"sub": "abc@clients"})


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def edge(bus: Bus, world: World) -> AsyncIterator[Edge]:
    edge = an_edge(bus, world.table())
    await edge.start()
    yield edge
    world.gate.set()
    await edge.drain(within=2)


def an_edge(bus: Bus, table: RouteTable, **more: Any) -> Edge:
    # A name of its own, because the process's metrics know each service once.
    service = f"s{ids.text(12)}"
    return Edge(bus, service, table, **{"slots": SLOTS, "clock": Clock(), "authorise": only_with_a_header, **more})


Ask = Callable[..., Awaitable[Reply]]


@pytest.fixture
def ask(bus: Bus, edge: Edge, request_of: Callable[..., Request]) -> Ask:
    async def asked(method: str, path: str, *, lasting: float = 3, **more: Any) -> Reply:
        request = request_of(method, path, deadline=wall() + lasting, **more)
        return decode_reply(await bus.request(f"edge.v1.{edge._service}", encode(request), timeout=1))

    return asked


def header(reply: Reply, name: str) -> list[str]:
    return [value for each, value in reply.headers if each == name]


async def test_a_request_is_answered_over_the_bus(ask: Ask, world: World) -> None:
    reply = await ask("GET", "/answer")
    assert (reply.status, reply.body) == (200, b'{"id":null}')
    (call,) = world.calls
    assert (call.tenant, call.request_id, call.claims) == ("default", "req-1", None)
    assert call.trace[:35] == call.request.trace[:35]
    assert call.trace != call.request.trace
    assert call.deadline - call.now.timestamp() <= 3


async def test_an_answer_may_not_be_stored_unless_its_handler_says_so(ask: Ask) -> None:
    assert header(await ask("GET", "/answer"), "cache-control") == ["no-store"]
    assert header(await ask("GET", "/cached"), "cache-control") == ["public, max-age=600"]


async def test_a_reply_that_a_handler_keeps_is_not_changed(ask: Ask) -> None:
    await ask("GET", "/kept")
    assert header(await ask("GET", "/kept"), "cache-control") == ["no-store"]
    assert KEPT.headers == [("content-type", "text/plain")]


async def test_head_is_answered_as_get_without_its_body(ask: Ask) -> None:
    reply = await ask("HEAD", "/kept")
    assert (reply.status, reply.body, header(reply, "content-length")) == (200, b"", ["4"])


@pytest.mark.security("AD-01")
async def test_a_management_route_is_closed_without_a_token(ask: Ask, world: World) -> None:
    reply = await ask("GET", "/api/v2/things/7")
    assert (reply.status, header(reply, "www-authenticate")) == (401, ["Bearer"])
    assert msgspec.json.decode(reply.body)["message"] == "Missing authentication"
    assert not world.calls


async def test_a_management_route_gets_claims_and_parameters(ask: Ask, world: World) -> None:
    reply = await ask("GET", "/api/v2/things/a%2Fb", headers=[("authorization", "Bearer x")])
    assert reply.body == b'{"id":"a/b"}'
    assert world.calls[0].claims == {"sub": "abc@clients"}


async def test_errors_are_rendered_in_the_shape_of_their_route(ask: Ask) -> None:
    reply = await ask("POST", "/refuse")
    assert reply.status == 400
    assert msgspec.json.decode(reply.body) == {
        "error": "invalid_grant",
        "error_description": "Invalid authorization code",
    }
    assert "statusCode" in msgspec.json.decode((await ask("GET", "/api/v2/nothing")).body)
    assert "error_description" in msgspec.json.decode((await ask("GET", "/nothing")).body)


async def test_what_is_away_is_503_with_the_time_to_come_back(ask: Ask) -> None:
    reply = await ask("GET", "/away")
    assert (reply.status, header(reply, "retry-after")) == (503, ["2"])


@pytest.mark.security("HD-05")
async def test_what_nobody_foresaw_is_500_without_detail(ask: Ask) -> None:
    reply = await ask("GET", "/broken")
    assert reply.status == 500
    assert b"s3cret" not in reply.body


async def test_a_reply_that_is_too_large_is_an_answer_and_the_bus_lives_on(ask: Ask) -> None:
    assert (await ask("GET", "/large")).status == 500
    assert (await ask("GET", "/answer")).status == 200


async def test_a_body_that_is_too_large_is_413(ask: Ask) -> None:
    assert (await ask("POST", "/refuse", body=b"x" * (MAX_REQUEST_BODY + 1))).status == 413


async def test_a_request_past_its_deadline_is_dropped(ask: Ask, edge: Edge, world: World) -> None:
    with pytest.raises(TimedOut):
        await ask("GET", "/answer", lasting=-0.01)
    assert not world.calls
    assert REGISTRY.get_sample_value(f"limen_{edge._service}_requests_expired_total") == 1


async def test_a_full_slot_is_503_at_once_and_other_slots_are_not_full(ask: Ask, world: World) -> None:
    waiting = [asyncio.ensure_future(ask("GET", "/wait")) for _ in range(2)]
    async with asyncio.timeout(2):
        await world.waiting.get()
        await world.waiting.get()
    refused = await ask("GET", "/answer")
    assert (refused.status, header(refused, "retry-after")) == (503, ["1"])
    assert (await ask("GET", "/api/v2/things/1", headers=[("authorization", "x")])).status == 200
    world.gate.set()
    assert [reply.status for reply in await asyncio.gather(*waiting)] == [204, 204]
    assert (await ask("GET", "/answer")).status == 200


async def test_errors_give_their_slot_back(ask: Ask) -> None:
    for _ in range(5):
        assert (await ask("GET", "/broken")).status == 500
        assert (await ask("GET", "/api/v2/wait")).status == 401


async def test_garbage_is_answered_and_does_not_stop_the_service(bus: Bus, ask: Ask, edge: Edge) -> None:
    for payload in (b"", b"\xff", b"\x93\x02\x01"):
        reply = decode_reply(await bus.request(f"edge.v1.{edge._service}", payload, timeout=1))
        assert reply.status == 500
    assert (await ask("GET", "/answer")).status == 200


async def test_draining_answers_what_is_under_way_and_takes_no_more(world: World, ask: Ask, edge: Edge) -> None:
    under_way = asyncio.ensure_future(ask("GET", "/wait"))
    async with asyncio.timeout(2):
        await world.waiting.get()
    draining = asyncio.ensure_future(edge.drain(within=2))
    world.gate.set()
    assert (await under_way).status == 204
    await draining
    with pytest.raises(NoResponders):
        await ask("GET", "/answer")


async def test_readiness_follows_the_door(bus: Bus) -> None:
    readiness = Readiness()
    edge = an_edge(bus, World().table(), readiness=readiness)
    assert "edge" in readiness.missing()
    await edge.start()
    assert readiness.is_ready
    await edge.drain(within=1)
    assert readiness.missing() == {"edge": "draining"}


@pytest.mark.security("DS-06")
async def test_paths_and_methods_of_strangers_are_one_label(ask: Ask, edge: Edge) -> None:
    for number in range(20):
        await ask(f"M{number}", f"/nothing/{number}")
    name = f"limen_{edge._service}_requests_total"
    assert REGISTRY.get_sample_value(name, {"route": "unmatched", "status": "4xx"}) == 20


async def test_a_table_with_scopes_and_nobody_to_check_them_does_not_start(bus: Bus) -> None:
    with pytest.raises(Unguarded):
        an_edge(bus, World().table(), authorise=None)


async def test_a_route_of_a_slot_without_bound_does_not_start(bus: Bus) -> None:
    with pytest.raises(SlotUnknown, match="public"):
        an_edge(bus, World().table(), slots={"management": 1})


async def test_each_request_is_one_canonical_line(ask: Ask, capfd: pytest.CaptureFixture[str]) -> None:
    await asyncio.to_thread(logs.flush)
    capfd.readouterr()
    await ask("GET", "/api/v2/things/s3cret", query="token=s3cret")
    await ask("POST", "/refuse", headers=[("authorization", "Basic s3cret")], body=b"client_secret=s3cret")
    await asyncio.to_thread(logs.flush)
    lines = [line for line in capfd.readouterr().out.splitlines() if '"event":"request"' in line]
    first, second = (msgspec.json.decode(line) for line in lines)
    assert {name: first[name] for name in ("method", "route", "status", "request_id", "tenant", "reason")} == {
        "method": "GET",
        "route": "/api/v2/things/{id}",
        "status": 401,
        "request_id": "req-1",
        "tenant": "default",
        "reason": "MissingAuthentication",
    }
    assert first["duration_ms"] >= 0
    assert second["reason"] == "CodeExpired"
    assert "s3cret" not in "".join(lines)


async def test_an_undeclared_parameter_of_the_query_is_refused(ask: Ask, world: World) -> None:
    reply = await ask("GET", "/api/v2/things/1", query="page=1", headers=[("authorization", "x")])
    assert (reply.status, msgspec.json.decode(reply.body)["errorCode"]) == (400, "invalid_query_string")
    assert not world.calls
    assert (await ask("GET", "/answer", query="page=1")).status == 200


async def test_answers_tell_the_limit_and_refusals_behind_the_guard_too(ask: Ask) -> None:
    good = await ask("GET", "/api/v2/things/1", headers=[("authorization", "x")])
    bad = await ask("GET", "/api/v2/things/1", query="x=1", headers=[("authorization", "x")])
    assert header(good, "x-ratelimit-limit") == header(bad, "x-ratelimit-limit") == ["1000"]
    assert int(header(bad, "x-ratelimit-remaining")[0]) < 1000
    assert header(await ask("GET", "/api/v2/things/1"), "x-ratelimit-limit") == []
    assert header(await ask("GET", "/answer"), "x-ratelimit-limit") == []


async def test_over_its_limit_an_application_is_told_to_wait(
    bus: Bus, world: World, request_of: Callable[..., Request]
) -> None:
    edge = an_edge(bus, world.table(), requests_per_second=1)
    request = request_of("GET", "/api/v2/things/1", deadline=wall() + 3, headers=[("authorization", "x")])
    first, second = [decode_reply(await edge.answer(encode(request)) or b"") for _ in range(2)]
    assert (first.status, second.status) == (200, 429)
    assert header(second, "retry-after") == ["1"]
    assert header(second, "x-ratelimit-remaining") == ["0"]
