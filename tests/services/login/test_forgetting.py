"""Whoever is deleted is forgotten: every table and every event is read for what should be gone (DESIGN §8)."""

import asyncio
import json
from typing import Final

import pytest

from libs.bus import Bus
from libs.edge.asks import answer_asks, ask
from libs.eventstore import Actor, Context, EventStore
from libs.eventstore.applied import SETTLES_WITHIN, Saying
from libs.sealed import ERASED, Sealed, opened
from services.login.commands import EraseUser, EraseUserOf, UsersErased
from services.login.events import CATALOGUE
from services.login.factors.attempt import TooManyAttempts, WrongCredentials
from services.login.routes.accounts import handlers
from services.login.routes.erasing import EraseAsk
from services.login.rows import person_keys
from services.token.commands import GrantsRevoked, RevokeGrants
from tests.conftest import eventually
from tests.services.login.house import CONNECTION, GOOD, KEYRING, NAME, OTHER, House, caller

TRACES: Final = ("ada@", "lovelace", "Enchantress", "+4915112345678")
DOER: Final = Context(actor=Actor("client", "operator"))
ACCOUNT: Final = {"connection": NAME, "password": GOOD}
TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = 'login' AND tablename <> 'migrations'"


async def traces(house: House, *names: str) -> list[str]:
    """Where in the schema one of the names is read."""
    found = []
    for table in [row["tablename"] for row in await house.rows(TABLES)]:
        for row in await house.rows(f"SELECT to_jsonb(t)::text AS text FROM {table} t"):  # of the catalogue
            found += [f"{table}: {name}" for name in names if name.lower() in row["text"].lower()]
    return found


async def test_nothing_of_somebody_is_left_in_any_row_or_event(house: House) -> None:
    said = {"given_name": "Ada", "family_name": "Lovelace", "phone_number": "+4915112345678"}
    user = await house.user("ada@corp.example", **said, user_metadata={"called": "Enchantress"}, username="ada")
    await house.user("bob@corp.example")
    person = await house.person()
    bare = user["user_id"].partition("|")[2]
    await house.accounts.tickets.reset_requested("acme", CONNECTION, "ada@corp.example", caller())
    for _ in range(11):
        with pytest.raises((WrongCredentials, TooManyAttempts)):
            await house.accounts.factor.prove(house.attempt(password="wrong"))
    path = f"users/{user['user_id'].replace('|', '%7C')}"
    await house.manage("PATCH", path, {"password": OTHER, "email": "ada@new.example"})
    await house.hand_on()
    await house.manage("POST", "tickets/password-change", {"user_id": user["user_id"]})
    assert await traces(house, *TRACES, bare) != []

    assert (await house.manage("DELETE", path)).status == 204

    assert await traces(house, *TRACES, bare) == []
    held = await house.rows(TABLES)
    for table in {row["tablename"] for row in held} - {"facts", "activity", "head"}:
        columns = await house.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'login' AND table_name = $1", table
        )
        if "person" in {row["column_name"] for row in columns}:
            assert await house.rows(f"SELECT 1 FROM {table} WHERE person = $1", person) == [], table
    facts = await house.rows("SELECT type FROM facts ORDER BY pos")
    assert facts[-1]["type"] == "login.user_erased"


async def test_who_is_erased_by_an_address_is_whoever_has_it_in_that_connection(house: House, bus: Bus) -> None:
    await house.user("ada@corp.example")
    await house.user("bob@corp.example")
    person = await house.person()
    serving = await EraseAsk(house.desk).serve(bus)

    async def erase(email: str, connection_id: str = CONNECTION) -> int:
        question = EraseUserOf(tenant="acme", connection_id=connection_id, email=email, doer=DOER)
        return (await ask(bus, "login", "erase_user", question, UsersErased)).count

    assert await erase("ada@corp.example", "con_another") == 0
    assert await erase("Ada@Corp.example") == 1
    assert await erase("ada@corp.example") == 0
    await serving.drain(within=1)
    assert house.ended == [(person, "erased")]
    assert await traces(house, "ada@") == []
    assert len(await house.rows("SELECT 1 FROM people")) == 1
    [fact] = await house.rows("SELECT meta::text AS meta FROM facts WHERE type = 'login.user_erased'")
    assert "operator" in fact["meta"]


