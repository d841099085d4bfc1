from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.edge import Call, MalformedPath, MethodNotAllowed, Reply, Route, RouteTable, UnknownPath, answers, renderers
from libs.edge.operation import Operation
from libs.edge.routes import AmbiguousRoute, ScopelessRoute, UndescribedRoute


async def handler(_: Call) -> Reply:
    return answers.empty()


async def other(_: Call) -> Reply:
    return answers.empty()


READ, WRITE = ("read:clients",), ("update:clients", "create:clients")
PLAIN = Operation()
TABLE = RouteTable(
    Route("POST", "/oauth/token", handler, slot="token"),
    Route("GET", "/.well-known/jwks.json", handler),
    Route("GET", "/pages/{page}", handler),
    Route("GET", "/api/v2/clients", handler, scopes=READ, operation=PLAIN),
    Route("POST", "/api/v2/clients", handler, scopes=WRITE, operation=PLAIN),
    Route("GET", "/api/v2/clients/{id}", handler, scopes=READ, operation=PLAIN),
    Route("GET", "/api/v2/clients/search", other, scopes=READ, operation=PLAIN),
    Route("POST", "/api/v2/clients/{id}/rotate-secret", handler, scopes=WRITE, operation=PLAIN),
    Route("DELETE", "/api/v2/clients/{id}/credentials/{credential_id}", handler, scopes=WRITE, operation=PLAIN),
)


def test_a_path_without_parameters_is_matched() -> None:
    match = TABLE.match("POST", "/oauth/token")
    assert (match.route.template, dict(match.parameters)) == ("/oauth/token", {})


def test_parameters_are_named_by_their_route_and_decoded_once() -> None:
    match = TABLE.match("DELETE", "/api/v2/clients/abc/credentials/cred%5F%2525")
    assert match.parameters == {"id": "abc", "credential_id": "cred_%25"}


def test_a_named_segment_is_tried_before_a_parameter() -> None:
    assert TABLE.match("GET", "/api/v2/clients/search").route.handler is other
    assert TABLE.match("POST", "/api/v2/clients/search/rotate-secret").parameters == {"id": "search"}


@pytest.mark.security("HD-02")
def test_an_encoded_slash_is_data_in_a_management_id_and_malformed_elsewhere() -> None:
    match = TABLE.match("GET", "/api/v2/clients/https%3A%2F%2Fapi.example%2F..%2fx")
    assert match.parameters == {"id": "https://api.example/../x"}
    with pytest.raises(MalformedPath):
        TABLE.match("GET", "/pages/a%2Fb")
    with pytest.raises(MalformedPath):
        TABLE.match("POST", "/oauth%2ftoken")


@pytest.mark.security("HD-02")
@pytest.mark.parametrize(
    "path",
    [
        "",
        "oauth/token",
        "//oauth/token",
        "/oauth//token",
        "/oauth/./token",
        "/oauth/../oauth/token",
        "/x/%2e%2e/oauth/token",
        "/x/%2E./oauth/token",
        "/x/..;/oauth/token",
        "/oauth/token;jsessionid=1",
        "/oauth/token#x",
        "/oauth/token?x",
        "/oauth\\token",
        "/oauth/token%00",
        "/pages/a%0a",
        "/pages/%ff",
        "/pages/%c0%af",
        "/pages/%ed%a0%80",
        "/pages/%",
        "/pages/%2",
        "/pages/%zz",
        "/pages/a b",
        "/pages/é",
        "/pages/a\0",
        "/api/v2/clients/..",
        "/api/v2/clients/%2e%2e",
        "/api/v2/clients/a;b",
        "/api/v2//clients",
        "/api/v2/clients/" + "a" * 10_000,
        "*",
        "http://evil.example/oauth/token",
    ],
)
def test_a_path_that_two_readers_could_understand_differently_is_malformed(path: str) -> None:
    with pytest.raises(MalformedPath):
        TABLE.match("GET", path)


@pytest.mark.security("HD-02")
@pytest.mark.parametrize(
    "path",
    [
        "/OAuth/Token",
        "/oauth/token/",
        "/oauth/token.",
        "/oauth/%74oken",
        "/",
        "/pages",
        "/pages/",
        "/api/V2/clients",
        "/api/v2/clients/",
        "/api/v2/clients/a/rotate-secret/x",
        "/api%2e/v2/clients",
    ],
)
def test_a_look_alike_of_a_path_is_unknown(path: str) -> None:
    with pytest.raises(UnknownPath):
        TABLE.match("POST", path)


@pytest.mark.security("TE-01")
def test_another_method_is_told_which_are_allowed() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        TABLE.match("GET", "/oauth/token")
    assert caught.value.headers == [("allow", "POST")]
    with pytest.raises(MethodNotAllowed) as caught:
        TABLE.match("PUT", "/api/v2/clients")
    assert caught.value.headers == [("allow", "GET, HEAD, POST")]


def test_head_is_served_as_get() -> None:
    assert TABLE.match("HEAD", "/.well-known/jwks.json").route.method == "GET"
    with pytest.raises(MethodNotAllowed):
        TABLE.match("HEAD", "/oauth/token")


@pytest.mark.security("AD-01")
@pytest.mark.parametrize("scopes", [None, ()])
def test_a_management_route_without_a_scope_does_not_start(scopes: Any) -> None:
    with pytest.raises(ScopelessRoute, match="GET /api/v2/things"):
        Route("GET", "/api/v2/things", handler, scopes=scopes)


def test_a_management_route_that_is_not_described_does_not_start() -> None:
    with pytest.raises(UndescribedRoute, match="GET /api/v2/things"):
        Route("GET", "/api/v2/things", handler, scopes=READ)


def test_two_routes_for_the_same_request_do_not_start() -> None:
    with pytest.raises(AmbiguousRoute):
        RouteTable(Route("GET", "/a/{x}", handler), Route("GET", "/a/{y}", other))


def test_slot_and_renderer_follow_from_the_path() -> None:
    token, _, page, clients, *_ = TABLE
    assert (token.slot, token.renderer) == ("token", renderers.oauth_json)
    assert page.slot == "public"
    assert (clients.slot, clients.renderer) == ("management", renderers.management)


def test_the_table_tells_its_scopes() -> None:
    assert TABLE.scopes() == ["create:clients", "read:clients", "update:clients"]
    assert len(TABLE) == 9


@given(
    st.text(alphabet="/.%;\\ab2eEfF0\n é{}", max_size=20).map(lambda tail: f"/pages{tail}"),
    st.sampled_from(["GET", "PUT"]),
)
def test_any_path_is_matched_or_refused_with_the_declared_errors(path: str, method: str) -> None:
    try:
        TABLE.match(method, path)
    except (MalformedPath, UnknownPath, MethodNotAllowed):
        return
