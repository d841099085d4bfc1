"""A refresh token that is given back, by its own application alone; discovery; what `login` is told of grants."""

from typing import Any

import pytest
from msgspec.structs import replace

from libs.edge.asks import ask
from libs.jose import parse
from libs.runtime.clock import Clock
from services.token.commands import (
    DeleteResourceServer,
    GrantAnswer,
    GrantOf,
    GrantsRevoked,
    IdTokenIssued,
    IssueIdToken,
    LogoutToken,
    LogoutTokenFor,
    RefreshTokensAnswer,
    RefreshTokensOf,
    RevokeGrants,
)
from services.token.grants.sweeping import CODES, expire, forget
from tests.services.token.town import API, AUTH_TIME, CALLBACK, ISSUER, PERSON, USER_ID, Town, claims_of, grant_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def lives(town: Town, tokens: dict[str, Any]) -> bool:
    answer = await ask(town.bus, "token", "grant", GrantOf(tenant="acme", grant_id=grant_of(tokens)), GrantAnswer)
    return answer.is_alive


@pytest.mark.security("RS-08")
async def test_a_grant_ends_with_the_api_it_is_for(town: Town) -> None:
    app, audience = await town.app("spa"), "https://passing.acme.example/"
    api = await town.api(audience)
    passing, staying, without = [await app.tokens(audience=each) for each in (audience, API, None)]
    assert await lives(town, passing)
    await town.run(DeleteResourceServer("acme", api))
    assert [await lives(town, each) for each in (passing, staying, without)] == [False, True, True]


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_refresh_token_that_is_given_back_ends_its_grant(town: Town, as_json: bool) -> None:  # noqa: FBT001
    for app in (await town.app("regular_web"), await town.app("spa")):
        tokens = await app.tokens()
        assert await lives(town, tokens)
        said = {"token": tokens["refresh_token"], "token_type_hint": "access_token", **app.identity}
        answer = await town.post("/oauth/revoke", said, as_json=as_json)
        assert (answer.status, answer.body) == (200, None)
        assert not await lives(town, tokens)
        assert (await app.refresh(tokens["refresh_token"])).status == 400
        assert await town.facts_of(grant_of(tokens)) == ["token.grant_started", "token.grant_revoked"]
        assert (await town.post("/oauth/revoke", said)).status == 200


async def test_a_stranger_gives_nothing_back_and_learns_nothing(town: Town) -> None:
    app, stranger = await town.app("regular_web"), await town.app("regular_web")
    tokens = await app.tokens()
    for token in (tokens["refresh_token"], tokens["access_token"], "v1.garbage", "garbage"):
        answer = await town.post("/oauth/revoke", {"token": token, **stranger.identity})
        assert (answer.status, answer.body) == (200, None)
    wrong = await town.post("/oauth/revoke", {"token": tokens["refresh_token"], "client_id": app.client_id})
    assert (wrong.status, wrong.body["error"]) == (401, "invalid_client")
    missing = await town.post("/oauth/revoke", app.identity)
    assert (missing.status, missing.body["error"]) == (400, "invalid_request")
    assert await lives(town, tokens)


async def test_login_is_told_whose_a_grant_is_and_ends_it(town: Town) -> None:
    app = await town.app("regular_web")
    first = await app.tokens(person="r" * 22, requested={"userinfo": {"name": None}})
    second = await app.tokens(person="r" * 22, session_id="t" * 22)
    answer = await ask(town.bus, "token", "grant", GrantOf(tenant="acme", grant_id=grant_of(first)), GrantAnswer)
    assert (answer.person, answer.client_id, answer.requested) == (
        "r" * 22,
        app.client_id,
        {"userinfo": {"name": None}},
    )
    question = RefreshTokensOf(tenant="acme", person="r" * 22, after=None, take=1)
    page = await ask(town.bus, "token", "refresh_tokens", question, RefreshTokensAnswer)
    assert page.has_more
    assert page.tokens[0].audience == API
    by_session = RevokeGrants(tenant="acme", person="r" * 22, reason="session_revoked", session_id="t" * 22)
    assert (await ask(town.bus, "token", "revoke_grants", by_session, GrantsRevoked)).count == 1
    assert (await lives(town, first), await lives(town, second)) == (True, False)
    all_of_them = RevokeGrants(tenant="acme", person="r" * 22, reason="user_erased")
    assert (await ask(town.bus, "token", "revoke_grants", all_of_them, GrantsRevoked)).count == 1
    assert (await ask(town.bus, "token", "revoke_grants", all_of_them, GrantsRevoked)).count == 0
    assert not await lives(town, first)


@pytest.mark.security("RT-06")
async def test_a_consent_that_is_taken_back_ends_what_rests_on_it_and_nothing_else(town: Town) -> None:
    one, two, person, other = await town.app(), await town.app(), "q" * 22, "https://second.acme.example/"
    await town.api(other)
    asked = [(one, API, person), (one, other, person), (two, API, person), (one, API, "u" * 22)]
    given = [await app.tokens(person=who, audience=audience) for app, audience, who in asked]
    all_of_it = RevokeGrants(tenant="acme", person=person, reason="consent_revoked", client_id=one.client_id)
    of_one_api = replace(all_of_it, audience=API)
    assert (await ask(town.bus, "token", "revoke_grants", of_one_api, GrantsRevoked)).count == 1
    assert [await lives(town, each) for each in given] == [False, True, True, True]
    assert (await ask(town.bus, "token", "revoke_grants", all_of_it, GrantsRevoked)).count == 1
    assert [await lives(town, each) for each in given] == [False, False, True, True]


