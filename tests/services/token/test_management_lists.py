from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from tests.services.token.office import Office, named


async def pages(office: Office, path: str, key: str, take: int) -> AsyncIterator[list[Any]]:
    query = f"take={take}"
    while True:
        body = (await office.ask("GET", path, query=query)).body
        assert set(body) <= {key, "next"}
        yield body[key]
        if "next" not in body:
            return
        query = f"take={take}&from={body['next']}"


async def test_a_list_has_auth0s_three_shapes(office: Office) -> None:
    made = sorted([(await office.client())["client_id"] for _ in range(5)])
    bare = (await office.ask("GET", "clients")).body
    assert [each["client_id"] for each in bare] == made
    second = (await office.ask("GET", "clients", query="page=1&per_page=2&include_totals=true")).body
    assert (second["start"], second["limit"], second["total"]) == (2, 2, 5)
    assert [each["client_id"] for each in second["clients"]] == made[2:4]
    past = (await office.ask("GET", "clients", query="page=9&per_page=2&include_totals=true")).body
    assert (past["clients"], past["total"]) == ([], 5)
    both = (await office.ask("GET", "clients", query="include_totals=true&take=2")).body
    assert set(both) == {"clients", "next"}


async def test_a_list_that_is_walked_by_number_shows_what_changed_meanwhile(office: Office) -> None:
    made = sorted([(await office.client())["client_id"] for _ in range(7)])

    async def page(number: int) -> tuple[list[str], int]:
        body = (await office.ask("GET", "clients", query=f"page={number}&per_page=2&include_totals=true")).body
        return [each["client_id"] for each in body["clients"]], body["total"]

    assert [await page(number) for number in range(4)] == [(made[2 * n : 2 * n + 2], 7) for n in range(4)]
    # Each page is known by where it begins now: a filter is another list, and a change begins anew.
    filtered = (await office.ask("GET", "clients", query="page=1&per_page=2&include_totals=true&app_type=spa")).body
    assert (filtered["clients"], filtered["total"]) == ([], 0)
    assert (await office.ask("DELETE", f"clients/{made[0]}")).status == 204
    assert [await page(number) for number in range(4)] == [
        (made[1:3], 6),
        (made[3:5], 6),
        (made[5:7], 6),
        ([], 6),
    ]
    added = sorted([*made[1:], (await office.client())["client_id"]])
    assert [await page(number) for number in (3, 2, 1, 0, 1, 2, 3)] == [
        (added[2 * n : 2 * n + 2], 7) for n in (3, 2, 1, 0, 1, 2, 3)
    ]


async def test_checkpoints_walk_a_list_once(office: Office) -> None:
    clients = [await office.client() for _ in range(5)]
    grants = [await office.grant(clients[0], await office.api()) for _ in range(3)]
    ids = {each["client_id"] for each in clients}, {each["id"] for each in grants}
    for take in (1, 2, 3, 5, 6):
        walked = [each["client_id"] async for page in pages(office, "clients", "clients", take) for each in page]
        assert walked == sorted(ids[0])
        walked = [each["id"] async for page in pages(office, "client-grants", "client_grants", take) for each in page]
        assert walked == sorted(ids[1])


@pytest.mark.security("AD-06")
async def test_a_cursor_is_good_for_its_tenant_and_its_list_alone(office: Office) -> None:
    client = await office.client()
    await office.client()
    await office.grant(client, await office.api())
    await office.grant(client, await office.api())
    cursor = (await office.ask("GET", "clients", query="take=1")).body["next"]
    for tenant, path, forged in (
        ("other", "clients", cursor),
        ("acme", "client-grants", cursor),
        ("acme", "clients", cursor[:-1]),
        ("acme", "clients", cursor.swapcase()),
        ("acme", "clients", "' OR 1=1 --"),
        ("acme", "clients", client["client_id"]),
    ):
        answer = await office.ask("GET", path, query=f"from={forged.replace(' ', '+')}&take=1", tenant=tenant)
        assert answer.error == (400, "invalid_query_string"), (tenant, path, forged)


@pytest.mark.security("AD-06")
async def test_a_cursor_is_good_for_its_filter_alone(office: Office) -> None:
    for _ in range(3):
        await office.client(app_type="spa")
    cursor = (await office.ask("GET", "clients", query="take=1&app_type=spa")).body["next"]
    again = f"from={cursor}&take=2&fields=client_id"
    assert len((await office.ask("GET", "clients", query=f"{again}&app_type=spa")).body["clients"]) == 2
    for others in ("", "&app_type=native", "&app_type=spa&is_first_party=true"):
        refused = await office.ask("GET", "clients", query=again + others)
        assert refused.error == (400, "invalid_query_string"), others


async def test_nothing_is_sorted_by_what_auth0_does_not_sort_by(office: Office) -> None:
    for path in ("clients", "client-grants", "resource-servers"):
        assert (await office.ask("GET", path, query="sort=name:1")).error == (400, "invalid_query_string")


