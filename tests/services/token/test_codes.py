"""Codes as an application meets them: issued by an ask, redeemed once, each refusal without a token."""

import asyncio
import base64
from hashlib import sha256
from typing import Any

import pytest

from libs.eventstore import verify
from services.token.commands import ChangeClient, ChangeResourceServer, DeleteClient
from services.token.events import CATALOGUE
from services.token.rows import FOLDS
from tests.services.token.town import (
    API,
    AUTH_TIME,
    CHALLENGE,
    ISSUER,
    PERSON,
    USER_ID,
    VERIFIER,
    Town,
    claims_of,
    grant_of,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = (400, "invalid_grant", "Invalid authorization code")
UNVERIFIED = (400, "invalid_grant", "Failed to verify code verifier")


def hashed(code: str) -> bytes:
    return sha256(code.encode()).digest()


def refusal(answer: Any) -> tuple[int, str, str]:
    assert "access_token" not in answer.body
    return answer.status, answer.body["error"], answer.body["error_description"]


async def test_a_code_becomes_tokens_that_say_what_was_granted(town: Town) -> None:
    app = await town.app("spa", refresh_token={"rotation_type": "rotating"})
    tokens = await app.tokens()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 900
    assert tokens["scope"] == "openid profile email read:things offline_access"
    access, identity = claims_of(tokens["access_token"]), claims_of(tokens["id_token"])
    assert access["iss"] == identity["iss"] == ISSUER
    assert access["aud"] == [API, f"{ISSUER}userinfo"]
    assert access["sub"] == identity["sub"] == USER_ID
    assert access["azp"] == identity["aud"] == app.client_id
    assert identity["auth_time"] == int(AUTH_TIME.timestamp())
    assert identity["nonce"] == "n-0S6_WzA2Mj"
    assert (identity["sid"], identity["amr"], identity["name"]) == ("s" * 22, ["pwd"], "Jo")
    assert "acr" not in identity
    half = sha256(tokens["access_token"].encode()).digest()[:16]
    assert identity["at_hash"] == base64.urlsafe_b64encode(half).decode().rstrip("=")
    assert tokens["refresh_token"].startswith("v1.")
    assert await town.facts_of(grant_of(tokens)) == ["token.grant_started"]
    issued = "SELECT data FROM activity WHERE type = 'token.token_issued' AND data->>'jti' = $1"
    (row,) = await town.rows(issued, access["jti"])
    assert USER_ID not in row["data"]
    assert PERSON in row["data"]


@pytest.mark.security("OI-06")
async def test_no_claim_of_a_person_takes_the_place_of_what_the_protocol_says(town: Town) -> None:
    app = await town.app("regular_web")
    said = ("iss", "aud", "sub", "sid", "nonce", "auth_time", "exp", "iat", "amr", "at_hash")
    town.people.claims = {"name": "Jo", **dict.fromkeys(said, "evil")}
    claims = claims_of((await app.tokens())["id_token"])
    assert claims["name"] == "Jo"
    assert "evil" not in [claims[name] for name in said]


async def test_rows_and_facts_of_grants_say_the_same(town: Town) -> None:
    app = await town.app("regular_web")
    for changes in ({}, {"scope": ["openid"], "audience": None}, {"acr": "1", "requested": {"id_token": {"a": None}}}):
        await app.tokens(**changes)
    code = await app.code()
    await app.redeem(code)
    assert refusal(await app.redeem(code)) == UNKNOWN
    async with town.store.database.transaction() as rows:
        for check in FOLDS:
            count, findings = await verify.folds(rows, CATALOGUE, check)
            assert not findings
            assert count >= (4 if check.name == "grant" else 0)


@pytest.mark.security("CO-01")
async def test_a_replayed_code_ends_what_came_of_it(town: Town) -> None:
    app = await town.app("regular_web")
    code = await app.code()
    tokens = (await app.redeem(code)).body
    assert refusal(await app.redeem(code)) == UNKNOWN
    assert await town.facts_of(grant_of(tokens)) == ["token.grant_started", "token.grant_revoked"]
    assert (await app.refresh(tokens["refresh_token"])).status == 400
    assert refusal(await app.redeem(code)) == UNKNOWN


@pytest.mark.security("CO-01")
async def test_a_replay_by_who_could_not_have_redeemed_it_ends_nothing(town: Town) -> None:
    app, thief = await town.app("regular_web"), await town.app("regular_web")
    code = await app.code()
    tokens = (await app.redeem(code)).body
    assert refusal(await thief.redeem(code)) == UNKNOWN
    assert refusal(await app.redeem(code, redirect_uri="https://app.acme.example/other")) == UNKNOWN
    assert refusal(await app.redeem(code, code_verifier="w" * 43)) == UNVERIFIED
    assert (await app.redeem(code, client_secret="x" * 64)).status == 401
    assert await town.facts_of(grant_of(tokens)) == ["token.grant_started"]


@pytest.mark.security("PK-04")
@pytest.mark.parametrize("verifier", ["w" * 43, CHALLENGE, None, VERIFIER[:-1], "v" * 129, "v" * 42 + "+"])
async def test_a_wrong_verifier_gets_nothing_and_spends_nothing(town: Town, verifier: str | None) -> None:
    app = await town.app("spa")
    code = await app.code()
    assert refusal(await app.redeem(code, code_verifier=verifier)) == UNVERIFIED
    assert (await app.redeem(code)).status == 200


@pytest.mark.security("PK-04")
@pytest.mark.parametrize("verifier", ["v" * 42, "v" * 129, "v" * 42 + "=", "v" * 42 + "\n", "é" * 43])
async def test_a_verifier_has_its_form_though_its_hash_is_right(town: Town, verifier: str) -> None:
    app = await town.app("spa")
    challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
    code = await app.code(code_challenge=challenge)
    assert refusal(await app.redeem(code, code_verifier=verifier)) == UNVERIFIED


@pytest.mark.security("TE-04")
async def test_an_application_with_a_secret_is_not_believed_by_its_name_alone(town: Town) -> None:
    app = await town.app("regular_web")
    code, given = await app.code(), await app.tokens()
    redeemed = await app.redeem(code, client_secret=None)
    renewed = await app.refresh(given["refresh_token"], client_secret=None)
    for answer in (redeemed, renewed):
        assert (answer.status, answer.body["error"]) == (401, "invalid_client")
    assert (await app.redeem(code)).status == 200


@pytest.mark.security("PK-05")
async def test_a_verifier_without_a_challenge_is_refused(town: Town) -> None:
    app = await town.app("regular_web")
    code = await app.code(code_challenge=None)
    answer = await app.redeem(code)
    assert (answer.status, answer.body["error"]) == (400, "invalid_request")
    assert (await app.redeem(code, code_verifier=None)).status == 200


@pytest.mark.security("PK-06")
async def test_each_code_keeps_its_own_challenge(town: Town) -> None:
    app = await town.app("regular_web")
    bound, loose = await app.code(), await app.code(code_challenge=None)
    assert refusal(await app.redeem(bound, code_verifier=None)) == UNVERIFIED
    assert (await app.redeem(loose)).body["error"] == "invalid_request"


@pytest.mark.security("PK-01", "PK-02")
async def test_a_public_application_needs_a_challenge(town: Town) -> None:
    app = await town.app("native")
    assert (await app.ask_code(code_challenge=None)).error == "invalid_request"
    assert (await app.ask_code(code_challenge="short")).error == "invalid_request"


@pytest.mark.security("CO-04")
async def test_a_code_goes_where_it_was_sent(town: Town) -> None:
    app = await town.app("regular_web")
    code = await app.code()
    for other in ("https://app.acme.example/cb/", "https://APP.acme.example/cb", None):
        assert refusal(await app.redeem(code, redirect_uri=other)) == UNKNOWN
    assert (await app.redeem(code)).status == 200


@pytest.mark.security("CO-04")
async def test_a_code_whose_redirect_uri_was_implied_is_redeemed_without_it(town: Town) -> None:
    app = await town.app("regular_web")
    code = await app.code(is_redirect_uri_implied=True)
    assert refusal(await app.redeem(code, redirect_uri="https://app.acme.example/other")) == UNKNOWN
    assert (await app.redeem(code, redirect_uri=None)).status == 200
    assert (await app.redeem(await app.code(is_redirect_uri_implied=True))).status == 200


@pytest.mark.security("CO-05")
async def test_an_old_code_is_refused(town: Town) -> None:
    app = await town.app("regular_web")
    code = await app.code()
    found = "FROM codes WHERE sha256 = $1"
    (row,) = await town.rows(f"SELECT expires_at - issued_at AS lives {found}", hashed(code))
    assert row["lives"].total_seconds() <= 60.01
    await town.rows("UPDATE codes SET expires_at = clock_timestamp() WHERE sha256 = $1", hashed(code))
    assert refusal(await app.redeem(code)) == UNKNOWN


@pytest.mark.security("CO-06")
async def test_a_code_that_is_nearly_the_code_is_none(town: Town) -> None:
    app = await town.app("regular_web")
    code = await app.code()
    flipped = ("A" if code[-1] != "A" else "B").join([code[:-1], ""])
    for near in (code[:-1], flipped, code.swapcase(), f"{code} ", f"{code}=", code + "A", f"{code}\x00", f"{code}\n"):
        assert refusal(await app.redeem(near)) == UNKNOWN
    assert (await app.redeem(code)).status == 200


@pytest.mark.security("CO-10")
async def test_a_code_of_somebody_who_is_gone_is_refused(town: Town) -> None:
    app = await town.app("regular_web")
    code = await app.code()
    town.people.refusal = "blocked"
    assert refusal(await app.redeem(code)) == UNKNOWN
    town.people.refusal = None
    asked = town.people.asked[-1]
    # `login` knows by that moment whether the person ended since what had begun before.
    assert (asked.purpose, asked.session_id, asked.authorized_at) == ("code", "s" * 22, AUTH_TIME)
    await town.run(DeleteClient("acme", app.client_id))
    assert (await app.redeem(code)).status == 401


@pytest.mark.security("CO-10", "TE-10")
async def test_an_api_that_is_for_nobody_any_more_gives_a_person_nothing(town: Town) -> None:
    identifier = "https://closed.acme.example/"
    app, api = await town.app("regular_web"), await town.api(identifier)
    code, given = await app.code(audience=identifier), await app.tokens(audience=identifier)
    denied = {"user": {"policy": "deny_all"}, "client": {"policy": "require_client_grant"}}
    await town.run(ChangeResourceServer("acme", api, {"subject_type_authorization": denied}))
    assert (await app.ask_code(audience=identifier)).error == "invalid_target"
    assert refusal(await app.redeem(code)) == UNKNOWN
    assert (await app.refresh(given["refresh_token"])).body["error"] == "invalid_grant"


@pytest.mark.security("CO-10")
async def test_who_may_not_redeem_codes_any_more_gets_nothing(town: Town) -> None:
    app = await town.app("regular_web")
    code = await app.code()
    await town.run(ChangeClient("acme", app.client_id, {"grant_types": ["refresh_token"]}))
    answer = await app.redeem(code)
    assert (answer.status, answer.body["error"]) == (400, "unauthorized_client")


@pytest.mark.security("CO-09")
async def test_codes_have_nothing_in_common(town: Town) -> None:
    app = await town.app("regular_web")
    codes = [await app.code() for _ in range(50)]
    assert all(len(code) == 43 for code in codes)
    assert len({code[:6] for code in codes}) == 50
    assert sorted(codes) != codes


async def test_a_repeated_ask_gets_the_same_code_until_it_is_spent(town: Town) -> None:
    app = await town.app("regular_web")
    code = await app.code(transaction="one")
    assert await app.code(transaction="one") == code
    assert (await app.ask_code(transaction="one", person="q" * 22)).error == "access_denied"
    await app.redeem(code)
    assert (await app.ask_code(transaction="one")).error == "access_denied"


async def test_no_row_holds_a_code(town: Town) -> None:
    app = await town.app("regular_web")
    code = await app.code()
    (row,) = await town.rows("SELECT codes::text AS said FROM codes WHERE sha256 = $1", hashed(code))
    assert code not in row["said"]


@pytest.mark.security("RT-09")
async def test_scopes_are_granted_as_far_as_they_mean_something(town: Town) -> None:
    app = await town.app("regular_web")
    tokens = await app.tokens(scope=["openid", "openid", "nonsense", "read:things", "delete:everything"])
    assert tokens["scope"] == "openid read:things"
    assert "refresh_token" not in tokens
    assert (await app.ask_code(scope=["nonsense"])).error == "invalid_scope"
    await town.run(ChangeClient("acme", app.client_id, {"grant_types": ["authorization_code"]}))
    assert "refresh_token" not in await app.tokens()


async def test_without_an_api_the_token_is_for_userinfo_alone(town: Town) -> None:
    app = await town.app("regular_web")
    tokens = await app.tokens(audience=None, scope=["openid", "read:things"])
    assert claims_of(tokens["access_token"])["aud"] == f"{ISSUER}userinfo"
    assert tokens["scope"] == "openid"


@pytest.mark.parametrize(("app_type", "for_api", "for_userinfo"), [("spa", 300, 7200), ("regular_web", 900, 86_400)])
async def test_a_token_lives_less_in_a_browser(town: Town, app_type: str, for_api: int, for_userinfo: int) -> None:
    identifier = f"https://{app_type}.acme.example/"
    app, api = await town.app(app_type), await town.api(identifier)
    await town.run(ChangeResourceServer("acme", api, {"token_lifetime_for_web": 300}))
    for audience, seconds in ((identifier, for_api), (None, for_userinfo)):
        tokens = await app.tokens(audience=audience)
        claims = claims_of(tokens["access_token"])
        assert claims["exp"] - claims["iat"] == tokens["expires_in"] == seconds


@pytest.mark.security("AZ-05")
async def test_no_code_is_issued_for_an_application_without_the_grant_type(town: Town) -> None:
    app = await town.app("regular_web", grant_types=["client_credentials", "refresh_token"])
    issued = await app.ask_code()
    assert (issued.code, issued.error) == ("", "unauthorized_client")


async def test_a_person_cannot_let_an_application_manage_the_tenant(town: Town) -> None:
    app = await town.app("regular_web")
    issued = await app.ask_code(audience=f"{ISSUER}api/v2/", scope=["read:users", "create:clients"])
    assert issued.error == "invalid_scope"


@pytest.mark.security("TE-10")
async def test_an_unknown_api_is_refused(town: Town) -> None:
    app = await town.app("regular_web")
    assert (await app.ask_code(audience="https://nobody.example/")).error == "invalid_target"
    code = await app.code()
    assert (await app.redeem(code, audience="https://nobody.example/")).body["error"] == "invalid_target"


@pytest.mark.security("RU-01")
async def test_a_code_is_issued_for_a_registered_address_alone(town: Town) -> None:
    app = await town.app("native", callbacks=["http://127.0.0.1/cb", "com.acme.app:/cb"])
    for right in ("http://127.0.0.1:49152/cb", "com.acme.app:/cb"):
        assert (await app.ask_code(redirect_uri=right)).error is None
    for wrong in ("http://127.0.0.1:49152/cb/", "http://127.0.0.2/cb", "com.acme.app:/cb?x", "https://evil.example/"):
        assert (await app.ask_code(redirect_uri=wrong)).error == "invalid_request"


@pytest.mark.security("CO-02")
async def test_of_fifty_redemptions_at_once_one_wins(town: Town) -> None:
    app = await town.app("regular_web")
    for _ in range(20):
        code = await app.code()
        answers = await asyncio.gather(*(app.redeem(code) for _ in range(50)))
        assert sorted(answer.status for answer in answers) == [200] + [400] * 49


@pytest.mark.soak
@pytest.mark.security("CO-02")
async def test_of_two_hundred_races_for_a_code_each_has_one_winner(town: Town) -> None:
    app = await town.app("regular_web")
    for _ in range(200):
        code = await app.code()
        answers = await asyncio.gather(*(app.redeem(code) for _ in range(50)))
        assert sorted(answer.status for answer in answers) == [200] + [400] * 49
