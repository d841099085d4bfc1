"""Sessions and single sign-on: prompts, ages, hints (OI), the cookie and its lifetimes (LG)."""

import asyncio

import pytest

from tests.services.login.front import CALLBACK, Browser, Front, id_token

HOUR = 3600


async def aged(front: Front, seconds: int) -> None:
    """Let every session have begun so long ago."""
    await front.run(
        "UPDATE sessions SET auth_time = auth_time - make_interval(secs => $1), "
        "idle_expires_at = idle_expires_at - make_interval(secs => $1), "
        "expires_at = expires_at - make_interval(secs => $1)",
        float(seconds),
    )


async def test_single_sign_on_asks_nothing(front: Front, browser: Browser) -> None:
    first = await browser.sign_in()
    second = await browser.authorize("other")
    assert second.location.startswith("https://other.example/cb?code=")
    one, two = front.token.codes[first.said["code"]], front.token.codes[second.said["code"]]
    assert (one.session_id, one.auth_time) == (two.session_id, two.auth_time)
    came = await front.events("login.login_succeeded")
    assert [(each["client_id"], each["is_silent"]) for each in came] == [("app", False), ("other", True)]
    assert len(await front.events("login.session_started")) == 1


@pytest.mark.security("OI-01")
async def test_prompt_none_never_shows_anything(front: Front, browser: Browser) -> None:
    nobody = await browser.authorize(prompt="none")
    assert (nobody.said["error"], nobody.said["state"]) == ("login_required", "s")
    await browser.sign_in()
    assert "code" in (await browser.authorize(prompt="none")).said
    assert (await browser.authorize("stranger", prompt="none")).said["error"] == "consent_required"
    await aged(front, 100)
    assert (await browser.authorize(prompt="none", max_age="50")).said["error"] == "login_required"
    assert "code" in (await browser.authorize(prompt="none", max_age="200")).said


@pytest.mark.security("OI-02")
async def test_prompt_none_stands_alone(browser: Browser) -> None:
    assert (await browser.authorize(prompt="none login")).said["error"] == "invalid_request"


@pytest.mark.security("OI-02")
async def test_prompt_login_asks_again_and_is_newer(front: Front, browser: Browser) -> None:
    first = await browser.sign_in()
    second = await browser.sign_in(prompt="login")
    one, two = front.token.codes[first.said["code"]], front.token.codes[second.said["code"]]
    assert two.auth_time > one.auth_time
    assert two.session_id == one.session_id
    assert len(await front.events("login.session_renewed")) == 1


@pytest.mark.security("OI-02")
async def test_prompt_consent_asks_also_for_the_tenants_own(front: Front, browser: Browser) -> None:
    await browser.sign_in()
    asking = await browser.authorize(prompt="consent")
    answer = await browser.consent(asking)
    assert "code" in answer.said
    (given,) = await front.events("login.consent_given")
    assert (given["client_id"], given["scope"]) == ("app", ["openid"])


@pytest.mark.security("OI-02")
async def test_prompt_select_account_lets_choose(browser: Browser) -> None:
    assert (await browser.authorize(prompt="select_account")).location.startswith("/u/login")
    await browser.sign_in()
    choosing = await browser.authorize(prompt="select_account")
    assert choosing.location.startswith("/u/account?state=")
    page = await browser.get(choosing.location)
    assert "ada@example.com" in page.text
    assert "code" in (await browser.answer(page, "/u/account", "default")).said
    another = await browser.get((await browser.authorize(prompt="select_account")).location)
    assert (await browser.answer(another, "/u/account", "another")).location.startswith("/u/login")


async def test_max_age_asks_again_when_the_login_is_old(front: Front, browser: Browser) -> None:
    first = await browser.sign_in()
    await aged(front, 10)
    assert "code" in (await browser.authorize(max_age="15000")).said
    again = await browser.sign_in(max_age="5")
    assert front.token.codes[again.said["code"]].auth_time > front.token.codes[first.said["code"]].auth_time


@pytest.mark.security("OI-04")
async def test_a_hint_of_another_never_signs_in_who_is_there(front: Front, browser: Browser) -> None:
    await browser.sign_in()
    mine, others = id_token("auth0|ada"), id_token("auth0|bob")
    assert "code" in (await browser.authorize(prompt="none", id_token_hint=mine)).said
    assert (await browser.authorize(prompt="none", id_token_hint=others)).said["error"] == "login_required"
    assert (await browser.authorize(id_token_hint=others)).location.startswith("/u/login")
    refused = await browser.sign_in(id_token_hint=others, prompt="login")
    assert refused.said["error"] == "login_required"
    right = await browser.sign_in(id_token_hint=others, prompt="login", person="p2")
    assert front.token.codes[right.said["code"]].person == "p2"