async def test_a_list_of_what_does_not_exist_yet_is_empty(office: Office) -> None:
    client = await office.client()
    grant = await office.grant(client, await office.api())
    organizations = f"client-grants/{grant['id']}/organizations"
    for query, shape in (
        ("", []),
        ("take=5", {"organizations": []}),
        ("page=1&per_page=5&include_totals=true", {"start": 5, "limit": 5, "total": 0, "organizations": []}),
    ):
        assert (await office.ask("GET", organizations, query=query)).body == shape
    assert (await office.ask("GET", organizations, query="from=x")).error == (400, "invalid_query_string")
    nothing = await office.ask("GET", "client-grants/cgr_nothing/organizations")
    assert nothing.error == (404, "inexistent_client_grant")


async def test_connections_of_an_application_are_those_that_connections_knows(office: Office) -> None:
    path = f"clients/{(await office.client())['client_id']}/connections"
    assert (await office.ask("GET", path)).body == {"connections": []}
    one, two = (
        {"id": f"con_{number}", "name": name, "strategy": name, "options": {"secret": "s"}}
        for number, name in enumerate(("auth0", "sms"))
    )
    office.connections[:] = [one, two]
    first = (await office.ask("GET", path, query="take=1")).body
    assert first["connections"] == [one]
    rest = await office.ask("GET", path, query=f"take=1&from={first['next']}&fields=id")
    assert rest.body == {"connections": [{"id": "con_1"}]}
    assert (await office.ask("GET", path, query="strategy=sms")).body == {"connections": [two]}
    assert "options" not in (await office.ask("GET", path, scope="read:connections")).body["connections"][0]
    for scope in ("read:clients", "read:client_summary"):
        assert (await office.ask("GET", path, scope=scope)).body == {"connections": [{"id": "con_0"}, {"id": "con_1"}]}
    for scope in ("read:connections_options", "read:users"):
        assert (await office.ask("GET", path, scope=scope)).status == 403
    assert (await office.ask("GET", path, query="from=x")).error == (400, "invalid_query_string")
    assert (await office.ask("GET", "clients/nobody/connections")).error == (404, "inexistent_client")
    assert (await office.ask("GET", path, tenant="other")).error == (404, "inexistent_client")


async def test_deep_pages_and_counts_are_those_of_the_filter(office: Office) -> None:
    clients = sorted([(await office.client())["client_id"] for _ in range(4)])
    deleted = clients.pop(1)
    assert (await office.ask("DELETE", f"clients/{deleted}")).status == 204
    api, gone = await office.api(), await office.api()
    grants = sorted([(await office.grant({"client_id": each}, api))["id"] for each in clients])
    await office.grant({"client_id": clients[0]}, gone)
    assert (await office.ask("DELETE", f"resource-servers/{gone['id']}")).status == 204
    for path, key, name, made in (
        ("clients", "clients", "client_id", clients),
        ("client-grants", "client_grants", "id", grants),
    ):
        last = (await office.ask("GET", path, query="page=2&per_page=1&include_totals=true")).body
        assert (last["total"], [each[name] for each in last[key]]) == (3, made[2:])
    one = (await office.ask("GET", "client-grants", query=f"audience={named(api['identifier'])}")).body
    assert [each["id"] for each in one] == grants


@pytest.mark.security("AD-06")
async def test_a_filter_is_data(office: Office) -> None:
    await office.client()
    hostile = ("'%20OR%20'1'='1", "%25", "_", "a%22%7D", "%7B%7D", "*", "%27%3B--")
    for value in hostile:
        for path, name in (
            ("clients", "app_type"),
            ("client-grants", "client_id"),
            ("resource-servers", "identifiers"),
        ):
            assert (await office.ask("GET", path, query=f"{name}={value}")).body == []


async def test_clients_are_filtered_as_auth0s_tools_ask(office: Office) -> None:
    spa, web = await office.client(app_type="spa"), await office.client(app_type="regular_web")
    third = await office.client(is_first_party=False)

    async def listed(query: str) -> set[str]:
        return {each["client_id"] for each in (await office.ask("GET", "clients", query=query)).body}

    everything = {each["client_id"] for each in (spa, web, third)}
    assert await listed("is_global=false") == everything
    assert everything.isdisjoint(await listed("is_global=true"))
    assert await listed("is_first_party=true") == {spa["client_id"], web["client_id"]}
    assert await listed("is_first_party=false") == {third["client_id"]}
    assert await listed("app_type=spa,regular_web") == {spa["client_id"], web["client_id"]}
    assert await listed("external_client_id=x") == set()
    assert (await office.ask("GET", "clients", query="q=x")).error == (400, "invalid_query_string")


NO_PAGES: Final = (
    *("page=-1", "page=x", "per_page=101", "take=101", "take=0", "include_totals=yes", "page=1&page=2", "page=%00"),
    *("page=" + "9" * 400, "from=x"),
)


async def test_a_page_that_is_none_is_refused(office: Office) -> None:
    for query in NO_PAGES:
        assert (await office.ask("GET", "clients", query=query)).error == (400, "invalid_query_string"), query


async def test_fields_choose_members(office: Office) -> None:
    client = await office.client()
    (some,) = (await office.ask("GET", "clients", query="fields=name,client_id")).body
    assert some == {"name": client["name"], "client_id": client["client_id"]}
    (others,) = (await office.ask("GET", "clients", query="fields=name&include_fields=false")).body
    assert "name" not in others
    one = await office.ask("GET", f"clients/{client['client_id']}", query="fields=client_id")
    assert one.body == {"client_id": client["client_id"]}
