"""Refresh tokens as an application meets them: the chain, the leeway, reuse, lifetimes, less scope and never more."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from libs.runtime.ids import text
from libs.sealed import keyring_from_text
from services.token.commands import ChangeClient, ChangeResourceServer
from services.token.grants.people import AHEAD
from services.token.grants.refresh_tokens import RefreshTokens, Seed, read
from tests.services.token.town import API, AUTH_TIME, ROTATING, App, Town, claims_of, grant_of
from tests.services.world import KEK

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = (400, "invalid_grant", "Unknown or invalid refresh token.")


def refusal(answer: Any) -> tuple[int, str, str]:
    assert "access_token" not in answer.body
    return answer.status, answer.body["error"], answer.body["error_description"]


async def spa(town: Town, **rules: Any) -> App:
    return await town.app("spa", refresh_token=ROTATING | rules)


@pytest.mark.security("RT-01")
async def test_each_use_gives_the_next_and_an_older_one_ends_all(town: Town) -> None:
    app = await spa(town)
    tokens = await app.tokens()
    second = await app.refresh(tokens["refresh_token"])
    assert second.status == 200
    assert second.body["refresh_token"] != tokens["refresh_token"]
    third = await app.refresh(second.body["refresh_token"])
    assert refusal(await app.refresh(tokens["refresh_token"])) == UNKNOWN
    assert refusal(await app.refresh(third.body["refresh_token"])) == UNKNOWN
    assert await town.facts_of(grant_of(tokens)) == ["token.grant_started", "token.grant_revoked"]


async def test_an_application_whose_tokens_do_not_rotate_keeps_its_token(town: Town) -> None:
    app = await town.app("regular_web")
    tokens = await app.tokens()
    for _ in range(3):
        answer = await app.refresh(tokens["refresh_token"])
        assert answer.status == 200
        assert "refresh_token" not in answer.body
    row = await town.grant(tokens)
    assert (row["generation"], row["idle_expires_at"], row["expires_at"]) == (0, None, None)


@pytest.mark.security("RT-02")
async def test_a_retry_within_the_leeway_gets_the_same_successor_three_times(town: Town) -> None:
    app = await spa(town, leeway=60)
    first = (await app.tokens())["refresh_token"]
    answers = [await app.refresh(first) for _ in range(4)]
    assert {answer.status for answer in answers} == {200}
    (successor,) = {answer.body["refresh_token"] for answer in answers}
    assert refusal(await app.refresh(first)) == UNKNOWN
    third = await app.refresh(successor)
    assert third.status == 200
    assert refusal(await app.refresh(first)) == UNKNOWN
    assert refusal(await app.refresh(third.body["refresh_token"])) == UNKNOWN


@pytest.mark.security("RT-02")
async def test_a_retry_after_the_leeway_ends_all(town: Town) -> None:
    app = await spa(town, leeway=60)
    tokens = await app.tokens()
    first = tokens["refresh_token"]
    second = (await app.refresh(first)).body["refresh_token"]
    await town.alter(tokens, "retry_until = clock_timestamp()")
    assert refusal(await app.refresh(first)) == UNKNOWN
    assert refusal(await app.refresh(second)) == UNKNOWN


@pytest.mark.security("RT-02")
async def test_no_retry_makes_the_leeway_longer(town: Town) -> None:
    app = await spa(town, leeway=60)
    tokens = await app.tokens()
    await app.refresh(tokens["refresh_token"])
    until = (await town.grant(tokens))["retry_until"]
    assert (await app.refresh(tokens["refresh_token"])).status == 200
    assert (await town.grant(tokens))["retry_until"] == until


@pytest.mark.security("RT-05")
async def test_each_use_moves_the_end_of_idleness_and_never_the_last_one(town: Town) -> None:
    app = await spa(town)
    tokens = await app.tokens()
    await town.alter(tokens, "idle_expires_at = clock_timestamp() + interval '10 seconds'")
    before = await town.grant(tokens)
    assert (await app.refresh(tokens["refresh_token"])).status == 200
    after = await town.grant(tokens)
    assert after["idle_expires_at"] > before["idle_expires_at"] + timedelta(seconds=500)
    assert after["expires_at"] == before["expires_at"]


@pytest.mark.security("RT-02")
@pytest.mark.parametrize(("leeway", "winners"), [(0, 1), (60, 4)])
async def test_of_fifty_refreshes_at_once_the_right_number_win(town: Town, leeway: int, winners: int) -> None:
    app = await spa(town, leeway=leeway)
    for _ in range(20 if leeway == 0 else 3):
        tokens = await app.tokens()
        answers = await asyncio.gather(*(app.refresh(tokens["refresh_token"]) for _ in range(50)))
        assert sorted(answer.status for answer in answers) == [200] * winners + [400] * (50 - winners)
        given = {answer.body["refresh_token"] for answer in answers if answer.status == 200}
        assert len(given) == 1
        lives = (await app.refresh(given.pop())).status == 200
        assert lives == (leeway > 0)


@pytest.mark.soak
@pytest.mark.security("RT-02")
async def test_of_two_hundred_races_for_a_refresh_token_each_has_one_winner(town: Town) -> None:
    app = await spa(town)
    for _ in range(200):
        token = (await app.tokens())["refresh_token"]
        answers = await asyncio.gather(*(app.refresh(token) for _ in range(50)))
        assert sorted(answer.status for answer in answers) == [200] + [400] * 49


@pytest.mark.security("RT-04")
async def test_a_refresh_may_ask_for_less_and_later_for_all_again(town: Town) -> None:
    app = await spa(town)
    token = (await app.tokens())["refresh_token"]
    less = await app.refresh(token, scope="read:things")
    assert less.body["scope"] == "read:things"
    assert "id_token" not in less.body
    wider = await app.refresh(less.body["refresh_token"], scope="read:things write:things")
    assert (wider.status, wider.body["error"]) == (400, "invalid_scope")
    elsewhere = await app.refresh(less.body["refresh_token"], audience="https://other.example/")
    assert (elsewhere.status, elsewhere.body["error"]) == (400, "invalid_target")
    back = await app.refresh(less.body["refresh_token"], audience=API)
    assert back.body["scope"] == "openid profile email read:things offline_access"


@pytest.mark.security("RT-04", "TE-10")
async def test_several_resources_at_a_refresh_are_refused(town: Town) -> None:
    app = await spa(town)
    answer = await app.refresh((await app.tokens())["refresh_token"], resource=[API, "https://other.example/"])
    assert (answer.status, answer.body["error"]) == (400, "invalid_target")


@pytest.mark.security("RT-05")
@pytest.mark.parametrize("column", ["idle_expires_at", "expires_at"])
async def test_a_token_ends_when_it_idles_and_when_it_is_old(town: Town, column: str) -> None:
    app = await spa(town)
    tokens = await app.tokens()
    token = (await app.refresh(tokens["refresh_token"])).body["refresh_token"]
    row = await town.grant(tokens)
    assert 590 <= (row["idle_expires_at"] - row["last_exchanged_at"]).total_seconds() <= 600
    assert (row["expires_at"] - row["created_at"]).total_seconds() == 3600
    await town.alter(tokens, f"{column} = clock_timestamp()")
    assert refusal(await app.refresh(token)) == UNKNOWN


@pytest.mark.security("RT-06")
async def test_a_refresh_for_somebody_who_is_gone_is_refused_and_claims_are_those_of_now(town: Town) -> None:
    app = await spa(town)
    token = (await app.tokens())["refresh_token"]
    town.people.claims = {"name": "Joan"}
    answer = await app.refresh(token)
    assert claims_of(answer.body["id_token"])["name"] == "Joan"
    asked = town.people.asked[-1]
    assert (asked.purpose, asked.session_id, asked.authorized_at) == ("refresh", "s" * 22, AUTH_TIME)
    town.people.refusal = "password_changed"
    assert refusal(await app.refresh(answer.body["refresh_token"])) == UNKNOWN


@pytest.mark.security("RT-10", "OI-05")
async def test_a_refresh_moves_neither_the_login_nor_its_means(town: Town) -> None:
    app = await spa(town)
    tokens = await app.tokens(acr="1")
    first = claims_of(tokens["id_token"])
    again = claims_of((await app.refresh(tokens["refresh_token"])).body["id_token"])
    assert "nonce" not in again
    assert again["auth_time"] == first["auth_time"] == int(AUTH_TIME.timestamp())
    assert all(again[name] == first[name] for name in ("sub", "iss", "aud", "sid", "amr", "acr"))


@pytest.mark.security("RT-08", "CO-06")
async def test_what_is_nearly_a_refresh_token_is_none(town: Town) -> None:
    app = await spa(town)
    tokens = await app.tokens()
    token = tokens["refresh_token"]
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    nearly = (token[:-1], flipped, token.swapcase(), f"{token} ", f"{token}=", f"{token}A", token[3:], "v1.", "v1.AA")
    for near in (*nearly, tokens["access_token"], tokens["id_token"], "v1." + "A" * 300):
        assert refusal(await app.refresh(near)) == UNKNOWN
    assert (await app.refresh(token)).status == 200


async def test_another_applications_token_is_unknown_and_ends_nothing(town: Town) -> None:
    app, thief = await spa(town), await spa(town)
    token = (await app.tokens())["refresh_token"]
    assert refusal(await thief.refresh(token)) == UNKNOWN
    assert (await app.refresh(token)).status == 200


async def test_a_token_newer_than_its_row_is_refused_and_alarms_and_ends_nothing(town: Town) -> None:
    app = await spa(town)
    tokens = await app.tokens()
    token = (await app.refresh(tokens["refresh_token"])).body["refresh_token"]
    await town.alter(tokens, "generation = 0")
    before = AHEAD._value.get()  # the client has no other way to read it
    assert refusal(await app.refresh(token)) == UNKNOWN
    assert AHEAD._value.get() == before + 1
    assert await town.facts_of(grant_of(tokens)) == ["token.grant_started"]


@pytest.mark.security("RT-09")
async def test_who_may_not_refresh_any_more_gets_nothing(town: Town) -> None:
    app, api = await spa(town), await town.api("https://strict.acme.example/")
    token = (await app.tokens(audience="https://strict.acme.example/"))["refresh_token"]
    await town.run(ChangeResourceServer("acme", api, {"allow_offline_access": False}))
    assert refusal(await app.refresh(token)) == UNKNOWN
    await town.run(ChangeResourceServer("acme", api, {"allow_offline_access": True}))
    await town.run(ChangeClient("acme", app.client_id, {"grant_types": ["authorization_code"]}))
    answer = await app.refresh(token)
    assert (answer.status, answer.body["error"]) == (400, "unauthorized_client")


async def test_a_scope_the_api_has_lost_is_lost_to_its_tokens(town: Town) -> None:
    app, api = await spa(town), await town.api("https://changing.acme.example/")
    token = (await app.tokens(audience="https://changing.acme.example/"))["refresh_token"]
    await town.run(ChangeResourceServer("acme", api, {"scopes": [{"value": "write:things"}]}))
    assert (await app.refresh(token)).body["scope"] == "openid profile email offline_access"


async def test_where_nothing_is_left_of_the_asked_scope_the_refresh_is_refused_and_the_grant_lives(town: Town) -> None:
    app, api = await spa(town), await town.api("https://shrinking.acme.example/")
    token = (await app.tokens(audience="https://shrinking.acme.example/"))["refresh_token"]
    await town.run(ChangeResourceServer("acme", api, {"scopes": [{"value": "write:things"}]}))
    lost = await app.refresh(token, scope="read:things")
    assert (lost.status, lost.body["error"]) == (400, "invalid_scope")
    some = await app.refresh(token, scope="openid read:things")
    assert (some.status, some.body["scope"]) == (200, "openid")


async def test_while_login_is_away_nothing_is_given_and_nothing_is_lost(town: Town) -> None:
    app = await spa(town)
    token = (await app.tokens())["refresh_token"]
    town.people.is_away = True
    answer = await app.refresh(token)
    assert (answer.status, answer.body["error"]) == (503, "temporarily_unavailable")
    town.people.is_away = False
    assert (await app.refresh(token)).status == 200


async def test_no_row_and_no_event_holds_a_refresh_token(town: Town) -> None:
    app = await spa(town)
    tokens = await app.tokens()
    token = (await app.refresh(tokens["refresh_token"])).body["refresh_token"]
    for table in ("grants", "codes", "facts", "activity"):
        said = json.dumps([row[0] for row in await town.rows(f"SELECT t::text FROM {table} t")])
        assert token not in said
        assert tokens["refresh_token"] not in said


async def test_a_token_is_of_its_tenant_salt_epoch_and_generation() -> None:
    keyring = keyring_from_text(KEK)
    tokens, seed = RefreshTokens(keyring), Seed(b"h" * 16, b"s" * 16, 1)
    token = tokens.token("acme", seed, 7)
    assert token == RefreshTokens(keyring).token("acme", seed, 7)
    presented = read(token)
    assert presented is not None
    assert (presented.generation, presented.handle) == (7, seed.handle)
    assert tokens.is_genuine("acme", presented, seed)
    assert not tokens.is_genuine("other", presented, seed)
    assert not tokens.is_genuine("acme", presented, seed._replace(salt=b"t" * 16))
    assert not tokens.is_genuine("acme", presented, seed._replace(epoch=2))
    assert not tokens.is_genuine("acme", presented._replace(generation=8), seed)
    assert read(text(40)) is None
