"""Every property that is a URL, of every resource: none may lead inside, run code or read files; nobody is called."""

import re
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from libs.edge import Route
from libs.edge.schema import Text
from tests.security.client import Client
from tests.security.insider import Insider
from tests.security.management import WITH_BODY, body_of, named, path_of, places

FETCHED: Final = {"https-url", "https-url-or-empty", "https-url-template", "picture-url"}
FOLLOWED: Final = {"web-url", "redirect-uri", "origin"}
TOLD: Final = {"told-url"}
"""Called by `connections`, which judges the address it connects to: on a developer's machine that may be this one."""

LIKE_A_URL: Final = re.compile(
    r"(?:ur[il]s?|origins?|callbacks?|href|destination|recipient|logo|picture|_loc|link)(?:\[\])?$", re.IGNORECASE
)


def hostile_everywhere(port: int) -> tuple[str, ...]:
    """What neither a browser may be sent to nor we may fetch."""
    inside = ("169.254.169.254", "0.0.0.0", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[::127.0.0.1]")
    odd = ("2130706433", "127.1", "0x7f000001", "0177.0.0.1", "localtest", "localhost.localdomain")
    hosts = [f"http://{host}:{port}/x" for host in (*inside, *odd)]
    schemes = (
        "file:///etc/passwd",
        f"gopher://127.0.0.1:{port}/",
        f"ftp://127.0.0.1:{port}/",
        "data:text/html,<script>",
    )
    script = (
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\tscript:alert(1)",
        "vbscript:x",
        "blob:https://a.example/x",
    )
    tricks = (
        f"http://a.example@127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}\\@a.example/",
        "view-source:https://a.example/",
    )
    return (
        *hosts,
        *schemes,
        *script,
        *tricks,
        "http://a.example/",
        "//a.example/",
        "a.example",
        "https://a.example/ x",
    )


def hostile_to_fetch(port: int) -> tuple[str, ...]:
    """What we may not fetch, and a browser may be sent to where the user's own machine is meant."""
    hosts = ("127.0.0.1", "[::1]", "localhost", "0.0.0.0", "169.254.169.254", "10.0.0.1", "192.168.0.1", "2130706433")
    wrapped = (
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[::127.0.0.1]",
        "[2002:7f00:1::]",
        "127.1",
        "localtest",
        "x.localhost",
    )
    return tuple(f"{scheme}://{host}:{port}/" for scheme in ("http", "https") for host in (*hosts, *wrapped))


@pytest.fixture(scope="module")
def canary() -> Iterator[socket.socket]:
    """A listener on every loopback address whom nobody may call."""
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        listener.settimeout(0)
        yield listener


def urls_of(route: Route) -> Iterator[tuple[str, Text, Callable[[Any], Any]]]:
    assert route.operation is not None
    assert route.operation.body is not None
    for place, kind, around in places(route.operation.body):
        if kind.format in FETCHED | FOLLOWED | TOLD:
            yield place, kind, around


@pytest.mark.security("SF-01", "RU-05")
@pytest.mark.parametrize("route", WITH_BODY, ids=named)
def test_what_sounds_like_a_url_is_checked_as_one(route: Route) -> None:
    assert route.operation is not None
    assert route.operation.body is not None
    for place, kind, _ in places(route.operation.body):
        if LIKE_A_URL.search(place) and not kind.enum:
            assert kind.format in FETCHED | FOLLOWED | TOLD, place


@pytest.mark.security("SF-01", "RU-05", "RU-06")
@pytest.mark.parametrize("route", [route for route in WITH_BODY if [*urls_of(route)]], ids=named)
def test_no_url_leads_inside(
    client: Client, insider: Insider, canary: socket.socket, mine: dict[str, str], route: Route
) -> None:
    token, port = client.management_token(), canary.getsockname()[1]
    base = (body_of(route, audience=mine["audience"]) or {}) if route.method == "POST" else {}
    with insider.nothing_changes():
        for place, kind, around in urls_of(route):
            more = hostile_to_fetch(port) if kind.format in FETCHED else ()
            # A creation reads the same tables as a change: a sample shows that it does.
            for url in (*hostile_everywhere(port), *more)[:: 1 if route.method == "PATCH" else 7]:
                answer = client.manage(route.method, path_of(route, mine), base | around(url), token=token)
                assert answer.status_code == 400, (place, url, answer.text)
                assert "validation" in answer.json()["message"], (place, url)
    with pytest.raises(BlockingIOError):
        canary.accept()


GOOD: Final = "https://app.example/path"
FOR_FORMAT: Final = {"origin": "https://app.example"}


@pytest.mark.parametrize(
    "route", [route for route in WITH_BODY if [*urls_of(route)] and route.method == "PATCH"], ids=named
)
def test_an_ordinary_url_is_kept_at_each_place(client: Client, mine: dict[str, str], route: Route) -> None:
    app = client.machine("with URLs")
    token, path = client.management_token(), path_of(route, mine | {"clients": app["client_id"]})
    for place, kind, around in urls_of(route):
        body = around(FOR_FORMAT.get(kind.format or "", GOOD))
        answer = client.manage("PATCH", path, body, token=token)
        assert answer.status_code == 200, (place, answer.text)
        assert body.items() <= answer.json().items()
        assert client.manage("PATCH", path, dict.fromkeys(body), token=token).status_code == 200, place