async def test_the_front_channel_gets_an_id_token(town: Town) -> None:
    app = await town.app("regular_web")
    question: dict[str, Any] = {
        "tenant": "acme",
        "client_id": app.client_id,
        "redirect_uri": CALLBACK,
        "sub": USER_ID,
        "nonce": "n",
    }
    question |= {"claims": {"name": "Jo", "iss": "https://evil.example/"}, "person": PERSON, "session_id": "s" * 22}
    question |= {"auth_time": AUTH_TIME, "amr": ["pwd"], "acr": "1"}
    issued = await ask(town.bus, "token", "issue_id_token", IssueIdToken(**question), IdTokenIssued)
    claims = claims_of(issued.id_token)
    assert (claims["iss"], claims["aud"], claims["sub"], claims["nonce"]) == (ISSUER, app.client_id, USER_ID, "n")
    assert (claims["name"], claims["acr"], claims["auth_time"]) == ("Jo", "1", int(AUTH_TIME.timestamp()))
    assert "at_hash" not in claims
    question["redirect_uri"] = "https://evil.example/"
    refused = await ask(town.bus, "token", "issue_id_token", IssueIdToken(**question), IdTokenIssued)
    assert (refused.id_token, refused.error) == ("", "invalid_request")


@pytest.mark.security("OI-13")
async def test_a_logout_token_says_that_a_session_ended_and_nothing_else(town: Town) -> None:
    urls = ["https://app.acme.example/backchannel"]
    app = await town.app("regular_web", oidc_logout={"backchannel_logout_urls": urls})
    question = LogoutTokenFor(tenant="acme", client_id=app.client_id, sub=USER_ID, session_id="s" * 22, jti="j" * 22)
    made = await ask(town.bus, "token", "logout_token", question, LogoutToken)
    claims = claims_of(made.token)
    assert made.urls == urls
    assert parse(made.token).typ == "logout+jwt"
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert claims["exp"] - claims["iat"] == 120
    assert (claims["iss"], claims["aud"], claims["sub"], claims["sid"], claims["jti"]) == (
        ISSUER,
        app.client_id,
        USER_ID,
        "s" * 22,
        "j" * 22,
    )
    assert "nonce" not in claims
    silent = await town.app("regular_web")
    nothing = LogoutTokenFor(tenant="acme", client_id=silent.client_id, sub=USER_ID, session_id="s", jti="j")
    assert (await ask(town.bus, "token", "logout_token", nothing, LogoutToken)).urls == []


@pytest.mark.security("PK-08")
async def test_discovery_says_what_works(town: Town) -> None:
    document = (await town.edge("GET", "/.well-known/openid-configuration", [])).body
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code", "id_token"]
    assert document["response_modes_supported"] == ["query", "fragment", "form_post", "web_message"]
    assert document["authorization_endpoint"] == f"{ISSUER}authorize"
    assert document["end_session_endpoint"] == f"{ISSUER}oidc/logout"
    assert document["request_parameter_supported"] is False
    assert document["authorization_response_iss_parameter_supported"] is True
    assert {"authorization_code", "refresh_token", "client_credentials"} <= set(document["grant_types_supported"])


async def test_the_management_api_shows_and_ends_a_refresh_token(town: Town) -> None:
    app = await town.app("spa")
    tokens = await app.tokens()
    path = f"/api/v2/refresh-tokens/{grant_of(tokens)}"
    bearer = await town.token("acme", scope="read:refresh_tokens delete:refresh_tokens")
    shown = await town.management("token", "GET", path, token=bearer)
    assert (shown.status, shown.body["user_id"], shown.body["client_id"]) == (200, USER_ID, app.client_id)
    assert tokens["refresh_token"] not in str(shown.body)
    assert (await town.management("token", "DELETE", path, token=bearer)).status == 202
    assert (await town.management("token", "GET", path, token=bearer)).status == 404
    assert (await app.refresh(tokens["refresh_token"])).status == 400


async def test_what_is_over_is_swept_away_and_a_grants_end_is_a_fact(town: Town) -> None:
    app = await town.app("regular_web")
    over, living = await app.tokens(), await app.tokens()
    await town.rows(
        "UPDATE grants SET idle_expires_at = clock_timestamp() - interval '1 second' WHERE grant_id = $1",
        grant_of(over),
    )
    await expire(town.store, Clock(), most=1)
    assert await town.facts_of(grant_of(over)) == ["token.grant_started", "token.grant_expired"]
    assert await town.facts_of(grant_of(living)) == ["token.grant_started"]
    await town.rows("UPDATE codes SET issued_at = now() - interval '2 days', expires_at = now() - interval '2 days'")
    await app.code()
    await forget(town.store.database, CODES)
    assert len(await town.rows("SELECT 1 FROM codes")) == 1
