import sys
from datetime import UTC, datetime

import msgspec
import pytest

from libs.edge.wire import Reply
from libs.eventstore import Envelope
from libs.runtime.ids import uuid7
from services.gateway.projections.origins import Origins, origin_of
from services.tenants.events import TenantOpened, TenantRegistered
from services.token.events import ClientChanged, ClientDeleted, ClientRegistered
from tests.services.gateway.conftest import DISCOVERY, JWKS, World

APP = "https://app.example"
SHARED = (
    ("POST", "/oauth/token"), ("POST", "/oauth/revoke"), ("GET", "/userinfo"), ("POST", "/dbconnections/signup"),
    ("POST", "/dbconnections/change_password"),
)  # fmt: skip


@pytest.mark.security("AZ-10")
async def test_a_registered_origin_reads_what_applications_call_and_another_does_not(world: World) -> None:
    await world.client("app1", web_origins=[APP])
    await world.shares(APP)
    for method, path in SHARED:
        for each in (method, "OPTIONS"):
            answer = await world.ask(each, path, headers={"Origin": APP})
            assert answer.headers["access-control-allow-origin"] == APP, path
            assert answer.headers["vary"] == "origin"
            assert "access-control-allow-credentials" not in answer.headers
            for stranger in ("https://evil.ex", "null", f"{APP}.evil.ex", "http://app.example", f"{APP}:8443"):
                answer = await world.ask(each, path, headers={"Origin": stranger})
                assert not any(name.startswith("access-control") for name in answer.headers), (path, stranger)
                assert answer.headers["vary"] == "origin"


async def test_a_preflight_allows_what_the_libraries_send(world: World) -> None:
    await world.client("app1", callbacks=[f"{APP}/callback?a=b"])
    await world.shares(APP)
    sent = {"auth0-client", "dpop", "content-type", "authorization", "x-requested-with"}
    asked = {"Origin": APP, "Access-Control-Request-Headers": ",".join(sorted(sent))}
    for method, path in SHARED:
        answer = await world.ask("OPTIONS", path, headers=asked | {"Access-Control-Request-Method": method})
        assert answer.status == 204
        allowed = {name.strip() for name in answer.headers["access-control-allow-headers"].split(",")}
        assert allowed >= sent
        assert method in answer.headers["access-control-allow-methods"]
        assert "dpop-nonce" in answer.headers["access-control-expose-headers"]


async def test_a_refusal_can_be_read_by_the_application_too(world: World) -> None:
    await world.client("app1", allowed_origins=[APP])
    await world.shares(APP)
    answer = await world.ask("GET", "/oauth/token", headers={"Origin": APP})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (405, APP)


@pytest.mark.security("AZ-10")
async def test_public_documents_are_for_any_origin_and_pages_for_none(world: World) -> None:
    await world.client("app1", web_origins=[APP])
    await world.shares(APP)
    world.echo.reply = Reply(1, 200, [("access-control-allow-origin", APP)], b"{}")
    for path in (JWKS, DISCOVERY):
        answer = await world.ask("GET", path, headers={"Origin": "https://evil.ex"})
        assert answer.headers["access-control-allow-origin"] == "*"
    for path in ("/authorize", "/u/login", "/oidc/logout", "/v2/logout", "/api/v2/clients", "/nothing", "/"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = await world.ask(method, path, headers={"Origin": APP})
            assert not any(name.startswith("access-control") for name in answer.headers), path


async def test_an_origin_counts_for_its_tenant_and_as_long_as_somebody_names_it(world: World) -> None:
    await world.say("acme", TenantRegistered(name="acme", domain="acme.example", scheme="http"))
    await world.say("acme", TenantOpened())
    await world.client("app1", tenant="acme", web_origins=[APP])
    await world.shares(APP, host="acme.example")
    answer = await world.ask("OPTIONS", "/oauth/token", headers={"Origin": APP})
    assert "access-control-allow-origin" not in answer.headers


def test_origins_follow_the_facts() -> None:
    origins = Origins()
    _heard(origins, ClientRegistered(client_id="a", properties={"web_origins": [APP], "callbacks": ["app.native:/cb"]}))
    _heard(origins, ClientRegistered(client_id="b", properties={"allowed_origins": [APP], "name": "b"}))
    _heard(
        origins, ClientChanged(client_id="a", properties={"web_origins": None, "callbacks": ["http://127.0.0.1:7/"]})
    )
    assert origins.has("default", APP)
    assert origins.has("default", "http://127.0.0.1:7")
    assert not origins.has("default", "app.native:")
    _heard(origins, ClientChanged(client_id="b", properties={"name": "c"}))
    assert origins.has("default", APP)
    _heard(origins, ClientDeleted(client_id="b"))
    _heard(origins, ClientDeleted(client_id="b"))
    assert not origins.has("default", APP)
    assert not origins.has("other", "http://127.0.0.1:7")


def test_ten_thousand_applications_fit_in_little_memory() -> None:
    origins = Origins()
    for number in range(10_000):
        app = f"https://app{number}.example"
        named = {"web_origins": [app, APP], "allowed_origins": [app], "callbacks": [f"{app}/cb", f"{app}/cb2"]}
        _heard(origins, ClientRegistered(client_id=f"client{number}", properties=named))
    assert origins.has("default", "https://app9999.example")
    assert _size(vars(origins), set()) < 16 << 20


def _size(value: object, seen: set[int]) -> int:
    """Bytes of an object and what it holds."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    parts: list[object] = []
    if isinstance(value, dict):
        parts = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple):
        parts = list(value)
    return sys.getsizeof(value) + sum(_size(part, seen) for part in parts)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://App.Example:443/callback", "https://app.example"),
        ("http://localhost:3000/cb?x#y", "http://localhost:3000"),
        ("http://[::1]:80/", "http://[::1]"),
        ("https://user@app.example/", "https://app.example"),
        ("com.example.app://callback", None),
        ("https://", None),
        ("https://app.example:99999/", None),
        ("javascript:alert(1)", None),
    ],
)
def test_the_origin_of_an_url(url: str, origin: str | None) -> None:
    assert origin_of(url) == origin


def _heard(origins: Origins, event: ClientRegistered | ClientChanged | ClientDeleted) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    origins.apply(
        Envelope(
            id=uuid7(), tenant="default", stream="client-a", version=1, log="facts", epoch=1, pos=1, type="token.x",
            v=1, occurred_at=now, at=now, data=msgspec.Raw(b"{}"),
        ),
        event,
    )  # fmt: skip
