"""Requests to the Management API that no client of ours sends: methods, paths, headers and bodies made to confuse."""

import socket
from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid1

import pytest

from libs.edge import Route
from tests.security.client import Client
from tests.security.insider import Insider
from tests.security.management import ROUTES, WITH_BODY, body_of, named, path_of, places
from tests.stack import Stack

OVERRIDES: Final = ("x-http-method-override", "x-http-method", "x-method-override", "_method", "x-original-method")


@pytest.fixture(scope="module")
def token(client: Client) -> str:
    return client.management_token()


def raw(
    stack: Stack, method: str, target: str, token: str, headers: tuple[str, ...] = (), body: bytes = b""
) -> tuple[int, bytes]:
    """Status and body of the answer to a request whose target is sent as it is."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: localhost:{stack.port}", "Connection: close", *headers]
    lines += [f"Authorization: Bearer {token}", f"Content-Length: {len(body)}"]
    with socket.create_connection(("localhost", stack.port), 10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, rest = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), rest


PATHS: Final = sorted({route.template for route in ROUTES})


def methods_of(template: str) -> set[str]:
    found = {route.method for route in ROUTES if route.template == template}
    return found | ({"HEAD"} if "GET" in found else set())


def read_of(template: str) -> int:
    """The status of a read that succeeds."""
    [route] = [each for each in ROUTES if (each.method, each.template) == ("GET", template)]
    return route.operation.status if route.operation else 200


@pytest.mark.parametrize("template", PATHS, ids=lambda each: each.removeprefix("/api/v2/"))
def test_a_method_does_what_it_says_or_nothing(
    stack: Stack, insider: Insider, mine: dict[str, str], token: str, template: str
) -> None:
    path = path_of(next(route for route in ROUTES if route.template == template), mine)
    with insider.nothing_changes():
        unserved = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} - methods_of(
            template
        )
        for method in sorted(unserved):
            status, body = raw(
                stack, method, f"/api/v2/{path}", token, body=b'{"name":"x"}' if method == "POST" else b""
            )
            assert status == 405, (method, body)
            assert mine["audience"].encode() not in body
        for method in ("get", "BREW", "DELETE\t", "CONNECT"):
            assert raw(stack, method, f"/api/v2/{path}", token)[0] in {400, 405}, method
        if "HEAD" in methods_of(template):
            status, body = raw(stack, "HEAD", f"/api/v2/{path}", token)
            promised = read_of(template)
            assert (status in {promised, 404}, body) == (True, b"")
            assert raw(stack, "HEAD", f"/api/v2/{path}", "garbage")[0] == 401
            headers = tuple(f"{name}: DELETE" for name in OVERRIDES)
            assert raw(stack, "GET", f"/api/v2/{path}", token, headers)[0] in {promised, 404}


def disguised(audience: str) -> Iterator[tuple[str, set[int]]]:
    """Paths that somebody could read as another one, and what they may be answered."""
    for path in ("clients//{0}", "clients/./{0}", "clients/x/../{0}", "clients/%2e/{0}", "clients/%2E%2E/clients/{0}"):
        yield path, {400}
    for path in (
        "clients/..;/{0}",
        "clients;v=1/{0}",
        "clients/{0};jsessionid=1",
        "clients\\{0}",
        "/clients/{0}",
        "clients/{0}#x",
    ):
        yield path, {400}
    for path in (
        "clients/{0}%00",
        "clients/%0a{0}",
        "clients/{0}%zz",
        "clients/{0}%ff",
        "clients/..",
        "clients/%2e%2e",
        "../v2/clients",
    ):
        yield path, {400}
    for path in (
        "Clients/{0}",
        "%63lients/{0}",
        "clients%2F{0}",
        "clients/{0}/",
        "clients/{0}%2F",
        "clients/%2F{0}",
        "clients./{0}",
    ):
        yield path, {404}
    for path in (
        "clients/{0}.",
        "clients/{0}%20",
        "clients/{0}.json",
        "clients/{0}%2Frotate-secret",
        "clients/x%2F..%2F{0}",
        "clients/%7B0%7D",
    ):
        yield path, {404}
    for path in (
        "clients/%252e%252e%252f{0}",
        "clients/{0}/rotate-secret/",
        "keys%2Fsigning",
        "tenants%2fsettings",
        "x/..%2fclients/{0}",
    ):
        yield path, {404}
    yield f"resource-servers/{audience}", {400}


@pytest.mark.security("HD-02")
def test_a_path_that_is_nearly_another_is_not_it(
    stack: Stack, insider: Insider, mine: dict[str, str], token: str
) -> None:
    app = mine["clients"]
    with insider.nothing_changes():
        for path, expected in disguised(mine["audience"]):
            for method in ("GET", "DELETE", "PATCH"):
                target = f"/api/v2/{path}".replace("{0}", app)
                status, body = raw(
                    stack, method, target, token, ("Content-Type: application/json",), b'{"name":"stolen"}'
                )
                # Deleting what is not there is 204, as Auth0 answers.
                quiet = expected | ({204} if method == "DELETE" else set()) | {405}
                assert status in quiet, (method, target, status, body)
                assert b"everybody's aim" not in body, target
        for target in (
            f"/API/V2/clients/{app}",
            f"/api/v2./clients/{app}",
            f"//api/v2/clients/{app}",
            f"/api%2fv2/clients/{app}",
        ):
            assert raw(stack, "GET", target, token)[0] in {400, 404}, target


def test_an_encoded_slash_is_part_of_an_identifier(client: Client, mine: dict[str, str], token: str) -> None:
    escaped = mine["audience"].replace(":", "%3A").replace("/", "%2F")
    answer = client.manage("GET", f"resource-servers/{escaped}", token=token)
    assert (answer.status_code, answer.json()["id"]) == (200, mine["resource-servers"])
    strange = client.api(f"urn:{uuid1().hex}/../x?y#z%2e")
    path = strange["identifier"].replace("%", "%25").replace("/", "%2F").replace("?", "%3F").replace("#", "%23")
    assert client.manage("GET", f"resource-servers/{path}", token=token).json()["id"] == strange["id"]
    assert client.manage("DELETE", f"resource-servers/{path}", token=token).status_code == 204


def bombs(name: str) -> Iterator[tuple[str, bytes]]:
    """JSON that is too deep, too wide, doubled or not quite JSON, around a member that is known."""
    quoted = f'"{name}":'.encode()
    yield "deep arrays", b"{" + quoted + b"[" * 100_000 + b"]" * 100_000 + b"}"
    yield "deep objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    yield "wide", b"{" + b",".join(b'"k%d":1' % at for at in range(80_000)) + b"}"
    yield "too large", b"{" + quoted + b'"' + b"x" * (1 << 20) + b'"}'
    yield "a number without end", b"{" + quoted + b"9" * 100_000 + b"}"
    yield "overflow", b"{" + quoted + b"1e400}"
    for word in (b"NaN", b"Infinity", b"-Infinity", b"01", b"0x1", b"1.", b"+1", b"undefined", b"'x'"):
        yield word.decode(), b"{" + quoted + word + b"}"
    yield "doubled", b"{" + quoted + b'"a",' + quoted + b'"b"}'
    yield "doubled by an escape", b"{" + quoted + b'"a","\\u%04x%s":"b"}' % (ord(name[0]), name[1:].encode())
    yield "a lone surrogate", b"{" + quoted + b'"\\ud800"}'
    yield "a surrogate in UTF-8", b"{" + quoted + b'"\xed\xa0\x80"}'
    yield "not UTF-8", b"{" + quoted + b'"\xff"}'
    yield "a byte order mark", b"\xef\xbb\xbf{" + quoted + b'"a"}'
    yield "UTF-16", ("{" + f'"{name}":"a"' + "}").encode("utf-16")
    yield "UTF-32", ("{" + f'"{name}":"a"' + "}").encode("utf-32-le")
    for text in (
        b"",
        b" ",
        b"[]",
        b'"x"',
        b"1",
        b"null",
        b"{",
        b"{}}",
        b"{} {}",
        b"{,}",
        b'{"a":1,}',
        b"//\n{}",
        b"{}\x00",
    ):
        yield repr(text), text


@pytest.mark.security("DS-08", "DS-01")
@pytest.mark.parametrize("route", WITH_BODY, ids=named)
def test_strange_json_is_refused_and_cheap(
    client: Client, insider: Insider, mine: dict[str, str], token: str, route: Route
) -> None:
    operation: Any = route.operation
    name = next(each.name for each in operation.body.properties if not each.is_read_only)
    url = f"{client.issuer}api/v2/{path_of(route, mine)}"
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    with insider.nothing_changes():
        for what, body in bombs(name):
            if body in {b"", b"null"} and operation.is_body_optional:
                continue
            answer = client.http.request(route.method, url, data=body, headers=headers, timeout=10)
            assert answer.status_code == (413 if what == "too large" else 400), (what, answer.text[:300])
            assert len(answer.content) < 2000, what
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json-patch+json",
            "application/jsonx",
            "",
        ):
            answer = client.http.request(
                route.method, url, data=b'{"name":"x"}', headers=headers | {"content-type": kind}, timeout=10
            )
            assert answer.status_code == 400, kind


STRANGE_TEXTS: Final = ("a\x00b", "\r\nset-cookie: a=b\x1b[2J\u202e\ufffe\U0010ffff")


@pytest.mark.parametrize("route", WITH_BODY, ids=named)
def test_a_strange_text_is_kept_or_refused_and_breaks_nothing(
    client: Client, mine: dict[str, str], token: str, route: Route
) -> None:
    operation: Any = route.operation
    base = body_of(route, audience=mine["audience"]) if route.method == "POST" else {}
    # A creation reads the same tables as a change: a sample shows that it does.
    for place, _, around in [*places(operation.body)][:: 7 if route.method == "POST" else 1]:
        for text in STRANGE_TEXTS:
            body = (base or {}) | around(text)
            answer = client.manage(route.method, path_of(route, mine), body, token=token)
            assert answer.status_code in {200, 201, 400, 404, 409}, (place, text, answer.text)
            assert answer.status_code == 400 or "\x00" not in text, (place, text)
            if route.method == "PATCH" and answer.status_code == 200:
                # The stack is shared: others count on what a setting is when nobody has set it.
                client.manage("PATCH", path_of(route, mine), dict.fromkeys(around(text)), token=token)
