import re

import pytest

from libs.runtime.clock import wall
from tests.services.token.office import ALL_SCOPES, Office, credential, keys, token_of


@pytest.mark.security("AD-01")
async def test_every_route_asks_for_its_scope(office: Office) -> None:
    assert len(office.table) == 24
    for route in office.table:
        assert route.scopes, route.name
        path = re.sub(r"{\w+}", "x", route.template.removeprefix("/api/v2/"))
        without = " ".join(scope for scope in ALL_SCOPES.split() if scope not in route.scopes)
        body: dict[str, str] | None = None if route.method in {"GET", "DELETE"} else {}
        assert (await office.ask(route.method, path, body, token="")).status == 401, route.name
        assert (await office.ask(route.method, path, body, scope=without)).error == (403, "insufficient_scope")
        for claims in ({"aud": "https://api.example/"}, {"exp": int(wall()) - 60}, {"iss": "https://evil.example/"}):
            token = token_of("acme", **claims)
            assert (await office.ask(route.method, path, body, token=token)).status == 401, (route.name, claims)
        assert (await office.ask(route.method, path, body, token=token_of("other"))).status == 401, route.name
    assert await office.facts() == []


@pytest.mark.security("AD-02")
async def test_another_tenants_objects_are_not_there(office: Office) -> None:
    client, api = await office.client(), await office.api("https://api.example/")
    grant = await office.grant(client, api, "read")
    before = len(await office.facts())
    for path, body in (
        (f"clients/{client['client_id']}", {"name": "Mine now"}),
        (f"resource-servers/{api['id']}", {"name": "Mine now"}),
        ("resource-servers/https%3A%2F%2Fapi.example%2F", {"name": "Mine now"}),
        (f"client-grants/{grant['id']}", {"scope": []}),
    ):
        assert (await office.ask("GET", path, tenant="other")).status == 404
        assert (await office.ask("PATCH", path, body, tenant="other")).status == 404
        assert (await office.ask("DELETE", path, tenant="other")).status == 204
    rotated = await office.ask("POST", f"clients/{client['client_id']}/rotate-secret", tenant="other")
    assert rotated.status == 404
    stolen = {"client_id": client["client_id"], "audience": api["identifier"], "scope": ["read"]}
    assert (await office.ask("POST", "client-grants", stolen, tenant="other")).status == 404
    for path in ("clients", "resource-servers", "client-grants"):
        assert (await office.ask("GET", path, tenant="other")).body == []
    assert len(await office.facts()) == before
    assert (await office.ask("GET", f"client-grants/{grant['id']}")).body == grant


async def test_a_reading_scope_shows_what_it_names(office: Office) -> None:
    client = await office.client(description="d", client_authentication_methods=keys(credential()))
    path = f"clients/{client['client_id']}"
    summary = {"client_id", "name", "description"}
    for scope, extra in (
        ("read:client_summary", set()),
        ("read:client_credentials", {"client_authentication_methods"}),
        ("read:clients", set(client) - summary - {"client_authentication_methods"}),
        ("read:client_keys", set(client) - summary),
    ):
        assert set((await office.ask("GET", path, scope=scope)).body) == summary | extra
        (listed,) = (await office.ask("GET", "clients", scope=scope)).body
        assert set(listed) == summary | extra


async def test_a_changing_scope_changes_what_it_names(office: Office) -> None:
    client = await office.client()
    path = f"clients/{client['client_id']}"
    methods = {"client_authentication_methods": keys(credential())}
    for scope, body, expected in (
        ("update:client_keys", {"name": "x"}, 403),
        ("update:client_credentials", {"name": "x"}, 403),
        ("update:clients", {"name": "x"}, 200),
        ("update:clients", methods, 403),
        ("update:client_credentials", methods, 200),
    ):
        assert (await office.ask("PATCH", path, body, scope=scope)).status == expected, (scope, body)
    new = {"name": "x", **methods}
    assert (await office.ask("POST", "clients", new, scope="create:clients")).error == (403, "insufficient_scope")


@pytest.mark.security("TE-14")
async def test_a_client_cannot_choose_an_id_that_looks_like_a_person(office: Office) -> None:
    answer = await office.ask("POST", "clients", {"name": "x", "client_id": "auth0|someone"})
    assert answer.error == (400, "invalid_body")
