"""The client of the Management API against a server that is busy, wrong or hostile."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from libs.runtime.errors import Unavailable
from libs.settings import Secret
from services.cli.configuration import management, present
from services.cli.configuration.management import Management, Refusal
from services.cli.configuration.place import Place
from services.cli.configuration.sections import APIS, CLIENTS
from services.cli.errors import Refused

Answers = list[web.Response]


@dataclass
class Double:
    """Answers what it is told, in this order, then empty pages; remembers what it was asked."""

    answers: Answers = field(default_factory=list)
    lost: int = 0
    """How many requests get no answer at all, first."""
    asked: list[web.Request] = field(default_factory=list)
    token: Callable[[], web.Response] = lambda: web.json_response({"access_token": "a-token"})

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/oauth/token":
            return self.token()
        self.asked.append(request)
        if self.lost and request.transport is not None:
            self.lost -= 1
            request.transport.close()
            return web.Response()
        return self.answers.pop(0) if self.answers else web.json_response({"clients": []})


Opened = Callable[[], Awaitable[Management]]


@pytest.fixture
def double() -> Double:
    return Double()


@pytest.fixture
async def place(double: Double) -> AsyncIterator[Place]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", double.handle)
    async with TestServer(app) as server:
        yield Place(issuer=f"http://127.0.0.1:{server.port}/", client_id="own", client_secret=Secret("s3cret"))


def busy(status: int, retry_after: str = "0") -> web.Response:
    return web.json_response({"message": "later"}, status=status, headers={"retry-after": retry_after})


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_api_is_asked_again_when_it_says(double: Double, place: Place, status: int) -> None:
    double.answers = [busy(status), busy(status, "soon" if status == 429 else "0"), web.json_response({"name": "web"})]
    async with Management.opened(place) as api:
        assert await api.request("POST", "clients", json={"name": "web"}) == {"name": "web"}
    assert len({request.headers["idempotency-key"] for request in double.asked}) == 1
    assert {request.headers["authorization"] for request in double.asked} == {"Bearer a-token"}


async def test_patience_has_an_end(double: Double, place: Place) -> None:
    double.answers = [busy(503) for _ in range(management.TRIES)]
    async with Management.opened(place) as api:
        with pytest.raises(Unavailable, match="busy or away 6 times"):
            await api.request("GET", "clients")
    assert len(double.asked) == management.TRIES


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(double: Double, place: Place) -> None:
    double.lost, double.answers = 1, [web.json_response({"client_secret": "once"})]
    async with Management.opened(place) as api:
        assert await api.request("POST", "clients", json={"name": "web"}) == {"client_secret": "once"}
    assert len({request.headers["idempotency-key"] for request in double.asked}) == 1
    assert len(double.asked) == 2


async def test_no_redirect_takes_the_token_elsewhere(double: Double, place: Place) -> None:
    double.answers = [web.Response(status=302, headers={"location": f"{place.issuer}elsewhere"})]
    async with Management.opened(place) as api:
        with pytest.raises(Refusal, match="302"):
            await api.request("GET", "clients")
    assert len(double.asked) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (web.Response(body=b"<html>"), "no JSON"),
        (web.Response(body=b'{"a": 1, "a": 2}'), "no JSON"),
        (web.Response(body=b" " * (management.LARGEST_ANSWER + 1)), "too large"),
        (web.Response(status=500), r"refused \(500\)"),
        (web.json_response({"message": "no\x1b[2J"}, status=400), r"no\\x1b\[2J \(400\)"),
        (web.json_response(["odd"], status=404), r"refused \(404\)"),
    ],
)
async def test_what_is_no_answer_of_the_api_is_a_refusal(
    double: Double, place: Place, answer: web.Response, why: str
) -> None:
    double.answers = [answer]
    async with Management.opened(place) as api:
        with pytest.raises(Refusal, match=why):
            await api.request("GET", "clients")


async def test_lists_are_read_to_their_end(double: Double, place: Place) -> None:
    pages = [{"clients": [{"client_id": "1"}], "next": "c1"}, {"clients": [{"client_id": "2"}]}]
    full = [{"id": str(number)} for number in range(management.PER_PAGE)]
    apis = [{"resource_servers": full}, {"resource_servers": full[:1]}]
    double.answers = [web.json_response(page) for page in [*pages, *apis]]
    async with Management.opened(place) as api:
        assert await api.all(CLIENTS) == [{"client_id": "1"}, {"client_id": "2"}]
        assert len(await api.all(APIS)) == management.PER_PAGE + 1
    assert [request.query.get("from") for request in double.asked[:2]] == [None, "c1"]
    assert [request.query["page"] for request in double.asked[2:]] == ["0", "1"]


async def test_an_application_that_gets_no_token_is_one_line(double: Double, place: Place) -> None:
    body = {"error": "access_denied", "error_description": "Unauthorized"}
    double.token = lambda: web.json_response(body, status=401)
    with pytest.raises(Refused, match=r"gives the management application no token: Unauthorized \(401\)") as refused:
        async with Management.opened(place):
            pass
    assert "s3cret" not in str(refused.value)


async def test_an_api_that_does_not_tell_is_one_line(double: Double, place: Place) -> None:
    double.answers = [web.Response(text=json.dumps({"message": "Insufficient scope"}), status=403)]
    async with Management.opened(place) as api:
        with pytest.raises(Refused, match=r"does not tell its configuration: Insufficient scope \(403\)"):
            await present.asked(api, "own")


async def test_nobody_there_is_unavailable(place: Place) -> None:
    nowhere = Place(issuer="http://127.0.0.1:9/", client_id="own", client_secret=place.client_secret)
    with pytest.raises(Unavailable, match="does not answer"):
        async with Management.opened(nowhere):
            pass