async def test_who_erases_by_address_is_told_who_has_not_heard_and_may_wait_for_them(house: House, bus: Bus) -> None:
    await house.desk.applied.listen()
    serving, slow = await EraseAsk(house.desk).serve(bus), Saying(bus, "login", "facts", "crawler:people_v1")

    async def erase(patience: float) -> list[tuple[str, str]]:
        await house.user("ada@corp.example")
        await slow.say(1, 0)
        await eventually(lambda: house.desk.applied.behind(1, 1) == ["crawler:people_v1"])
        question = EraseUserOf(
            tenant="acme", connection_id=CONNECTION, email="ada@corp.example", doer=DOER, patience=patience
        )
        return (await ask(bus, "login", "erase_user", question, UsersErased, timeout=4)).headers

    assert await erase(0) == [("limen-not-yet-applied", "crawler:people_v1")]
    waiting = asyncio.ensure_future(erase(3))
    await asyncio.sleep(2 * SETTLES_WITHIN)
    assert not waiting.done()
    await slow.say(1, 10**9)
    assert await waiting == []
    await serving.drain(within=1)


async def test_whoever_is_erased_has_their_grants_ended_however_long_token_is_away(house: House, bus: Bus) -> None:
    await house.user("ada@corp.example")
    person = await house.person()
    await EventStore(house.database, CATALOGUE, bus, handlers()).execute(EraseUser("acme", person), Context())
    await house.hand_on()
    left = await house.rows("SELECT payload->>'person' AS person FROM errands WHERE kind = 'grants'")
    assert [row["person"] for row in left] == [person]
    asked: list[RevokeGrants] = []

    async def revoke(question: RevokeGrants) -> GrantsRevoked:
        asked.append(question)
        return GrantsRevoked(count=1)

    serving = await answer_asks(bus, "token", "revoke_grants", RevokeGrants, revoke)
    await house.rows("UPDATE errands SET due_at = clock_timestamp()")
    await house.hand_on()
    await serving.drain(within=1)
    assert [(each.person, each.session_id, each.reason) for each in asked] == [(person, None, "erased")]
    assert await house.rows("SELECT 1 FROM errands") == []


async def test_an_answer_that_is_kept_for_a_repeat_goes_with_who_it_tells_of(house: House) -> None:
    for number, email in enumerate(("ada@corp.example", "bob@corp.example")):
        answer = await house.manage("POST", "users", {**ACCOUNT, "email": email}, key=f"k{number}")
        assert answer.status == 201
    assert len(await house.rows("SELECT 1 FROM answered_requests")) == 2
    ada = await house.manage("GET", "users-by-email", query="email=ada@corp.example")
    assert (await house.manage("DELETE", f"users/{ada.body[0]['user_id'].replace('|', '%7C')}")).status == 204
    assert len(await house.rows("SELECT 1 FROM answered_requests")) == 1
    [about] = await house.rows("SELECT person FROM answers_about")
    assert about["person"] == await house.person("bob@corp.example")


async def test_without_its_key_a_sealed_word_is_erased(house: House) -> None:
    user = await house.user("ada@corp.example")
    person = await house.person()
    [fact] = await house.rows("SELECT data FROM facts WHERE type = 'login.user_registered'")
    sealed = Sealed(*json.loads(fact["data"])["profile"]["email"])
    async with house.database.connection() as rows:
        key = await person_keys.key_of(rows, KEYRING, "acme", person)
        assert opened(key, "email", sealed) == "ada@corp.example"
    await house.manage("DELETE", f"users/{user['user_id'].replace('|', '%7C')}")
    async with house.database.connection() as rows:
        gone = await person_keys.key_of(rows, KEYRING, "acme", person)
    assert opened(gone, "email", sealed) == ERASED


async def test_whoever_was_forgotten_may_come_again_as_somebody_else(house: House) -> None:
    user = await house.user("ada@corp.example")
    first = await house.person()
    await house.manage("DELETE", f"users/{user['user_id'].replace('|', '%7C')}")
    with pytest.raises(WrongCredentials):
        await house.accounts.factor.prove(house.attempt())
    await house.accounts.signup.register(house.request("ada@corp.example"))
    assert await house.person() != first


async def test_an_operators_tool_erases_without_any_key(house: House, bus: Bus) -> None:
    await house.user("ada@corp.example")
    person = await house.person()
    store = EventStore(house.database, CATALOGUE, bus, handlers())
    await store.execute(EraseUser("acme", person), Context())
    assert await house.rows("SELECT 1 FROM people") == []
