"""The Management API of sessions, refresh tokens of a user, and consents."""

from typing import Any, Final
from urllib.parse import urlencode

import pytest
from auth0.management.types.get_session_response_content import GetSessionResponseContent

from libs.eventstore.verify import folds
from services.login.events import CATALOGUE
from services.login.rows.consents import FOLD as CONSENTS
from services.login.rows.sessions import FOLD as SESSIONS
from tests.services.login.front import CALLBACK, Answer, Browser, Front

AGAIN: Final = {"client_id": "app", "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}


async def session_id(front: Front) -> str:
    return str((await front.events("login.session_started"))[-1]["session_id"])


@pytest.mark.security("RT-06")
async def test_a_session_is_shown_and_ended_with_what_was_granted_in_it(front: Front, browser: Browser) -> None:
    await browser.sign_in()
    id_ = await session_id(front)
    shown = await front.api("GET", f"sessions/{id_}", "read:sessions")
    assert shown.status == 200
    assert (shown.json["id"], shown.json["user_id"]) == (id_, "auth0|ada")
    assert shown.json["clients"] == [{"client_id": "app"}]
    assert shown.json["authentication"]["methods"][0]["name"] == "pwd"
    assert (await front.api("DELETE", f"sessions/{id_}", "delete:sessions")).status == 202
    assert (await front.api("DELETE", f"sessions/{id_}", "delete:sessions")).status == 202
    assert (await front.api("GET", f"sessions/{id_}", "read:sessions")).status == 404
    assert (await browser.authorize(prompt="none")).said["error"] == "login_required"
    assert {(each.person, each.session_id) for each in front.token.revoked} == {("p1", id_)}


async def test_a_session_tells_from_where_somebody_came_until_it_is_over(front: Front, browser: Browser) -> None:
    begun = await browser.authorize()
    headers = {"user-agent": "Firefox"}
    await browser.post("/u/login", headers, state=begun.said["state"], person="p1")
    one = f"sessions/{await session_id(front)}"
    came = {"initial_ip": "192.0.2.1", "initial_user_agent": "Firefox"}
    first = (await front.api("GET", one, "read:sessions")).json
    assert first["device"] == came | {"last_ip": "192.0.2.1", "last_user_agent": "Firefox"}
    await browser.send("GET", "/authorize", query=urlencode(AGAIN), headers={"user-agent": "Firefox 2"})
    listed = (await front.api("GET", "users/auth0%7Cada/sessions", "read:sessions")).json["sessions"][0]
    assert listed["device"] == came | {"last_ip": "192.0.2.1", "last_user_agent": "Firefox 2"}
    await front.api("PATCH", one, "update:sessions", body={"session_metadata": {"till": "Milan"}})
    await front.api("DELETE", one, "delete:sessions")
    async with front.database.connection() as rows:
        (row,) = await rows.fetch("SELECT to_jsonb(s)::text AS text FROM sessions s")
    for word in ("192.0.2.1", "Firefox", "Milan"):
        assert word not in row["text"]


async def test_a_session_is_noted_of_and_forgets_what_is_not_said_again(front: Front, browser: Browser) -> None:
    await browser.sign_in()
    one = f"sessions/{await session_id(front)}"
    assert (await front.api("GET", one, "read:sessions")).json["session_metadata"] is None

    async def note(metadata: Any, path: str = one) -> Answer:
        return await front.api("PATCH", path, "update:sessions", body={"session_metadata": metadata})

    said = await note({"shop": "Rome", "desk": "3"})
    assert (said.status, said.json["session_metadata"]) == (200, {"shop": "Rome", "desk": "3"})
    assert said.json == (await front.api("GET", one, "read:sessions")).json
    assert GetSessionResponseContent(**said.json).session_metadata == {"shop": "Rome", "desk": "3"}
    assert (await note({"desk": "4", "shop": None})).json["session_metadata"] == {"desk": "4"}
    assert (await note({})).json["session_metadata"] is None
    for wrong in ({"a": 1}, {"a": "x" * 256}, {str(number): "x" for number in range(26)}, "x"):
        assert (await note(wrong)).status == 400, wrong
    for body in ({}, {"session_metadata": {}, "user_id": "x"}):
        assert (await front.api("PATCH", one, "update:sessions", body=body)).json["errorCode"] == "invalid_body"
    assert (await front.api("PATCH", one, "read:sessions", body={"session_metadata": {}})).status == 403
    assert (await note({}, "sessions/nothing")).json["errorCode"] == "inexistent_session"
    notes = await front.events("login.session_annotated")
    assert notes == [{"session_id": await session_id(front), "person": "p1"}] * 3
    await front.api("DELETE", one, "delete:sessions")
    assert (await note({"shop": "Rome"})).status == 404


@pytest.mark.security("RS-08")
async def test_a_revoked_session_ends_what_was_granted_in_it(front: Front, browser: Browser) -> None:
    await browser.sign_in()
    id_ = await session_id(front)
    assert (await front.api("POST", f"sessions/{id_}/revoke", "delete:sessions")).status == 202
    (asked,) = front.token.revoked
    assert (asked.person, asked.session_id) == ("p1", id_)
    (ended,) = await front.events("login.session_ended")
    assert ended["reason"] == "revoked"
    assert (await front.api("POST", "sessions/nothing/revoke", "delete:sessions")).status == 404


REVOKE: Final = "users/auth0%7Cada/revoke-access"


@pytest.mark.security("RS-08")
async def test_access_is_revoked_in_one_session_alone(front: Front) -> None:
    here, there = front.browser(), front.browser()
    ids = []
    for browser in (here, there):
        await browser.sign_in()
        ids.append(await session_id(front))
    for path, id_ in (("users/auth0%7Cbob/revoke-access", ids[0]), (REVOKE, "nothing")):
        answer = await front.api("POST", path, "delete:sessions", body={"session_id": id_})
        assert (answer.status, answer.json["errorCode"]) == (404, "inexistent_session")
    assert not front.token.revoked
    assert (await front.api("POST", REVOKE, "delete:sessions", body={"session_id": ids[0]})).status == 202
    assert [(each.person, each.session_id) for each in front.token.revoked] == [("p1", ids[0])]
    assert (await here.authorize(prompt="none")).said["error"] == "login_required"
    assert "code" in (await there.authorize(prompt="none")).said


async def test_access_is_revoked_everywhere_and_refresh_tokens_are_kept_on_demand(front: Front) -> None:
    for kept in (True, False):
        browser = front.browser()
        await browser.sign_in()
        body = {"preserve_refresh_tokens": True} if kept else None
        assert (await front.api("POST", REVOKE, "delete:refresh_tokens", body=body)).status == 202
        assert (await browser.authorize(prompt="none")).said["error"] == "login_required"
    assert [(each.person, each.session_id) for each in front.token.revoked] == [("p1", None)]
    ended = await front.events("login.session_ended")
    assert [each["reason"] for each in ended] == ["admin_logout", "revoked"]


async def test_sessions_of_a_user_come_in_pages_and_end_together(front: Front) -> None:
    browsers = [front.browser() for _ in range(3)]
    for browser in browsers:
        await browser.sign_in()
    first = await front.api("GET", "users/auth0%7Cada/sessions", "read:sessions", "take=2")
    assert len(first.json["sessions"]) == 2
    rest = await front.api("GET", "users/auth0%7Cada/sessions", "read:sessions", f"take=2&from={first.json['next']}")
    assert len({each["id"] for each in (*first.json["sessions"], *rest.json["sessions"])}) == 3
    assert "next" not in rest.json
    over = first.json["sessions"][0]["id"]
    await front.run("UPDATE sessions SET expires_at = clock_timestamp() WHERE session_id = $1", over)
    left = (await front.api("GET", "users/auth0%7Cada/sessions", "read:sessions")).json["sessions"]
    assert over not in {each["id"] for each in left}
    assert len(left) == 2
    assert (await front.api("GET", "users/auth0%7Cbob/sessions", "read:sessions")).json == {"sessions": []}
    assert (await front.api("GET", "users/nobody/sessions", "read:sessions")).status == 404
    assert (await front.api("DELETE", "users/auth0%7Cada/sessions", "delete:sessions")).status == 202
    assert len({each.session_id for each in front.token.revoked}) == 3
    for browser in browsers:
        assert (await browser.authorize(prompt="none")).said["error"] == "login_required"


async def test_refresh_tokens_of_a_user_are_asked_of_token(front: Front) -> None:
    page = await front.api("GET", "users/auth0%7Cada/refresh-tokens", "read:refresh_tokens")
    assert [each["id"] for each in page.json["tokens"]] == ["r1"]
    assert page.json["tokens"][0]["user_id"] == "auth0|ada"
    assert (await front.api("DELETE", "users/auth0%7Cada/refresh-tokens", "delete:refresh_tokens")).status == 202
    assert [each.person for each in front.token.revoked] == ["p1"]


async def test_consents_are_grants_to_auth0(front: Front, browser: Browser) -> None:
    asking = await browser.sign_in("stranger", audience="https://api.example/", scope="openid read")
    await browser.consent(asking)
    (grant,) = (await front.api("GET", "grants", "read:grants", "user_id=auth0%7Cada")).json
    assert {name: value for name, value in grant.items() if name != "id"} == {
        "clientID": "stranger",
        "user_id": "auth0|ada",
        "audience": "https://api.example/",
        "scope": ["openid", "read"],
    }
    assert (await front.api("GET", "grants", "read:grants", "user_id=nobody")).json == []
    assert (await front.api("GET", "grants", "read:grants", "include_totals=true")).json["total"] == 1
    for another in ("user_id=auth0%7Cbob", "user_id=nobody"):
        assert (await front.api("DELETE", f"grants/{grant['id']}", "delete:grants", another)).status == 204
    assert (await front.api("GET", "grants", "read:grants")).json == [grant]
    assert (await front.api("DELETE", f"grants/{grant['id']}", "delete:grants", "user_id=auth0%7Cada")).status == 204
    assert (await front.api("DELETE", f"grants/{grant['id']}", "delete:grants")).status == 204
    assert front.token.revoked[0].client_id == "stranger"
    silent = await browser.authorize("stranger", prompt="none", audience="https://api.example/", scope="openid read")
    assert silent.said["error"] == "consent_required"
    again = await browser.authorize("stranger", audience="https://api.example/", scope="openid read")
    assert "code" in (await browser.consent(again)).said
    assert (await front.api("DELETE", "grants", "delete:grants", "user_id=auth0%7Cada")).status == 204
    assert (await front.api("GET", "grants", "read:grants")).json == []


async def test_rows_are_what_their_facts_say(front: Front, browser: Browser) -> None:
    await browser.sign_in()
    await browser.sign_in(prompt="login")
    await browser.consent(await browser.authorize("stranger"))
    await browser.sign_in(person="p2", prompt="login")
    assert len(await front.events("login.session_started")) == 2
    async with front.database.transaction() as rows:
        for check, count in ((SESSIONS, 2), (CONSENTS, 1)):
            assert await folds(rows, CATALOGUE, check) == (count, [])
