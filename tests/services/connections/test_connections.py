"""`/api/v2/connections`, what is done about tenants and applications that come and go, and what others ask."""

from typing import Any, Final

import pytest

from libs.edge.asks import answer_asks, ask
from libs.eventstore.verify import FoldCheck
from services.connections.commands import ConnectionsAnswer, ConnectionsOf
from services.connections.rows import FOLDS
from services.login.commands import EraseUserOf, UsersErased
from services.token.events import ClientDeleted, ClientRegistered
from tests.conftest import eventually
from tests.services.connections.house import SCOPES, House
from tests.services.world import Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "Username-Password-Authentication"


def registered(client_id: str, **properties: Any) -> ClientRegistered:
    return ClientRegistered(client_id=client_id, properties={"name": client_id, **properties})


async def settle(home: House, connection_id: str, *clients: str) -> None:
    async def has() -> bool:
        return sorted(await home.clients_of(connection_id)) == sorted(clients)

    await eventually(has, within=10)


def code(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.body.get("errorCode")


async def test_a_tenant_begins_with_a_database_and_applications_are_let_in_until_they_are_gone(home: House) -> None:
    id_ = await home.first()
    answer = await home.ask("GET", f"/{id_}")
    assert answer.body["name"] == NAME
    assert answer.body["strategy"] == "auth0"
    assert answer.body["realms"] == [NAME]
    assert answer.body["options"]["passwordPolicy"] == "good"
    assert answer.body["options"]["authentication_methods"]["passkey"] == {"enabled": False}
    assert await home.first(home.other) != id_

    second = (await home.ask("POST", "", {"name": "staff", "strategy": "auth0"})).body["id"]
    await home.said_by_token(registered("app1"), registered("machine", app_type="non_interactive"))
    await settle(home, id_, "app1", "machine")
    await settle(home, second, "app1", "machine")
    await home.said_by_token(ClientDeleted(client_id="app1"))
    await settle(home, id_, "machine")
    await settle(home, second, "machine")


async def test_applications_that_come_together_are_each_let_in_by_a_fact_of_its_own(home: House) -> None:
    id_ = await home.first()
    together = [f"together{number:02}" for number in range(40)]
    await home.said_by_token(*map(registered, together))
    await settle(home, id_, *together)
    versions = await home.versions("connection_enabled", "client_id")
    assert [versions[each] for each in together] == list(range(versions[together[0]], versions[together[0]] + 40))


async def test_new_applications_are_not_let_in_where_the_tenant_says_so(home: House) -> None:
    id_ = await home.first()
    answer = await home.change_settings(flags={"enable_client_connections": False})
    assert (answer.status, answer.headers.get("limen-not-yet-applied")) == (200, None)
    await home.said_by_token(registered("app1"))
    await home.said_by_token(registered("app2"), tenant=home.other)
    other = await home.first(home.other)

    async def is_in() -> bool:
        return await home.clients_of(other, home.other) == ["app2"]

    await eventually(is_in, within=10)
    assert await home.clients_of(id_) == []


async def test_the_first_connection_is_not_made_again_after_it_was_deleted(home: House) -> None:
    id_ = await home.first()
    assert (await home.ask("DELETE", f"/{id_}")).status == 204
    assert (await home.ask("DELETE", f"/{id_}")).status == 204
    assert code(await home.ask("GET", f"/{id_}")) == (404, "inexistent_connection")
    second = (await home.ask("POST", "", {"name": NAME, "strategy": "auth0"})).body["id"]
    await home.said_by_token(registered("app1"))
    await settle(home, second, "app1")
    assert [each["id"] for each in (await home.ask("GET", "")).body] == [second]


async def test_lists_come_in_three_shapes_and_only_what_was_asked_for(home: House) -> None:
    await home.first()
    made = [(await home.ask("POST", "", {"name": f"db{each}", "strategy": "auth0"})).body for each in range(3)]
    everything = (await home.ask("GET", "")).body
    assert len(everything) == 4
    assert [each["id"] for each in everything] == sorted(each["id"] for each in everything)

    named = (await home.ask("GET", "", query="name=db1&take=50&include_totals=true")).body
    assert [each["id"] for each in named["connections"]] == [made[1]["id"]]
    assert (await home.ask("GET", "", query="name=db")).body == []
    assert (await home.ask("GET", "", query="strategy=google-oauth2&strategy=samlp")).body == []
    page = (await home.ask("GET", "", query="include_totals=true&page=1&per_page=3&strategy=auth0")).body
    assert (page["start"], page["limit"], page["total"], len(page["connections"])) == (3, 3, 4, 1)

    walked, query = [], "take=3&fields=id,name"
    first = (await home.ask("GET", "", query=query)).body
    walked += first["connections"]
    last = (await home.ask("GET", "", query=f"{query}&from={first['next']}")).body
    walked += last["connections"]
    assert "next" not in last
    assert walked == [{"id": each["id"], "name": each["name"]} for each in everything]
    (others,) = (await home.ask("GET", "", tenant=home.other)).body
    assert others["id"] == await home.first(home.other)


async def test_options_are_shown_to_who_may_read_them_and_replaced_as_a_whole(home: House) -> None:
    id_ = await home.first()
    words = {"password_dictionary": {"enable": True, "dictionary": ["acme", "limen"]}}
    changed = (await home.ask("PATCH", f"/{id_}", {"options": words | {"disable_signup": True}})).body
    assert changed["options"]["password_dictionary"] == words["password_dictionary"]
    shorter = {"options": {"password_dictionary": {"enable": True, "dictionary": ["acme"]}}}
    changed = (await home.ask("PATCH", f"/{id_}", shorter)).body
    assert changed["options"]["password_dictionary"]["dictionary"] == ["acme"]
    assert "disable_signup" not in changed["options"]
    assert changed["options"]["passwordPolicy"] == "good"

    assert "options" not in (await home.ask("GET", f"/{id_}", scope="read:connections")).body
    assert "options" not in (await home.ask("GET", "", scope="read:connections")).body[0]
    assert "options" not in (await home.ask("PATCH", f"/{id_}", {}, scope="update:connections")).body
    assert (await home.ask("PATCH", f"/{id_}", {"options": None})).body["options"]["passwordPolicy"] == "good"


async def test_applications_are_let_in_and_out(home: House) -> None:
    body = {"name": "staff", "strategy": "auth0", "enabled_clients": ["b", "a"], "display_name": "Staff"}
    made = (await home.ask("POST", "", body)).body
    assert (made["enabled_clients"], made["display_name"]) == (["a", "b"], "Staff")
    path = f"/{made['id']}/clients"
    changes = [{"client_id": "c", "status": True}, {"client_id": "a", "status": False}]
    assert (await home.ask("PATCH", path, changes)).status == 204
    assert await home.clients_of(made["id"]) == ["b", "c"]
    first = (await home.ask("GET", path, query="take=1")).body
    assert first["clients"] == [{"client_id": "b"}]
    assert (await home.ask("GET", path, query=f"take=1&from={first['next']}")).body == {"clients": [{"client_id": "c"}]}
    assert (await home.ask("PATCH", f"/{made['id']}", {"enabled_clients": ["d"]})).body["enabled_clients"] == ["d"]
    assert await home.clients_of(made["id"]) == ["d"]
    assert (await home.ask("GET", f"/{made['id']}/status")).status == 200
    assert code(await home.ask("PATCH", "/con_0000000000000000/clients", changes)) == (404, "inexistent_connection")


async def test_only_applications_that_exist_are_let_in(home: House) -> None:
    id_ = await home.first()
    body = {"name": "staff", "strategy": "auth0", "enabled_clients": ["b", "ghost", "a"]}
    home.unknown |= {"ghost", "gone"}
    refused = await home.ask("POST", "", body)
    assert code(refused) == (400, "invalid_body")
    assert refused.body["message"] == "Payload validation error: 'No such client: ghost'."
    assert [each["id"] for each in (await home.ask("GET", "")).body] == [id_]
    refused = await home.ask("PATCH", f"/{id_}", {"display_name": "People", "enabled_clients": ["gone", "a", "ghost"]})
    assert (code(refused), "ghost, gone" in refused.body["message"]) == ((400, "invalid_body"), True)
    refused = await home.ask(
        "PATCH", f"/{id_}/clients", [{"client_id": each, "status": True} for each in ("a", "gone")]
    )
    assert code(refused) == (400, "invalid_body")
    assert await home.clients_of(id_) == []


async def test_an_application_that_was_just_deleted_does_not_stand_in_the_way_of_others(home: House) -> None:
    id_ = await home.first()
    assert (await home.ask("PATCH", f"/{id_}", {"enabled_clients": ["a", "b"]})).status == 200
    home.unknown |= {"a", "b"}
    assert (await home.ask("PATCH", f"/{id_}", {"enabled_clients": ["a", "b", "c"]})).status == 200
    assert (await home.ask("PATCH", f"/{id_}/clients", [{"client_id": "a", "status": False}])).status == 204
    assert await home.clients_of(id_) == ["b", "c"]
    assert code(await home.ask("PATCH", f"/{id_}", {"enabled_clients": ["a"]})) == (400, "invalid_body")


REFUSED: Final[list[tuple[Any, int, str]]] = [
    ({"name": "g", "strategy": "google-oauth2", "options": {"client_id": "x"}}, 400, "operation_not_supported"),
    ({"name": "d", "strategy": "auth0", "options": {"customScripts": {"login": "x"}}}, 400, "operation_not_supported"),
    ({"name": "d", "strategy": "auth0", "options": {"import_mode": True}}, 400, "operation_not_supported"),
    ({"name": "d", "strategy": "auth0", "options": {"authentication_methods": {"password": {"enabled": False}}}},
     400, "operation_not_supported"),
    ({"name": "d", "strategy": "auth0", "options": {"passwordPolicy": "strong"}}, 400, "invalid_body"),
    ({"name": "d", "strategy": "auth0", "options": {"clientID": "x"}}, 400, "invalid_body"),
    ({"name": "-d", "strategy": "auth0"}, 400, "invalid_body"),
    ({"name": "d<b>", "strategy": "auth0"}, 400, "invalid_body"),
    ({"name": "d", "strategy": "auth0", "enabled_clients": ["a.b"]}, 400, "invalid_body"),
    ({"strategy": "auth0"}, 400, "invalid_body"),
    ({"name": NAME.upper(), "strategy": "auth0"}, 409, "connection_conflict"),
]  # fmt: skip


async def test_what_is_wrong_is_refused(home: House) -> None:
    await home.first()
    for body, status, error in REFUSED:
        assert code(await home.ask("POST", "", body)) == (status, error), body


async def test_every_door_asks_for_its_scope_and_a_post_sent_twice_under_one_key_makes_one(home: House) -> None:
    id_ = await home.first()
    calls = [("GET", ""), ("POST", ""), ("GET", f"/{id_}"), ("PATCH", f"/{id_}"), ("DELETE", f"/{id_}"),
             ("GET", f"/{id_}/clients"), ("PATCH", f"/{id_}/clients"), ("GET", f"/{id_}/status")]  # fmt: skip
    for method, path in calls:
        assert (await home.ask(method, path, scope="read:clients")).status == 403
    body = {"name": "staff", "strategy": "auth0"}
    token = await home.token(home.acme, scope=SCOPES)
    made = [await home.ask("POST", "", body, named="k1", token=token) for _ in range(2)]
    assert made[0].body == made[1].body


async def test_the_rows_are_what_the_facts_say(home: House) -> None:
    id_ = await home.first()
    made = (await home.ask("POST", "", {"name": "staff", "strategy": "auth0", "enabled_clients": ["a"]})).body
    await home.ask("PATCH", f"/{made['id']}", {"display_name": "Staff", "enabled_clients": ["b", "c"]})
    await home.ask("PATCH", f"/{id_}/clients", [{"client_id": "a", "status": True}])
    await home.ask("DELETE", f"/{id_}")
    facts = await home.facts("connections", home.acme)
    fold: FoldCheck[Any] = FOLDS[0]
    for stream in {row["stream"] for row in facts}:
        state = fold.initial
        for row in facts:
            if row["stream"] == stream:
                event = home.catalogue.decode(row["type"], row["data"].encode())
                assert event is not None
                state = fold.evolve(state, event)
        async with home.database("connections") as database, database.connection() as rows:
            stored = await fold.read(rows, [home.acme], [stream])
        assert stored[home.acme, stream] == fold.shape(state)


async def made(home: House, name: str, *clients: str, **more: Any) -> str:
    body = {"name": name, "strategy": "auth0", "enabled_clients": list(clients), **more}
    answer = await home.ask("POST", "", body)
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


async def of(home: House, client_id: str, **more: Any) -> ConnectionsAnswer:
    wanted: dict[str, Any] = {"tenant": home.acme, "strategies": None, "after": "", "take": 50}
    question = ConnectionsOf(client_id=client_id, **(wanted | more))
    return await ask(home.bus, "connections", "connections_of", question, ConnectionsAnswer)


async def test_connections_of_an_application_come_in_pages_as_they_are_shown(home: House) -> None:
    one, two = sorted([await made(home, "one", "app"), await made(home, "two", "app", "other")])
    await made(home, "three", "other")
    found = await of(home, "app")
    assert [each["id"] for each in found.connections] == [one, two]
    shown = (await home.ask("GET", f"/{one}")).body
    assert found.connections[0] == {name: value for name, value in shown.items() if name != "enabled_clients"}
    page = await of(home, "app", take=1)
    assert ([each["id"] for each in page.connections], page.has_more) == ([one], True)
    rest = await of(home, "app", take=1, after=one)
    assert ([each["id"] for each in rest.connections], rest.has_more) == ([two], False)
    assert (await of(home, "app", strategies=["sms"])).connections == []
    assert (await of(home, "app", tenant=home.other)).connections == []
    assert (await of(home, "nobody")).connections == []
    await home.ask("PATCH", f"/{one}/clients", [{"client_id": "app", "status": False}])
    assert [each["id"] for each in (await of(home, "app")).connections] == [two]


async def test_an_answer_names_only_as_many_large_connections_as_fit(home: House) -> None:
    options = {"password_dictionary": {"dictionary": ["\N{MUSICAL SYMBOL G CLEF}" * 50] * 200}}
    ids = sorted([await made(home, f"large-{number}", "app", options=options) for number in range(14)])
    first = await of(home, "app")
    seen = [each["id"] for each in first.connections]
    assert first.has_more
    assert 1 < len(seen) < len(ids)
    rest = await of(home, "app", after=seen[-1])
    assert [*seen, *(each["id"] for each in rest.connections)] == ids


async def test_a_user_is_erased_by_address(home: House) -> None:
    asked: list[EraseUserOf] = []

    async def erase(question: EraseUserOf) -> UsersErased:
        asked.append(question)
        return UsersErased(count=1, headers=[("limen-not-yet-applied", "audit")])

    serving = await answer_asks(home.bus, "login", "erase_user", EraseUserOf, erase)
    id_ = await made(home, "one")
    path = f"/{id_}/users"
    done = await home.ask("DELETE", path, scope="delete:users", query="email=ada%40corp.example")
    assert (done.status, done.body, done.headers["limen-not-yet-applied"]) == (204, None, "audit")
    assert [(each.tenant, each.connection_id, each.email) for each in asked] == [(home.acme, id_, "ada@corp.example")]
    assert asked[0].doer.actor is not None
    for prefer, waits in ((None, 0.5), ("wait=0", 0), ("wait=2", 2), ("wait=60", 3)):
        await home.ask("DELETE", path, scope="delete:users", query="email=ada%40corp.example", prefer=prefer)
        assert asked.pop().patience == waits
    for query in ("", "email=", "user_id=x", "email=a&email=b"):
        assert code(await home.ask("DELETE", path, scope="delete:users", query=query)) == (400, "invalid_query_string")
    nowhere = await home.ask("DELETE", "/con_nothing/users", scope="delete:users", query="email=a")
    assert code(nowhere) == (404, "inexistent_connection")
    elsewhere = await home.ask("DELETE", path, scope="delete:users", query="email=a", tenant=home.other)
    assert elsewhere.status == 404
    assert (await home.ask("DELETE", path, scope="delete:connections", query="email=a")).status == 403
    assert len(asked) == 1
    await serving.drain(within=1)
    assert (await home.ask("DELETE", path, scope="delete:users", query="email=a")).status == 503
