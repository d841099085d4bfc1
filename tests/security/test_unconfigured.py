"""Routes for what nobody configured: closed to strangers, and the same for everybody whatever is asked."""

from urllib.parse import quote

import pytest

from libs.edge import Route
from tests.security.client import Client
from tests.security.insider import Forger, Insider
from tests.security.management import SCOPES, UNCONFIGURED, path_of

HOSTILE = ("' OR '1'='1", "%", "*:* OR (", '{"$ne": null}')


def parameters(route: Route) -> set[str]:
    return {each.name for each in route.operation.query} if route.operation else set()


@pytest.mark.security("AD-01", "JO-14")
def test_each_is_closed_to_strangers(
    client: Client, other: Client, insider: Insider, forger: Forger, mine: dict[str, str]
) -> None:
    strangers = [client.token(), other.management_token(), "garbage", forger.token(" ".join(SCOPES), typ="logout+jwt")]
    with insider.nothing_changes():
        for route in UNCONFIGURED:
            path = path_of(route, mine)
            nobody = client.http.request(route.method, f"{client.issuer}api/v2/{path}", timeout=10)
            assert nobody.status_code == 401, path
            for token in strangers:
                assert client.manage(route.method, path, token=token).status_code == 401, path
            rest = " ".join(scope for scope in SCOPES if scope not in (route.scopes or ()))
            assert client.manage(route.method, path, token=forger.token(rest)).status_code == 403, path
            for scope in route.scopes or ():
                assert client.manage(route.method, path, token=forger.token(scope)).status_code in {200, 400, 404}, path


@pytest.mark.security("AD-02", "AD-06")
def test_each_answers_everybody_alike_and_refuses_what_it_never_gave(
    client: Client, other: Client, mine: dict[str, str]
) -> None:
    token, elsewhere = client.management_token(), other.management_token()
    for route in (each for each in UNCONFIGURED if each.method == "GET"):
        path, known = path_of(route, mine), parameters(route)
        plain = client.manage("GET", path, token=token)
        assert other.manage("GET", path, token=elsewhere).text == plain.text
        for value in HOSTILE:
            for name in sorted(known - {"page", "per_page", "include_totals", "include_fields", "take", "from"})[:2]:
                answer = client.manage("GET", f"{path}?{name}={quote(value)}", token=token)
                assert answer.status_code == 400 or answer.text == plain.text, (path, name, value)
        if "from" in known and plain.status_code == 200:
            assert client.manage("GET", f"{path}?take=1&from=a.b.c", token=token).status_code == 400, path
        assert client.manage("GET", f"{path}?nonsense=1", token=token).status_code == 400, path


@pytest.mark.security("SF-01", "DS-08")
def test_nothing_strange_can_be_said_to_them(client: Client, insider: Insider, mine: dict[str, str]) -> None:
    headers = {"authorization": f"Bearer {client.management_token()}", "content-type": "application/json"}
    hostile = (
        b"[" * 100_000,
        b'{"a":1,"a":2}',
        b'{"logo_url":"http://127.0.0.1/"}',
        b'{"url":"file:///etc/passwd"}',
        b"",
    )
    with insider.nothing_changes():
        for route in (each for each in UNCONFIGURED if each.method != "GET"):
            url = f"{client.issuer}api/v2/{path_of(route, mine)}"
            for body in hostile:
                answer = client.http.request(route.method, url, data=body, headers=headers, timeout=10)
                assert answer.status_code in {400, 404}, (url, body[:40], answer.text)
