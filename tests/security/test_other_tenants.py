"""Another tenant's objects do not exist: named in a path, in a body, in a query or in a header."""

from collections.abc import Iterator
from typing import Any

import pytest

from libs.edge import Route
from tests.security.client import Client, Signer
from tests.security.insider import Insider
from tests.security.management import ROUTES, TEMPLATED, body_of, named, path_of


def ids(route: Route, mine: dict[str, str], theirs: dict[str, str]) -> Iterator[dict[str, str]]:
    """The ids of a tenant's objects, an API's also by its identifier; where there are two, one of them alone too."""
    yield mine
    if route.template.count("{") > 1:
        yield mine | {"clients": theirs["clients"]}
    yield mine | {"resource-servers": mine["audience"].replace(":", "%3A").replace("/", "%2F")}


@pytest.mark.security("AD-02")
@pytest.mark.parametrize("route", TEMPLATED, ids=named)
def test_an_id_of_another_tenant_in_a_path_is_nobodys(
    client: Client, other: Client, insider: Insider, mine: dict[str, str], theirs: dict[str, str], route: Route
) -> None:
    known = {"scope": [], "pem": Signer.new("ES256").pem, "alg": "ES256", "expires_at": "2099-01-01T00:00:00Z"}
    body, token = body_of(route, **known), other.management_token()
    with insider.nothing_changes():
        for each in ids(route, mine, theirs):
            answer = other.manage(route.method, path_of(route, each), body, token=token)
            # Deleting what is not there is 204 or 202, as Auth0 answers.
            nobodys = other.manage(route.method, path_of(route, {}), body, token=token)
            quiet = {404} | ({nobodys.status_code} & {202, 204} if route.method == "DELETE" else set())
            assert answer.status_code in quiet, answer.text
            assert mine["audience"] not in answer.text
            assert mine["users"] not in answer.text
    assert client.manage("GET", f"clients/{mine['clients']}").status_code == 200


def bodies(mine: dict[str, str], theirs: dict[str, str]) -> Iterator[tuple[str, str, Any]]:
    """Requests of one tenant that name another one's objects in their bodies."""
    for client_id, audience in (
        (mine["clients"], theirs["audience"]),
        (theirs["clients"], mine["audience"]),
        (mine["clients"], mine["audience"]),
    ):
        yield "POST", "client-grants", {"client_id": client_id, "audience": audience, "scope": []}
    methods = {"private_key_jwt": {"credentials": [{"id": mine["credentials"]}]}}
    yield "PATCH", f"clients/{theirs['clients']}", {"client_authentication_methods": methods}
    yield "POST", "clients", {"name": "thief", "client_authentication_methods": methods}
    yield "POST", "connections", {"name": "thief", "strategy": "auth0", "enabled_clients": [mine["clients"]]}
    asked = ("tickets/password-change", "tickets/email-verification", "jobs/verification-email")
    for path in asked:
        yield "POST", path, {"user_id": mine["users"]}
        yield "POST", path, {"user_id": theirs["users"], "client_id": mine["clients"]}
    yield "POST", asked[0], {"user_id": theirs["users"], "connection_id": mine["connections"]}
    for user_id in (mine["users"], theirs["users"]):
        address = {"connection_id": mine["connections"], "email": user_id}
        yield "POST", asked[0], address
    lets_in = [{"client_id": mine["clients"], "status": True}]
    yield "PATCH", f"connections/{theirs['connections']}/clients", lets_in


@pytest.mark.security("AD-02")
def test_an_id_of_another_tenant_in_a_body_is_nobodys(
    other: Client, insider: Insider, mine: dict[str, str], theirs: dict[str, str]
) -> None:
    with insider.nothing_changes():
        for method, path, body in bodies(mine, theirs):
            answer = other.manage(method, path, body)
            assert answer.status_code in {400, 404}, (path, body, answer.text)


@pytest.mark.security("AD-02")
def test_a_filter_for_another_tenants_objects_finds_nothing(other: Client, mine: dict[str, str]) -> None:
    for query in (
        f"client-grants?client_id={mine['clients']}",
        f"client-grants?audience={mine['audience']}",
        f"resource-servers?identifiers={mine['audience']}",
        f"clients?external_client_id={mine['clients']}",
    ):
        answer = other.manage("GET", query)
        assert (answer.status_code, answer.json()) == (200, []), query


@pytest.mark.security("AD-02", "HD-01")
@pytest.mark.parametrize(
    "route", [each for each in ROUTES if each.method == "GET" and "{" not in each.template], ids=named
)
@pytest.mark.usefixtures("theirs")
def test_no_header_leads_to_another_tenant(client: Client, other: Client, mine: dict[str, str], route: Route) -> None:
    host = client.issuer.split("/")[2]
    tenant = client.manage("GET", f"clients/{mine['clients']}").json()["tenant"]
    claims = {
        "x-tenant": tenant,
        "x-tenant-id": tenant,
        "tenant": tenant,
        "x-limen-tenant": tenant,
        "nats-tenant": tenant,
    }
    claims |= {"x-forwarded-host": host, "forwarded": f"host={host}", "x-original-host": host, "x_tenant": tenant}
    # A log grows while it is read; how it begins stays.
    path = path_of(route, mine) + ("?take=1" if route.template.endswith("/logs") else "")
    claims |= {"auth0-tenant": tenant, "x-original-url": f"{client.issuer}api/v2/{path}"}
    url, token = f"{other.issuer}api/v2/{path}", other.management_token()
    plain = other.http.get(url, headers={"authorization": f"Bearer {token}"}, timeout=10)
    claimed = other.http.get(url, headers=claims | {"authorization": f"Bearer {token}"}, timeout=10)
    assert (claimed.status_code, claimed.json()) == (plain.status_code, plain.json())
    assert not [each for each in mine.values() if each in claimed.text]
    foreign = client.http.get(
        url.replace(other.issuer, client.issuer), headers={"authorization": f"Bearer {token}"}, timeout=10
    )
    assert foreign.status_code == 401
