from typing import Any

from tests.services.token.office import Office, named


async def test_a_grant_says_what_a_client_may_ask(office: Office) -> None:
    client, api = await office.client(), await office.api()
    grant = await office.grant(client, api, "write", "read")
    assert grant["id"].startswith("cgr_")
    assert len(grant["id"]) == 20
    assert {name: value for name, value in grant.items() if name != "id"} == {
        "client_id": client["client_id"],
        "audience": api["identifier"],
        "scope": ["write", "read"],
        "subject_type": "client",
    }
    assert (await office.ask("GET", f"client-grants/{grant['id']}")).body == grant


async def test_a_grant_may_be_empty_and_say_what_is_the_default(office: Office) -> None:
    client, api = await office.client(), await office.api()
    body = {"client_id": client["client_id"], "audience": api["identifier"], "subject_type": "client"}
    answer = await office.ask(
        "POST", "client-grants", {**body, "organization_usage": "deny", "allow_all_scopes": False}
    )
    assert answer.status == 201
    assert answer.body["scope"] == []
    assert answer.body["organization_usage"] == "deny"


async def test_a_grant_needs_its_client_its_api_and_its_scopes(office: Office) -> None:
    client, api = await office.client(), await office.api()
    good = {"client_id": client["client_id"], "audience": api["identifier"], "scope": ["read"]}
    refusals: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({"client_id": "nobody"}, (404, "inexistent_client")),
        ({"audience": "https://nothing.example/"}, (404, "inexistent_resource_server")),
        ({"scope": ["read", "fly"]}, (400, "invalid_scope")),
        ({"scope": ["read", "read"]}, (400, "invalid_body")),
        ({"scope": ["two words"]}, (400, "invalid_body")),
        ({"scope": "read"}, (400, "invalid_body")),
        ({"client_id": None}, (400, "invalid_body")),
        ({"unheard_of": 1}, (400, "invalid_body")),
        ({"subject_type": "user"}, (400, "operation_not_supported")),
        ({"organization_usage": "allow"}, (400, "operation_not_supported")),
        ({"allow_any_organization": True}, (400, "operation_not_supported")),
        ({"allow_all_scopes": True}, (400, "operation_not_supported")),
        ({"authorization_details_types": ["payment"]}, (400, "operation_not_supported")),
        ({"default_for": "third_party_clients"}, (400, "operation_not_supported")),
    ]
    before = len(await office.facts())
    for change, expected in refusals:
        assert (await office.ask("POST", "client-grants", {**good, **change})).error == expected, change
    assert len(await office.facts()) == before
    assert (await office.ask("POST", "client-grants", good)).status == 201
    assert (await office.ask("POST", "client-grants", good)).error == (409, "client_grant_conflict")


async def test_a_grant_is_changed_and_deleted(office: Office) -> None:
    client, api = await office.client(), await office.api()
    grant = await office.grant(client, api, "read")
    path = f"client-grants/{grant['id']}"
    changed = await office.ask("PATCH", path, {"scope": ["write"]})
    assert changed.body == {**grant, "scope": ["write"]}
    assert (await office.ask("PATCH", path, {})).body == changed.body
    assert (await office.ask("PATCH", path, {"scope": ["fly"]})).error == (400, "invalid_scope")
    assert (await office.ask("PATCH", path, {"audience": "x"})).error == (400, "invalid_body")
    for _ in range(2):
        assert (await office.ask("DELETE", path)).status == 204
    assert (await office.ask("GET", path)).error == (404, "inexistent_client_grant")
    assert (await office.ask("PATCH", path, {"scope": []})).error == (404, "inexistent_client_grant")


async def test_a_grant_ends_with_its_client_and_with_its_api(office: Office) -> None:
    client, api = await office.client(), await office.api("https://api.example/")
    first = await office.grant(client, api, "read")
    await office.ask("DELETE", f"resource-servers/{api['id']}")
    assert (await office.ask("GET", f"client-grants/{first['id']}")).status == 404
    assert (await office.ask("GET", "client-grants")).body == []
    second = await office.grant(client, await office.api("https://api.example/"), "write")
    assert [each["id"] for each in (await office.ask("GET", "client-grants")).body] == [second["id"]]
    assert (await office.ask("DELETE", f"client-grants/{first['id']}")).status == 204
    await office.ask("DELETE", f"clients/{client['client_id']}")
    assert (await office.ask("GET", "client-grants")).body == []


async def test_an_api_that_lost_a_scope_does_not_lock_the_grants_that_had_it(office: Office) -> None:
    client, api = await office.client(), await office.api()
    grant = await office.grant(client, api, "read", "write")
    await office.ask("PATCH", f"resource-servers/{api['id']}", {"scopes": [{"value": "read"}]})
    path = f"client-grants/{grant['id']}"
    assert (await office.ask("PATCH", path, {"organization_usage": "deny"})).status == 200
    assert (await office.ask("PATCH", path, {"scope": ["read"]})).body["scope"] == ["read"]


async def test_grants_are_listed_by_client_and_by_api(office: Office) -> None:
    one, two, api, other = await office.client(), await office.client(), await office.api(), await office.api()
    grants = [await office.grant(*each) for each in ((one, api), (two, api), (one, other))]

    async def listed(query: str) -> set[str]:
        return {each["id"] for each in (await office.ask("GET", "client-grants", query=query)).body}

    assert await listed("") == {each["id"] for each in grants}
    assert await listed(f"client_id={one['client_id']}") == {grants[0]["id"], grants[2]["id"]}
    assert await listed(f"audience={named(api['identifier'])}") == {grants[0]["id"], grants[1]["id"]}
    assert await listed(f"audience={named(api['identifier'])}&client_id={two['client_id']}") == {grants[1]["id"]}
    assert await listed("subject_type=user") == set()
    assert await listed("subject_type=client") == {each["id"] for each in grants}
    assert await listed("client_id=nobody") == set()
