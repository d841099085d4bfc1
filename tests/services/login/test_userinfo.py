"""Userinfo: which tokens are believed, and what is said (RS)."""

from typing import Any

import pytest

from libs.runtime.clock import wall
from services.token.commands import GrantAnswer
from tests.services.login.front import (
    BEGINNING,
    ISSUER,
    SIGNER,
    Answer,
    Browser,
    Front,
    Somebody,
    id_token,
    signed,
)

GRANT = "A" * 22
JTI = f"{GRANT}.{'b' * 16}"


def access_token(**changes: Any) -> str:
    both = ["https://api.example/", f"{ISSUER}userinfo"]
    said = {"sub": "auth0|ada", "aud": both, "jti": JTI, "scope": "openid email"}
    return signed(**(said | changes))


async def ask(browser: Browser, token: str, method: str = "GET") -> Answer:
    return await browser.send(method, "/userinfo", headers={"authorization": f"Bearer {token}"})


@pytest.fixture
def granted(front: Front) -> Front:
    front.token.grants[GRANT] = GrantAnswer(
        is_alive=True, person="p1", client_id="app", scope=["openid", "email"], authorized_at=BEGINNING
    )
    return front


@pytest.mark.security("RS-09")
async def test_userinfo_says_what_was_granted(granted: Front, browser: Browser) -> None:
    for method in ("GET", "POST"):
        answer = await ask(browser, access_token(), method)
        assert (answer.status, answer.json) == (200, {"sub": "auth0|ada", "email": "ada@example.com"})
        assert answer.header("cache-control") == "no-store"
    # A refreshed token may be for less than was granted, and a token says of itself whatever it was once for.
    assert (await ask(browser, access_token(scope="openid"))).json == {"sub": "auth0|ada"}
    granted.token.grants[GRANT] = GrantAnswer(is_alive=True, person="p1", scope=["openid"], authorized_at=BEGINNING)
    assert (await ask(browser, access_token())).json == {"sub": "auth0|ada"}
    assert (await ask(browser, access_token(), "PUT")).status == 405


@pytest.mark.security("RS-01")
async def test_without_a_token_the_challenge_names_no_error(browser: Browser) -> None:
    answer = await browser.get("/userinfo")
    assert (answer.status, answer.header("www-authenticate")) == (401, "Bearer")


@pytest.mark.security("RS-02")
async def test_a_token_that_is_not_good_is_refused(granted: Front, browser: Browser) -> None:
    now = 2_000_000_000
    for bad in (
        "garbage",
        access_token(exp=now - 10**9),
        access_token(aud=["https://api.example/"]),
        access_token(iss="https://other.example/"),
        access_token(nbf=4_000_000_000),
        access_token(jti="short"),
        access_token()[:-8] + "AAAAAAAA",
    ):
        answer = await ask(browser, bad)
        assert answer.status == 401
        assert 'error="invalid_token"' in (answer.header("www-authenticate") or "")
    assert (await ask(browser, access_token(scope="email"))).status == 403
    granted.token.grants.clear()
    assert (await ask(browser, access_token())).status == 401


@pytest.mark.security("RS-08")
async def test_who_is_blocked_gone_or_changed_is_told_nothing_of(granted: Front, browser: Browser) -> None:
    for then in (
        None,
        Somebody("auth0|ada", is_blocked=True),
        Somebody("auth0|ada", valid_from=BEGINNING.replace(year=2027)),
    ):
        if then is None:
            del granted.people.known["p1"]
        else:
            granted.people.known["p1"] = then
        assert (await ask(browser, access_token())).status == 401


@pytest.mark.security("RS-08")
async def test_a_session_that_ended_takes_its_grants_along(granted: Front, browser: Browser) -> None:
    for ended, scope, status in [
        ("logout", ["openid"], 401),
        ("admin", ["openid"], 401),
        ("expired", ["openid"], 200),
        ("logout", ["openid", "offline_access"], 200),
        ("revoked", ["openid", "offline_access"], 401),
    ]:
        granted.token.grants[GRANT] = GrantAnswer(
            is_alive=True, person="p1", session_id="s1", scope=scope, authorized_at=BEGINNING
        )
        granted.people.ends["s1"] = ended
        assert (await ask(browser, access_token())).status == status, (ended, scope)


@pytest.mark.security("RS-04")
async def test_a_token_comes_once_and_never_in_the_query(granted: Front, browser: Browser) -> None:
    token = access_token()
    assert granted.token.grants
    assert (await browser.get("/userinfo", access_token=token)).status == 401
    assert (await browser.post("/userinfo", access_token=token)).status == 200
    both = await browser.post("/userinfo", {"authorization": f"Bearer {token}"}, access_token=token)
    assert (both.status, both.json["error"]) == (400, "invalid_request")


@pytest.mark.security("RS-05")
async def test_other_tokens_are_no_access_tokens(granted: Front, browser: Browser) -> None:
    assert granted.token.grants
    events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    for bad in (id_token(), id_token(aud=f"{ISSUER}userinfo"), access_token(events=events, scope=None)):
        assert (await ask(browser, bad)).status == 401
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "sub": "auth0|ada",
        "aud": f"{ISSUER}userinfo",
        "jti": JTI,
        "scope": "openid",
    }
    claims["exp"] = int(wall()) + 60
    for typ, status in (("at+jwt", 200), ("logout+jwt", 401), ("dpop+jwt", 401), ("", 401)):
        assert (await ask(browser, SIGNER.sign({**claims, "exp": int(wall()) + 60}, typ=typ))).status == status, typ
