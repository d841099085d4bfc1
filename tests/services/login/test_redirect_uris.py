"""Redirect URIs of authorization requests: nothing is sent anywhere but to a registered address (RU)."""

import pytest

from tests.services.login.front import CALLBACK, CHALLENGE, Browser, Front

NATIVE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


@pytest.mark.security("RU-01")
async def test_a_redirect_uri_is_compared_as_text(browser: Browser) -> None:
    for asked in [
        f"{CALLBACK}/",
        f"{CALLBACK}/x",
        "https://app.example/CALLBACK",
        f"{CALLBACK}?",
        f"{CALLBACK}?x=1",
        f"{CALLBACK}%2f",
        f"{CALLBACK}#f",
        "http://app.example/callback",
        "https://app.example:443/callback",
        "https://u@app.example/callback",
        "HTTPS://app.example/callback",
        "https://APP.example/callback",
    ]:
        assert (await browser.authorize(redirect_uri=asked)).is_page


@pytest.mark.security("RU-02")
async def test_addresses_that_look_alike_are_others(browser: Browser) -> None:
    for asked in [
        "https://app.example.evil.example/callback",
        "https://evilapp.example/callback",
        "https://app.example@evil.example/callback",
        "https://app.example\\@evil.example/callback",
        "https://evil.example\\.app.example/callback",
        "https://app.example%2eevil.example/callback",
        "https://a@b@app.example/callback",
    ]:
        assert (await browser.authorize(redirect_uri=asked)).is_page


@pytest.mark.security("RU-04")
async def test_a_dot_is_a_dot(front: Front, browser: Browser) -> None:
    await front.change("app", callbacks=["https://foo.example.com"])
    assert (await browser.authorize(redirect_uri="https://fooaexample.com")).is_page


@pytest.mark.security("RU-08")
async def test_without_a_redirect_uri_only_one_that_is_registered_alone_will_do(front: Front, browser: Browser) -> None:
    asked = {"client_id": "app", "response_type": "code"}
    assert (await browser.get("/authorize", **asked)).location.startswith("/u/login")
    assert (await browser.get("/authorize", **asked, scope="openid")).is_page
    await front.change("app", callbacks=[CALLBACK, "https://app.example/second"])
    assert (await browser.get("/authorize", **asked)).is_page


async def test_whether_a_redirect_uri_was_sent_is_told_with_the_code(front: Front, browser: Browser) -> None:
    begun = await browser.get("/authorize", client_id="app", response_type="code", scope="email")
    implied = await browser.log_in(begun)
    said = await browser.authorize(scope="email")
    asked = [front.token.codes[answer.said["code"]] for answer in (implied, said)]
    assert {each.redirect_uri for each in asked} == {CALLBACK}
    assert [each.is_redirect_uri_implied for each in asked] == [True, False]


@pytest.mark.security("RU-09")
async def test_a_fragment_is_never_part_of_a_redirect_uri(front: Front, browser: Browser) -> None:
    await front.change("app", callbacks=[f"{CALLBACK}#here"])
    assert (await browser.authorize(redirect_uri=f"{CALLBACK}#here")).is_page


@pytest.mark.security("RU-10")
async def test_a_query_that_was_registered_stays_and_is_added_to_once(front: Front, browser: Browser) -> None:
    await front.change("app", callbacks=[f"{CALLBACK}?tenant=1"])
    answer = await browser.authorize(redirect_uri=f"{CALLBACK}?tenant=1", prompt="none")
    assert answer.location.startswith(f"{CALLBACK}?tenant=1&error=login_required&")
    assert answer.location.count("?") == 1


@pytest.mark.security("RU-12")
async def test_the_redirect_uri_comes_before_everything_else(browser: Browser) -> None:
    for wrong in [
        {"response_type": "bogus"},
        {"response_mode": "bogus"},
        {"request": "garbage"},
        {"scope": ""},
        {"prompt": "none"},
        {"response_mode": "form_post"},
        {"response_mode": "web_message"},
        {"redirect_uri": ""},
    ]:
        said = {"redirect_uri": "https://evil.example/", **wrong}
        assert (await browser.authorize(**said)).is_page


