"""`/api/v2/refresh-tokens` as an administrator meets them: listed, noted of, ended one by one and together."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from auth0.management.types.get_refresh_token_response_content import GetRefreshTokenResponseContent

from libs.edge.asks import ask
from libs.eventstore import Context
from services.token.commands import NamedSessions, NamedSessionsOf, RevokeGrant
from tests.services.token.town import API, PERSON, USER_ID, Town, grant_of
from tests.services.world import Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCOPES = "read:refresh_tokens update:refresh_tokens delete:refresh_tokens"


class Office:
    """An administrator of `acme`."""

    def __init__(self, town: Town) -> None:
        self.town = town

    async def ask(self, method: str, path: str = "", body: Any = None, *, scope: str = SCOPES, **query: Any) -> Answer:
        token = await self.town.token("acme", scope=scope)
        path = f"/api/v2/refresh-tokens{path}"
        return await self.town.management(
            "token", method, path, body, tenant="acme", token=token, query=urlencode(query)
        )

    async def ids(self, **query: Any) -> list[str]:
        answer = await self.ask("GET", user_id=USER_ID, **query)
        assert answer.status == 200, answer.body
        return [each["id"] for each in answer.body["refresh_tokens"]]


def code(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.body.get("errorCode")


@pytest_asyncio.fixture(loop_scope="module")
async def office(town: Town) -> AsyncIterator[Office]:
    """Nobody has any refresh token."""
    yield Office(town)
    for row in await town.rows("SELECT grant_id FROM grants"):
        await town.store.execute(RevokeGrant("acme", row["grant_id"], "over"), Context())


async def test_one_is_read_and_noted_of_and_forgets_what_is_not_said_again(town: Town, office: Office) -> None:
    app = await town.app("spa")
    tokens = await app.tokens()
    one = f"/{grant_of(tokens)}"
    before = (await office.ask("GET", one)).body
    assert (before["user_id"], before["refresh_token_metadata"], before["device"]) == (USER_ID, None, {})
    assert before["resource_servers"][0]["audience"] == API
    said = await office.ask("PATCH", one, {"refresh_token_metadata": {"shop": "Rome", "desk": "3"}})
    assert (said.status, said.body) == (200, before | {"refresh_token_metadata": {"shop": "Rome", "desk": "3"}})
    assert GetRefreshTokenResponseContent(**said.body).refresh_token_metadata == {"shop": "Rome", "desk": "3"}
    assert (await app.refresh(tokens["refresh_token"])).status == 200
    again = await office.ask("PATCH", one, {"refresh_token_metadata": {"desk": "4", "shop": None}})
    assert again.body["refresh_token_metadata"] == {"desk": "4"}
    for nothing in ("null", "{}"):
        await office.ask("PATCH", one, {"refresh_token_metadata": {"desk": "4"}})
        emptied = await office.ask("PATCH", one, {"refresh_token_metadata": json.loads(nothing)})
        assert emptied.body["refresh_token_metadata"] is None
    told = await town.rows("SELECT data FROM facts UNION ALL SELECT data FROM activity")
    assert not [row for row in told if "Rome" in row["data"]]
    (note, *_) = await town.rows("SELECT data, meta FROM activity WHERE type = 'token.grant_annotated'")
    assert (json.loads(note["data"])["grant_id"], json.loads(note["meta"])["actor"]["id"]) == (one[1:], "app")


async def test_what_may_be_noted_is_auth0s(town: Town, office: Office) -> None:
    tokens = await (await town.app("spa")).tokens()
    one = f"/{grant_of(tokens)}"
    for wrong in (
        {},
        {"refresh_token_metadata": {}, "rotating": True},
        {"refresh_token_metadata": {"a": 1}},
        {"refresh_token_metadata": {"a": "x" * 256}},
        {"refresh_token_metadata": {"n" * 256: "x"}},
        {"refresh_token_metadata": {str(number): "x" for number in range(26)}},
        {"refresh_token_metadata": ["x"]},
    ):
        assert code(await office.ask("PATCH", one, wrong)) == (400, "invalid_body"), wrong
    right: dict[str, Any] = {"refresh_token_metadata": {}}
    assert (await office.ask("PATCH", one, right, scope="read:refresh_tokens")).status == 403
    assert code(await office.ask("PATCH", "/nothing", right)) == (404, "inexistent_refresh_token")
    online = await (await town.app("spa")).tokens(scope=["openid"])
    assert code(await office.ask("PATCH", f"/{grant_of(online)}", right)) == (404, "inexistent_refresh_token")


async def test_those_of_a_user_come_in_pages_all_or_an_applications(town: Town, office: Office) -> None:
    first, second = await town.app("spa"), await town.app("spa")
    made = sorted([grant_of(await app.tokens()) for app in (first, first, second)])
    assert await office.ids() == made
    assert len(await office.ids(client_id=second.client_id)) == 1
    page = (await office.ask("GET", user_id=USER_ID, take=2, fields="id")).body
    assert page["refresh_tokens"] == [{"id": each} for each in made[:2]]
    rest = (await office.ask("GET", user_id=USER_ID, take=2, **{"from": page["next"]})).body
    assert [each["id"] for each in rest["refresh_tokens"]] == made[2:]
    assert "next" not in rest
    other = await office.ask("GET", user_id=USER_ID, client_id=first.client_id, **{"from": page["next"]})
    assert code(other) == (400, "invalid_query_string")
    assert code(await office.ask("GET")) == (400, "invalid_query_string")
    assert code(await office.ask("GET", user_id="auth0|nobody")) == (404, "inexistent_user")
    assert (await office.ask("GET", user_id=USER_ID, scope="update:refresh_tokens")).status == 403


@pytest.mark.security("RT-06")
async def test_many_end_at_once_named_or_of_a_user_an_application_an_api(town: Town, office: Office) -> None:
    first, second = await town.app("spa"), await town.app("spa")
    named = [grant_of(await first.tokens()) for _ in range(3)]
    assert (await office.ask("POST", "/revoke", {"ids": [*named[:2], named[0], "nothing"]})).status == 202
    assert await office.ids() == named[2:]
    others = grant_of(await second.tokens())
    elsewhere = {"user_id": USER_ID, "client_id": first.client_id, "audience": "https://other.example/"}
    for body, left in (
        ({"user_id": "auth0|nobody"}, {named[2], others}),
        (elsewhere, {named[2], others}),
        (elsewhere | {"audience": API}, {others}),
        ({"user_id": USER_ID, "client_id": first.client_id}, {others}),
        ({"user_id": USER_ID}, set()),
    ):
        assert (await office.ask("POST", "/revoke", body)).status == 202
        assert set(await office.ids()) == left, body
    assert await town.facts_of(others) == ["token.grant_started", "token.grant_revoked"]


async def test_which_are_meant_is_said_in_one_of_four_ways(office: Office) -> None:
    ways: tuple[dict[str, Any], ...] = (
        {},
        {"ids": []},
        {"ids": ["x"] * 101},
        {"ids": ["x"], "user_id": USER_ID},
        {"client_id": "app"},
        {"audience": API},
        {"user_id": USER_ID, "audience": API},
        {"user_id": USER_ID, "session_id": "s"},
    )
    for unclear in ways:
        assert code(await office.ask("POST", "/revoke", unclear)) == (400, "invalid_body"), unclear
    assert (await office.ask("POST", "/revoke", {"user_id": USER_ID}, scope="read:refresh_tokens")).status == 403


async def test_login_is_told_which_sessions_a_grant_still_names(town: Town, office: Office) -> None:
    assert office
    app = await town.app("spa")
    await app.tokens(session_id="named")
    ended = await app.tokens(session_id="ended")
    await town.store.execute(RevokeGrant("acme", grant_of(ended), "over"), Context())
    await app.tokens(session_id="hers", person="q" * 22)
    question = NamedSessionsOf(tenant="acme", persons=[PERSON], session_ids=["named", "ended", "hers", "never"])
    assert (await ask(town.bus, "token", "named_sessions", question, NamedSessions)).session_ids == ["named"]
