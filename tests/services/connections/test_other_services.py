"""What `connections` says to others of applications, and has `login` do about people."""

from typing import Any

import pytest

from libs.edge.asks import answer_asks, ask
from services.connections.commands import ConnectionsAnswer, ConnectionsOf
from services.login.commands import EraseUserOf, UsersErased
from tests.services.connections.house import House
from tests.services.world import Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")


def code(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.body.get("errorCode")


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
    ids = sorted([await made(home, f"large-{number}", "app", options=options) for number in range(28)])
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