@pytest.mark.security("RU-12")
async def test_an_unknown_application_and_two_of_them_are_told_to_nobody(browser: Browser) -> None:
    good = "response_type=code&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback"
    for said in ("", "client_id=nobody", "client_id=app&client_id=other", "client_id=app%ff", "client_id=%"):
        assert (await browser.send("GET", "/authorize", query=f"{good}&{said}")).is_page
    twice = f"client_id=app&{good}&redirect_uri=https%3A%2F%2Fevil.example%2F"
    assert (await browser.send("GET", "/authorize", query=twice)).is_page


@pytest.mark.security("RU-13")
async def test_no_response_mode_reaches_an_address_that_is_not_registered(browser: Browser) -> None:
    for mode in ["form_post", "form_post.jwt", "query.jwt", "web_message"]:
        assert (await browser.authorize(redirect_uri="https://evil.example/", response_mode=mode)).is_page


@pytest.mark.security("RU-13")
async def test_a_form_post_page_escapes_all_it_says(browser: Browser) -> None:
    state = "\"><script>alert('1')</script>&amp;"
    answer = await browser.authorize(response_mode="form_post", prompt="none", state=state)
    assert answer.status == 200
    assert "<script>" not in answer.text
    assert f'action="{CALLBACK}"' in answer.text
    assert answer.fields["state"] == state
    assert answer.fields["error"] == "login_required"
    policy = answer.header("content-security-policy") or ""
    assert "unsafe-inline" not in policy
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert nonce
    assert answer.text.count("<script") == answer.text.count(f'<script nonce="{nonce}">') == 1
    assert answer.text.index("</form>") < answer.text.index("<script")


@pytest.mark.security("RU-14")
async def test_a_strangers_error_leads_nobody_away_who_is_not_signed_in(browser: Browser) -> None:
    assert (await browser.authorize("stranger", response_type="bogus")).is_page
    assert (await browser.authorize("stranger", scope="\x7f")).is_page
    silent = await browser.authorize("stranger", prompt="none")
    assert silent.said["error"] == "login_required"


@pytest.mark.security("RU-06")
async def test_a_native_application_may_choose_its_loopback_port(browser: Browser) -> None:
    for good in ("http://127.0.0.1:51004/cb", "http://127.0.0.1/cb", "http://[::1]:9/cb", "com.example.app:/cb"):
        assert (await browser.authorize("native", redirect_uri=good, **NATIVE)).location.startswith("/u/login"), good
    for bad in (
        "http://127.0.0.1:51004/cb/",
        "http://127.0.0.2:51004/cb",
        "http://localhost:51004/cb",
        "http://127.0.0.1:5@evil.example/cb",
        "http://127.0.0.1:123456/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:\uff11\uff12/cb",
        "https://127.0.0.1:51004/cb",
        "http://127.0.0.1.evil.example/cb",
        "com.example.app:/cb2",
    ):
        assert (await browser.authorize("native", redirect_uri=bad, **NATIVE)).is_page, bad


async def test_a_port_counts_where_the_application_is_not_native(front: Front, browser: Browser) -> None:
    await front.change("app", callbacks=["http://localhost:3000/cb"])
    assert (await browser.authorize(redirect_uri="http://localhost:3000/cb")).location.startswith("/u/login")
    assert (await browser.authorize(redirect_uri="http://localhost:3001/cb")).is_page


async def test_what_is_refused_is_in_the_activity_log(front: Front, browser: Browser) -> None:
    await browser.authorize(redirect_uri="https://evil.example/")
    (refused,) = await front.events("login.authorization_refused")
    assert (refused["client_id"], refused["error"], refused["reason"]) == ("app", None, "RedirectUriRefused")
