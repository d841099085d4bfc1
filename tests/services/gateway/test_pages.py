"""Pages at the gateway: what of a service's page passes, and what a refusal looks like where a person sees it."""

import re

import pytest

from libs.edge.pages import POLICY
from libs.edge.wire import Reply
from services.gateway.routes.table import EXACT
from tests.services.gateway.conftest import HOST, Answer, World

HTML = ("content-type", "text/html; charset=utf-8")
SEEN = ("/authorize?client_id=a&state=%3Cscript%3E", "/u/login?state=abc", "/oidc/logout", "/v2/logout")


@pytest.mark.parametrize(
    ("method", "path", "service"),
    [
        ("GET", "/authorize", "login"),
        ("POST", "/authorize", "login"),
        ("GET", "/authorize/resume", "login"),
        ("POST", "/u/login/password", "login"),
        ("GET", "/u/static/page.css", "login"),
        ("GET", "/userinfo", "login"),
        ("POST", "/oauth/revoke", "token"),
        ("POST", "/oidc/logout", "login"),
        ("GET", "/v2/logout", "login"),
        ("POST", "/dbconnections/signup", "login"),
        ("GET", "/dev/mailbox.json", "connections"),
        ("GET", "/u/branding/logo", "tenants"),
        ("GET", "/api/v2/users/auth0%7Cabc/refresh-tokens", "login"),
        ("GET", "/api/v2/refresh-tokens/abc", "token"),
        ("DELETE", "/api/v2/sessions/abc", "login"),
        ("POST", "/api/v2/tickets/password-change", "login"),
        ("PATCH", "/api/v2/connections/con_abc", "connections"),
        ("PATCH", "/api/v2/branding", "tenants"),
    ],
)
async def test_each_path_of_people_has_its_service(empty: World, method: str, path: str, service: str) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.serve(service)
    await empty.start()
    await empty.ready()
    assert (await empty.ask(method, path)).status == 200
    assert empty.echo.asked[-1].path == path


async def test_head_passes_wherever_get_does(empty: World) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.serve("login")
    await empty.serve("connections")
    await empty.serve("tenants")
    await empty.start()
    await empty.ready()
    for path in [each for each, route in EXACT.items() if "GET" in route.methods and route.service]:
        assert (await empty.ask("HEAD", path)).status == 200, path
        assert empty.echo.asked[-1].method == "HEAD"
    for path in ("/oauth/token", "/oauth/revoke", "/dbconnections/signup"):
        refused = await empty.ask("HEAD", path)
        assert (refused.status, "HEAD" in refused.headers["allow"]) == (405, False), path


async def test_cookies_and_redirects_pass_as_the_service_wrote_them(world: World) -> None:
    cookies = [("set-cookie", "__Host-limen=a; Path=/; Secure; HttpOnly"), ("set-cookie", "__Host-limen-tx-1=b")]
    world.echo.reply = Reply(1, 303, [*cookies, ("location", "https://app.example/cb?code=x&state=y")], b"")
    head = f"GET /authorize HTTP/1.1\r\nHost: {HOST}\r\nCookie: limen=c\r\nConnection: close\r\n\r\n"
    said = (await world.raw(head.encode())).decode().lower()
    assert said.count("set-cookie: ") == 2
    assert "location: https://app.example/cb?code=x&state=y\r\n" in said
    assert ("cookie", "limen=c") in world.echo.asked[-1].headers


@pytest.mark.security("HD-06")
async def test_a_picture_bears_nosniff_and_keeps_its_policy(world: World) -> None:
    policy = ("content-security-policy", "default-src 'none'; sandbox")
    world.echo.reply = Reply(1, 200, [("content-type", "image/png"), policy], b"PNG")
    answer = await world.ask("GET", "/u/branding/logo")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == policy[1]


@pytest.mark.security("HD-05")
async def test_every_page_bears_the_security_headers(world: World) -> None:
    world.echo.reply = Reply(1, 200, [HTML], b"<p>")
    for answer in [await world.ask("GET", path) for path in SEEN] + [await world.ask("PUT", "/authorize")]:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "camera=()" in answer.headers["permissions-policy"]
        assert answer.headers["server"] == "limen"


async def test_a_page_that_answers_its_opener_says_so_itself(world: World) -> None:
    own = [("cross-origin-opener-policy", "unsafe-none"), ("referrer-policy", "no-referrer")]
    world.echo.reply = Reply(1, 200, [HTML, *own], b"<p>")
    answer = await world.ask("GET", "/authorize")
    assert answer.headers["cross-origin-opener-policy"] == "unsafe-none"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.security("HD-05")
async def test_a_refusal_where_a_person_sees_it_is_a_page(empty: World) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.start()
    await empty.ready()
    for path in SEEN:
        unavailable = await empty.ask("GET", path)
        _page(unavailable, 503)
        assert "retry-after" in unavailable.headers or b"moment" in unavailable.body
        _page(await empty.ask("GET", path, headers={"host": "evil.example"}), 421)
    for path in ("/authorize", "/oidc/logout", "/v2/logout"):
        refused = await empty.ask("DELETE", path)
        _page(refused, 405)
        assert "GET" in refused.headers["allow"]


def _page(answer: Answer, status: int) -> None:
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"
    text = answer.body.decode()
    assert "<h1>" in text
    assert answer.headers["x-request-id"] in text
    for told in ("Traceback", "<script", "limen", "NoResponders", "http", "src="):
        assert told not in text.replace("http-equiv", ""), told
    assert not re.search(r"\d+\.\d+\.\d+", text)


async def test_userinfo_and_dbconnections_refuse_in_their_own_shapes(empty: World) -> None:
    await empty.open_logs()
    await empty.tenant()
    await empty.start()
    await empty.ready()
    answer = await empty.ask("GET", "/userinfo")
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")
    answer = await empty.ask("POST", "/dbconnections/signup")
    assert answer.status == answer.json["statusCode"] == 503
    assert set(answer.json) == {"name", "code", "description", "statusCode"}
    assert (await empty.ask("PUT", "/userinfo")).status == 405