@pytest.mark.security("OI-04")
async def test_claims_that_name_a_person_are_never_answered_with_another(front: Front, browser: Browser) -> None:
    mine = '{"id_token": {"sub": {"value": "auth0|ada"}}}'
    others = '{"id_token": {"sub": {"values": ["auth0|bob"]}}}'
    await browser.sign_in()
    assert "code" in (await browser.authorize(prompt="none", claims=mine)).said
    assert "code" in (await browser.authorize(prompt="none", claims='{"id_token": {"sub": null}}')).said
    assert (await browser.authorize(prompt="none", claims=others)).said["error"] == "login_required"
    refused = await browser.sign_in(claims=others, prompt="login")
    assert refused.said["error"] == "login_required"
    right = await browser.sign_in(claims=others, prompt="login", person="p2")
    assert front.token.codes[right.said["code"]].person == "p2"


@pytest.mark.security("OI-04")
async def test_a_hint_that_is_none_of_ours_is_refused(browser: Browser) -> None:
    await browser.sign_in()
    head, body, signature = id_token().split(".")
    for bad in (
        f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        f"eyJhbGciOiJub25lIn0.{body}.",
        id_token(aud="other"),
        id_token(iss="https://evil.example/"),
        id_token(scope="openid"),
        "garbage",
    ):
        assert (await browser.authorize(prompt="none", id_token_hint=bad)).said["error"] == "invalid_request"
    assert "code" in (await browser.authorize(prompt="none", id_token_hint=id_token(exp=1_700_000_000))).said


@pytest.mark.security("LG-08")
async def test_the_cookie_is_another_at_each_login(front: Front, browser: Browser) -> None:
    await browser.sign_in()
    first = browser.session
    await browser.sign_in(prompt="login")
    assert first is not None
    assert browser.session not in {None, first}
    thief = front.browser()
    thief.cookies["__Host-limen"] = first
    assert (await thief.authorize(prompt="none")).said["error"] == "login_required"
    fixed = front.browser()
    fixed.cookies["__Host-limen"] = "chosen-by-somebody-else"
    await fixed.sign_in()
    assert fixed.session != "chosen-by-somebody-else"


@pytest.mark.security("LG-09")
async def test_cookies_are_for_this_host_alone(front: Front, browser: Browser) -> None:
    begun = await browser.authorize()
    done = await browser.log_in(begun)
    said = [value for answer in (begun, done) for name, value in answer.headers if name == "set-cookie"]
    assert said
    for each in said:
        assert each.startswith("__Host-limen")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(each.split("; "))
        assert "Domain" not in each
    plain = front.browser("http")
    await plain.sign_in()
    assert plain.session
    assert "Secure" not in str((await plain.authorize(prompt="login")).header("set-cookie"))


@pytest.mark.security("LG-13")
async def test_a_session_ends_unused_and_it_ends_anyway(front: Front, browser: Browser) -> None:
    await front.run("""UPDATE tenants_v1 SET settings = '{"idle_session_lifetime": 2, "session_lifetime": 5}'""")
    await browser.sign_in()
    for _ in range(3):
        await aged(front, int(1.5 * HOUR))
        assert "code" in (await browser.authorize(prompt="none")).said
    await aged(front, HOUR)
    assert (await browser.authorize(prompt="none")).said["error"] == "login_required"
    await browser.sign_in()
    await aged(front, 2 * HOUR + 1)
    assert (await browser.authorize()).location.startswith("/u/login")


@pytest.mark.security("LG-13")
async def test_no_use_keeps_a_session_beyond_its_end(front: Front, browser: Browser) -> None:
    await front.run("""UPDATE tenants_v1 SET settings = '{"idle_session_lifetime": 9, "session_lifetime": 5}'""")
    await browser.sign_in()
    for use in ({"prompt": "none"}, {"prompt": "login"}):
        async with front.database.connection() as rows:
            (held,) = await rows.fetch("SELECT idle_expires_at, expires_at FROM sessions")
        assert held["idle_expires_at"] <= held["expires_at"]
        answer = await browser.authorize(**use)
        if use["prompt"] == "login":
            await browser.log_in(answer)
    async with front.database.connection() as rows:
        (held,) = await rows.fetch("SELECT idle_expires_at, expires_at FROM sessions")
    assert held["idle_expires_at"] <= held["expires_at"]
    await front.run("UPDATE sessions SET expires_at = clock_timestamp()")
    assert (await browser.authorize(prompt="none")).said["error"] == "login_required"


@pytest.mark.security("AD-02")
async def test_what_a_browser_has_of_one_tenant_is_nothing_at_another(front: Front, browser: Browser) -> None:
    await front.twin("globex")
    await browser.sign_in()
    begun = await browser.authorize(prompt="login")
    browser.tenant = "globex"
    assert (await browser.authorize(prompt="none")).said["error"] == "login_required"
    assert (await browser.get(begun.location)).status == 400
    assert (await browser.log_in(begun)).status == 400
    browser.tenant = "acme"
    assert "code" in (await browser.log_in(begun)).said


