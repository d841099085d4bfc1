import asyncio
import re
import time

import pytest

from libs.edge.wire import Reply
from services.tenants.events import TenantDomainChanged, TenantRegistered
from tests.services.gateway.conftest import HOST, World, until


async def test_a_request_travels_to_its_service_and_back(world: World) -> None:
    answer = await world.ask("POST", "/oauth/token?a=%20b", data=b"grant_type=x", headers={"X-Request-ID": "mine"})
    assert (answer.status, answer.json) == (200, {"path": "/oauth/token", "query": "a=%20b", "body": "grant_type=x"})
    asked = world.echo.asked[-1]
    assert (asked.method, asked.scheme, asked.authority, asked.tenant) == ("POST", "http", HOST, "default")
    assert asked.client_address == "127.0.0.1"
    assert 3 < asked.deadline - time.time() < 6  # noqa: TID251 - the deadline is wall time
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", asked.trace)
    assert answer.headers["x-request-id"] == asked.request_id
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/v2/clients", "token"),
        ("/api/v2/clients/abc/rotate-secret", "token"),
        ("/api/v2/logs/1", "audit"),
        ("/api/v2/resource-servers/https%3A%2F%2Fapi.example.com%2F", "token"),
        ("/api/v2/client-grants", "token"),
        ("/api/v2/keys/signing", "key_rotation"),
        ("/api/v2/tenants/settings", "tenants"),
    ],
)
async def test_each_path_has_its_service(empty: World, path: str, service: str) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.serve(service)
    await empty.start()
    await empty.ready()
    assert (await empty.ask("PATCH", path, data=b"{}")).status == 200
    assert empty.echo.asked[-1].path == path


async def test_a_path_of_nobody_is_404_in_the_shape_of_its_kind(world: World) -> None:
    for path in ("/nothing", "/oauth/token/", "/OAuth/Token", "/api/v2", "/oauth/%74oken"):
        answer = await world.ask("GET", path)
        assert (answer.status, answer.json["error"]) == (404, "not_found"), path
    answer = await world.ask("GET", "/api/v2/unicorns")
    assert answer.json == {"statusCode": 404, "error": "Not Found", "message": "Not Found", "errorCode": "not_found"}
    assert not [each for each in world.echo.asked if not each.path.startswith("/.well-known")]


async def test_a_wrong_method_on_our_own_documents_says_which_are_right(world: World) -> None:
    answer = await world.ask("DELETE", "/.well-known/jwks.json")
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_the_page_at_the_root_points_to_discovery(world: World) -> None:
    answer = await world.ask("GET", "/")
    assert b"/.well-known/openid-configuration" in answer.body


@pytest.mark.security("OI-08")
async def test_an_unknown_host_is_421(world: World) -> None:
    forwarded = {"X-Forwarded-Host": HOST, "Forwarded": f"host={HOST}"}
    for host in ("evil.example", f"{HOST}.", f"{HOST}:81", f"evil@{HOST}", "[::1]"):
        answer = await world.ask("GET", "/.well-known/openid-configuration", headers={"host": host} | forwarded)
        assert (answer.status, answer.json["error"]) == (421, "misdirected_request")
    for host in (HOST.upper(), f"{HOST}:80"):
        assert (await world.ask("POST", "/oauth/token", headers={"host": host})).status == 200


async def test_a_tenant_is_served_once_it_is_open_and_under_its_new_host(world: World) -> None:
    await world.say("acme", TenantRegistered(name="acme", domain="acme.example:8080", scheme="http"))
    await world.say("default", TenantDomainChanged(domain="new.example.com", scheme="http"))
    await world.answers(421, "POST", "/oauth/token")
    assert (await world.ask("POST", "/oauth/token", headers={"host": "new.example.com"})).status == 200
    closed = await world.ask("POST", "/oauth/token", headers={"host": "acme.example:8080"})
    assert (closed.status, closed.headers["retry-after"]) == (503, "1")


async def test_a_service_that_is_not_there_is_503_at_once(empty: World) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.start()
    await empty.ready()
    started = time.monotonic()
    answer = await empty.ask("POST", "/oauth/token")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json["error"] == "temporarily_unavailable"
    management = await empty.ask("GET", "/api/v2/clients")
    assert (management.status, management.json["statusCode"]) == (503, 503)
    assert management.json["errorCode"] == "temporarily_unavailable"
    assert time.monotonic() - started < 1


async def test_nothing_waits_longer_than_its_deadline_and_a_post_is_sent_once(empty: World) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.serve("token")
    await empty.start(request_deadline="300ms")
    await empty.ready()
    empty.echo.waits = 2
    started = time.monotonic()
    answer = await empty.ask("POST", "/oauth/token")
    assert answer.status == 503
    assert time.monotonic() - started < 1
    assert len([each for each in empty.echo.asked if each.path == "/oauth/token"]) == 1


async def test_a_dead_nats_is_503_within_a_second_and_a_living_one_is_used_again(world: World) -> None:
    waiting = asyncio.create_task(world.ask("POST", "/oauth/token"))
    world.echo.waits = 5
    world.nats.kill()
    async with asyncio.timeout(2.5):  # a second each, and a margin for a busy machine
        assert (await world.ask("POST", "/oauth/token")).status == 503
        assert (await world.ask("GET", "/.well-known/jwks.json")).status == 200
        await waiting
    world.echo.waits = 0
    await world.nats.back()
    await world.answers(200, "POST", "/oauth/token")


async def test_a_hung_nats_is_503_within_a_second(world: World) -> None:
    world.nats.pause()
    try:
        started = time.monotonic()
        assert (await world.ask("POST", "/oauth/token")).status == 503
        assert time.monotonic() - started < 2  # a second, and a margin for a busy machine
    finally:
        world.nats.resume()


async def test_past_the_capacity_the_answer_is_503_at_once(empty: World) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.serve("token")
    await empty.start(max_in_flight="2", request_deadline="1s")
    await empty.ready()
    empty.echo.waits = 0.5
    answers = await asyncio.gather(*(empty.ask("POST", "/oauth/token") for _ in range(6)))
    assert sorted(each.status for each in answers) == [200, 200, 503, 503, 503, 503]
    assert all(each.headers["retry-after"] == "1" for each in answers if each.status == 503)


async def test_a_service_cannot_write_the_gateways_own_headers(world: World) -> None:
    world.echo.reply = Reply(
        1, 200, [("server", "aiohttp/3"), ("connection", "x"), ("transfer-encoding", "chunked"), ("etag", '"1"')], b"{}"
    )
    answer = await world.ask("POST", "/oauth/token")
    assert answer.headers["server"] == "limen"
    assert answer.headers["etag"] == '"1"'
    assert "transfer-encoding" not in answer.headers


async def test_stopping_answers_what_is_under_way_and_closes(world: World) -> None:
    world.echo.waits = 0.3
    under_way = asyncio.create_task(world.ask("POST", "/oauth/token"))
    await until(lambda: any(each.path == "/oauth/token" for each in world.echo.asked))
    await world.lifecycle.stop()
    answer = await under_way
    assert answer.status == 200
    assert answer.headers["connection"] == "close"
    assert "running" in world.readiness.missing()
    with pytest.raises(OSError, match=r"refused|onnect"):
        await world.ask("POST", "/oauth/token")