@pytest.mark.security("LG-14")
async def test_who_was_blocked_or_has_another_password_is_not_signed_in(front: Front, browser: Browser) -> None:
    await browser.sign_in()
    for change in ("is_blocked = true", "is_blocked = false, valid_from = clock_timestamp()"):
        await front.run(f"UPDATE people SET {change} WHERE person = 'p1'")
        assert (await browser.authorize(prompt="none")).said["error"] == "login_required"


@pytest.mark.security("OI-12")
async def test_another_person_in_the_same_browser_has_another_session(front: Front, browser: Browser) -> None:
    first = await browser.sign_in()
    second = await browser.sign_in(prompt="login", person="p2")
    one, two = front.token.codes[first.said["code"]], front.token.codes[second.said["code"]]
    assert one.session_id != two.session_id
    (ended,) = await front.events("login.session_ended")
    assert (ended["session_id"], ended["person"], ended["reason"]) == (one.session_id, "p1", "logout")


@pytest.mark.security("LG-16")
async def test_no_step_can_be_taken_before_the_one_it_needs(front: Front, browser: Browser) -> None:
    begun = await browser.authorize("stranger")
    state = begun.said["state"]
    page = await browser.get("/u/consent", state=state)
    assert page.location == f"/u/login?state={state}"
    assert (await browser.get("/authorize/resume", state=state)).location == f"/u/login?state={state}"
    assert not front.token.codes
    asking = await browser.log_in(begun)
    question = await browser.get(asking.location)
    await browser.sign_in(person="p2", prompt="login")
    answer = await browser.answer(question, "/u/consent", "accept")
    assert answer.location == f"/u/login?state={state}"
    assert not await front.events("login.consent_given")


@pytest.mark.security("LG-16")
async def test_a_login_belongs_to_its_browser(front: Front, browser: Browser) -> None:
    begun = await browser.authorize()
    thief = front.browser()
    assert (await thief.log_in(begun)).status in {400, 403}
    thief.cookies[f"__Host-limen-tx-{begun.said['state']}"] = "another"
    assert (await thief.log_in(begun)).status in {400, 403}
    for bad in ("", "x", "0" * 32, "../../x"):
        assert (await browser.get("/u/login", state=bad)).status == 400
    assert not await front.events("login.session_started")


async def test_five_tabs_keep_their_logins_and_the_sixth_takes_the_place_of_the_first(browser: Browser) -> None:
    tabs = [await browser.authorize(state=str(number)) for number in range(6)]
    assert (await browser.log_in(tabs[0])).status in {400, 403}
    for number in (5, 3, 1):
        answer = await browser.log_in(tabs[number])
        assert answer.said["state"] == str(number)


async def test_a_login_expires_and_a_done_one_is_behind(front: Front, browser: Browser) -> None:
    begun = await browser.authorize()
    await browser.log_in(begun)
    assert (await browser.get(begun.location)).status == 400
    later = await browser.authorize(prompt="login")
    await front.run("UPDATE transactions SET expires_at = clock_timestamp()")
    assert (await browser.log_in(later)).status == 400


async def test_what_was_asked_and_typed_cannot_be_read_from_the_rows(front: Front, browser: Browser) -> None:
    await browser.authorize(login_hint="ada@example.com", state="a-secret-state")
    async with front.database.connection() as rows:
        row = await rows.fetchrow("SELECT * FROM transactions")
    assert row is not None
    kept = b"".join(value for value in row.values() if isinstance(value, bytes))
    assert b"ada@" not in kept
    assert b"a-secret-state" not in kept


async def test_a_double_click_signs_in_once_for_the_application(browser: Browser) -> None:
    begun = await browser.authorize()
    answers = await asyncio.gather(*(browser.log_in(begun) for _ in range(3)))
    assert {each.location.partition("?")[0] for each in answers} == {CALLBACK}
    assert len({each.said["code"] for each in answers}) == 1


async def test_a_stranger_is_asked_once_and_again_for_more(front: Front, browser: Browser) -> None:
    asking = await browser.sign_in("stranger", scope="openid email", audience="https://api.example/")
    assert "code" in (await browser.consent(asking)).said
    known = {"scope": "openid", "audience": "https://api.example/"}
    assert "code" in (await browser.authorize("stranger", **known)).said
    more = await browser.authorize("stranger", scope="openid read", audience="https://api.example/")
    page = await browser.get(more.location)
    assert "Read all" in page.text
    assert "code" in (await browser.consent(more)).said
    assert [each["scope"] for each in await front.events("login.consent_given")] == [
        ["openid", "email"],
        ["openid", "email", "read"],
    ]
    assert (await browser.authorize("stranger", scope="openid")).location.startswith("/u/consent")
