"""Authorization requests and responses (AZ), PKCE (PK), and the ways an answer goes."""

import asyncio
import json
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urlencode

import pytest

from services.login.routes import authorize
from services.token.commands import CodeIssued
from tests.services.login.front import CALLBACK, CHALLENGE, ISSUER, Browser, Front

PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


async def test_a_person_signs_in_and_the_application_gets_a_code(front: Front, browser: Browser) -> None:
    answer = await browser.sign_in(
        nonce="n1", audience="https://api.example/", scope="openid read fly", acr_values="1 2", **PKCE
    )
    assert answer.status == 303
    assert answer.location.startswith(f"{CALLBACK}?")
    assert set(answer.said) == {"code", "state", "iss"}
    assert (answer.said["state"], answer.said["iss"]) == ("s", ISSUER)
    asked = front.token.codes[answer.said["code"]]
    assert (asked.client_id, asked.redirect_uri, asked.person) == ("app", CALLBACK, "p1")
    assert (asked.nonce, asked.code_challenge, asked.audience) == ("n1", CHALLENGE, "https://api.example/")
    assert asked.scope == ["openid", "read"]
    assert (asked.amr, asked.acr) == (["pwd"], "1")
    (started,) = await front.events("login.session_started")
    assert started["session_id"] == asked.session_id
    (came,) = await front.events("login.login_succeeded")
    assert (came["is_silent"], came["client_id"], came["connection"]) == (
        False,
        "app",
        "Username-Password-Authentication",
    )


@pytest.mark.security("AZ-01")
async def test_a_missing_response_type_goes_back_to_the_application(browser: Browser) -> None:
    answer = await browser.authorize(response_type="")
    assert answer.status in {302, 303}
    assert answer.location.startswith(f"{CALLBACK}?")
    assert (answer.said["error"], answer.said["state"], answer.said["iss"]) == ("invalid_request", "s", ISSUER)


@pytest.mark.security("AZ-02")
async def test_other_response_types_are_not_supported(browser: Browser) -> None:
    for asked in ["token", "id_token token", "code token", "password", "code code", "none"]:
        answer = await browser.authorize(response_type=asked, nonce="n")
        assert answer.said["error"] == "unsupported_response_type"
        assert ("#" in answer.location) == ("token" in asked)
        assert "access_token" not in answer.location


@pytest.mark.security("AZ-04")
async def test_unknown_parameters_and_empty_ones_are_as_if_not_sent(browser: Browser) -> None:
    answer = await browser.authorize(foo="1", nonce="", prompt="", max_age="", claims="", request="", scope="")
    assert answer.location.startswith("/u/login?state=")


@pytest.mark.security("AZ-05")
async def test_an_application_without_the_grant_type_is_refused(front: Front, browser: Browser) -> None:
    assert (await browser.authorize("machine")).said["error"] == "unauthorized_client"
    await front.change("app", grant_types=["authorization_code"])
    answer = await browser.authorize(response_type="id_token", nonce="n", response_mode="form_post")
    assert answer.fields["error"] == "unauthorized_client"


@pytest.mark.security("AZ-06")
async def test_openid_is_never_added_and_unknown_scopes_are_dropped(front: Front, browser: Browser) -> None:
    answer = await browser.sign_in(scope="email fly")
    assert front.token.codes[answer.said["code"]].scope == ["email"]
    assert (await browser.authorize(scope='"')).said["error"] == "invalid_scope"


@pytest.mark.security("AZ-08")
async def test_state_comes_back_as_it_was(browser: Browser) -> None:
    for mode in ["query", "fragment"]:
        state = ("é+&=%\"'<>\\ \x00\r\n").encode() * 40 + bytes(range(256))
        good = {"client_id": "app", "response_type": "code", "redirect_uri": CALLBACK, "response_mode": mode}
        query = f"{urlencode(good)}&prompt=none&state={quote(state)}"
        answer = await browser.send("GET", "/authorize", query=query)
        assert answer.status == 303
        assert answer.location.isascii()
        echoed = answer.location.partition("state=")[2].partition("&")[0]
        assert unquote_to_bytes(echoed) == state
        assert answer.location.count("state=") == 1


@pytest.mark.security("AZ-08")
async def test_a_state_that_is_too_long_is_refused(browser: Browser) -> None:
    assert (await browser.authorize(state="x" * 4097)).is_page
    assert (await browser.authorize(state="x" * 4096)).location.startswith("/u/login")


@pytest.mark.security("AZ-09")
async def test_forms_are_answered_by_a_get(browser: Browser) -> None:
    answer = await browser.sign_in()
    assert answer.status == 303
    posted = await browser.post("/authorize", client_id="app", response_type="code", redirect_uri=CALLBACK)
    assert posted.status == 303


@pytest.mark.security("AZ-10")
async def test_no_script_of_another_origin_reads_the_endpoint(browser: Browser) -> None:
    answer = await browser.get("/authorize", {"origin": "https://evil.example"}, client_id="app")
    assert answer.header("access-control-allow-origin") is None


@pytest.mark.security("AZ-12")
@pytest.mark.security("AZ-13")
async def test_nothing_is_stored_and_no_page_says_where_it_was(browser: Browser) -> None:
    page = await browser.authorize(redirect_uri="https://evil.example/")
    form = await browser.authorize(response_mode="form_post", prompt="none")
    for each in (page, form, await browser.authorize(), await browser.sign_in()):
        assert each.header("cache-control") == "no-store"
    for each in (page, form):
        assert each.header("referrer-policy") == "no-referrer"
        assert "https://" not in each.text.replace(CALLBACK, "").replace(ISSUER, "")


@pytest.mark.security("AZ-14")
async def test_a_refused_consent_is_told_to_the_application(front: Front, browser: Browser) -> None:
    asking = await browser.sign_in("stranger")
    answer = await browser.consent(asking, "deny")
    assert (answer.said["error"], answer.said["state"], answer.said["iss"]) == ("access_denied", "s", ISSUER)
    assert not front.token.codes


@pytest.mark.security("AZ-14", "LG-16")
async def test_who_denied_and_went_back_allows_nothing_by_the_old_page(front: Front, browser: Browser) -> None:
    page = await browser.get((await browser.sign_in("stranger")).location)
    denied = [await browser.answer(page, "/u/consent", "deny") for _ in range(2)]
    assert [each.said["error"] for each in denied] == ["access_denied"] * 2
    late = await browser.answer(page, "/u/consent", "accept")
    assert (late.is_page, "sign in again" in late.text) == (True, True)
    again = await browser.get(f"/u/consent?state={page.fields['state']}")
    assert (again.is_page, "is complete" in again.text) == (True, False)
    assert not front.token.codes
    assert not await front.events("login.consent_given")
    assert "code" in (await browser.consent(await browser.authorize("stranger"))).said


@pytest.mark.security("LG-16")
async def test_who_allowed_and_went_back_is_told_that_it_was_done(front: Front, browser: Browser) -> None:
    page = await browser.get((await browser.sign_in("stranger")).location)
    allowed = [await browser.answer(page, "/u/consent", "accept") for _ in range(2)]
    assert len({each.said["code"] for each in allowed}) == 1
    late = await browser.answer(page, "/u/consent", "deny")
    assert (late.is_page, "This sign-in is complete" in late.text) == (True, True)
    assert [each["error"] for each in await front.events("login.authorization_refused")] == []


async def test_who_signed_out_meanwhile_is_not_named_on_the_page_that_asks_for_consent(browser: Browser) -> None:
    page = await browser.get((await browser.sign_in("stranger")).location)
    assert "You are signed in as" in page.text
    await browser.get("/v2/logout")
    again = await browser.get(f"/u/consent?state={page.fields['state']}")
    assert (again.status, again.location) == (303, f"/u/login?state={page.fields['state']}")
    assert (await browser.get(again.location)).status == 200


async def test_who_went_back_after_signing_out_is_not_told_that_they_are_signed_in(browser: Browser) -> None:
    begun = await browser.authorize()
    await browser.log_in(begun)
    await browser.get("/v2/logout")
    again = await browser.get(begun.location)
    assert (again.is_page, "are already signed in" in again.text) == (True, False)


async def test_each_tab_has_a_consent_of_its_own(front: Front, browser: Browser) -> None:
    first = await browser.get((await browser.sign_in("stranger")).location)
    second = await browser.get((await browser.authorize("stranger", scope="openid email")).location)
    assert (await browser.answer(second, "/u/consent", "deny")).said["error"] == "access_denied"
    assert set((await browser.answer(first, "/u/consent", "accept")).said) >= {"code"}
    assert [each.scope for each in front.token.codes.values()] == [["openid"]]


@pytest.mark.security("AZ-16")
async def test_a_request_may_come_as_a_form(browser: Browser) -> None:
    said = {"client_id": "app", "response_type": "code", "redirect_uri": CALLBACK, "state": "s"}
    assert (await browser.post("/authorize", **said)).location.startswith("/u/login?state=")
    assert (await browser.post("/authorize", **said, prompt="none")).said["error"] == "login_required"
    assert (await browser.post("/authorize", **(said | {"redirect_uri": "https://evil.example/"}))).is_page
    for other in ("application/json", "text/plain", "application/x-www-form-urlencoded-not"):
        assert (await browser.post("/authorize", {"content-type": other}, **said)).is_page


async def test_head_is_answered_as_get_is_and_begins_no_more(front: Front, browser: Browser) -> None:
    good = {"client_id": "app", "response_type": "code", "redirect_uri": CALLBACK, "state": "s"}
    bad = good | {"redirect_uri": "https://evil.example/"}
    begun = await browser.send("HEAD", "/authorize", query=urlencode(good))
    assert (begun.status, begun.body, begun.location[:9]) == (303, b"", "/u/login?")
    async with front.database.connection() as rows:
        assert await rows.fetchval("SELECT count(*) FROM transactions") == 1
    for asked in (bad, good | {"prompt": "none"}):
        said = [await browser.send(method, "/authorize", query=urlencode(asked)) for method in ("GET", "HEAD")]
        assert (said[0].status, said[0].location) == (said[1].status, said[1].location)
        assert not said[1].body


async def test_a_form_of_another_site_is_led_to_where_the_browser_sends_its_cookies(browser: Browser) -> None:
    said = {"client_id": "app", "response_type": "code", "redirect_uri": CALLBACK, "state": 'a&b="c"\r\n'}
    answer = await browser.post("/authorize", {"sec-fetch-site": "cross-site"}, **said)
    assert answer.status == 303
    assert answer.location == f"/authorize?{urlencode(said)}"


@pytest.mark.security("AZ-17")
async def test_what_is_not_supported_is_never_ignored(browser: Browser) -> None:
    for name in ["request", "request_uri", "registration"]:
        assert (await browser.authorize(**{name: "https://rp.example/"})).said["error"] == f"{name}_not_supported"


async def test_an_organization_is_refused(browser: Browser) -> None:
    assert (await browser.authorize(organization="org_1")).said["error"] == "invalid_request"


@pytest.mark.security("AZ-04")
async def test_a_parameter_that_comes_twice_is_refused(browser: Browser) -> None:
    good = {"client_id": "app", "response_type": "code", "redirect_uri": CALLBACK, "state": "s"}
    for twice in ("scope=openid&scope=email", "nonce=&nonce=", "state=t", "foo=1&foo=2"):
        answer = await browser.send("GET", "/authorize", query=f"{urlencode(good)}&{twice}")
        assert answer.said["error"] == "invalid_request", twice
        assert answer.said.get("state") == (None if twice == "state=t" else "s")


async def test_a_level_is_told_where_claims_ask_for_it_and_refused_where_nobody_reaches_it(
    front: Front, browser: Browser
) -> None:
    for acr, told in [
        ("null", "1"),
        ('{"essential": true}', "1"),
        ('{"essential": true, "values": ["2", "1"]}', "1"),
        ('{"value": "2"}', "1"),
    ]:
        answer = await browser.sign_in(claims=f'{{"id_token": {{"acr": {acr}}}}}', prompt="login")
        assert front.token.codes[answer.said["code"]].acr == told, acr
    for acr in ('{"essential": true, "value": "2"}', '{"essential": true, "values": ["2", "3"]}'):
        answer = await browser.authorize(claims=f'{{"id_token": {{"acr": {acr}}}}}')
        assert answer.said["error"] == "access_denied", acr
    answer = await browser.sign_in(claims='{"userinfo": {"acr": null}}', prompt="login")
    assert front.token.codes[answer.said["code"]].acr is None


@pytest.mark.security("PK-01")
async def test_a_public_application_must_use_pkce(browser: Browser) -> None:
    assert (await browser.authorize("spa")).said["error"] == "invalid_request"
    assert (await browser.authorize("spa", **PKCE)).location.startswith("/u/login")


@pytest.mark.security("PK-02")
async def test_only_s256_will_do(browser: Browser) -> None:
    for method in ["plain", "S512", "", "s256"]:
        answer = await browser.authorize("spa", code_challenge=CHALLENGE, code_challenge_method=method)
        assert answer.said["error"] == "invalid_request"
        confidential = await browser.authorize(code_challenge=CHALLENGE, code_challenge_method=method)
        assert confidential.said["error"] == "invalid_request"


@pytest.mark.security("PK-02")
async def test_a_challenge_has_its_form(browser: Browser) -> None:
    for challenge in ["", "short", CHALLENGE + "A", CHALLENGE[:-1] + "="]:
        answer = await browser.authorize(code_challenge=challenge, code_challenge_method="S256")
        assert answer.said["error"] == "invalid_request"


async def test_what_cannot_be_is_refused(browser: Browser) -> None:
    for wrong, error in [
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"connection": "nowhere"}, "invalid_request"),
        ({"audience": "https://nothing.example/"}, "invalid_target"),
        ({"response_mode": "query.jwt"}, "invalid_request"),
        ({"response_type": "id_token", "nonce": "n", "response_mode": "query"}, "invalid_request"),
        ({"response_type": "id_token"}, "invalid_request"),
        ({"response_type": "id_token", "nonce": "n", "scope": "email"}, "invalid_request"),
        ({"login_hint": "a\x00b"}, "invalid_request"),
    ]:
        assert (await browser.authorize(**wrong)).said["error"] == error


async def test_nobody_is_asked_for_a_password_where_no_connection_is_enabled(front: Front, browser: Browser) -> None:
    await front.run("DELETE FROM enabled_v1 WHERE client_id = ANY($1)", ["app", "stranger"])
    for asked in ({}, {"screen_hint": "signup"}, {"prompt": "login"}):
        said = (await browser.authorize(**asked)).said
        assert (said["error"], said["error_description"], said["state"]) == (
            "invalid_request",
            "no connections enabled for the client",
            "s",
        )
    assert (await browser.authorize(prompt="none")).said["error"] == "login_required"
    assert (await browser.authorize("stranger")).is_page


async def test_who_is_signed_in_needs_no_connection(front: Front, browser: Browser) -> None:
    await browser.sign_in()
    await front.run("DELETE FROM enabled_v1 WHERE client_id = 'app'")
    assert "code" in (await browser.authorize()).said


STAFF: Final = (
    (
        "INSERT INTO connections_v2 (key, tenant, connection_id, version, name, strategy, properties) "
        "VALUES ('acme/con_2', 'acme', 'con_2', 1, 'staff', 'auth0', '{}')"
    ),
    "INSERT INTO enabled_v1 VALUES ('acme/app/con_2', 'acme', 'app', 'con_2')",
    "INSERT INTO enabled_v1 VALUES ('acme/other/con_2', 'acme', 'other', 'con_2')",
    "DELETE FROM enabled_v1 WHERE key = 'acme/other/con_1'",
)
"""Another connection: `app` has both, `other` has this one alone."""


async def test_who_signed_in_with_a_connection_comes_to_the_applications_that_have_it_alone(
    front: Front, browser: Browser
) -> None:
    await browser.sign_in()
    for statement in STAFF:
        await front.run(statement)
    assert "code" in (await browser.authorize()).said
    for client_id, asked in (("other", {}), ("other", {"connection": "staff"}), ("app", {"connection": "staff"})):
        assert (await browser.authorize(client_id, **asked)).location.startswith("/u/login?state=")
        assert (await browser.authorize(client_id, prompt="none", **asked)).said["error"] == "login_required"
        choice = await browser.authorize(client_id, prompt="select_account", **asked)
        shown = await browser.get("/u/account", state=choice.location.partition("state=")[2])
        assert shown.location.startswith("/u/login?state="), "nobody is offered to go on as"
    named = {"connection": "Username-Password-Authentication"}
    assert "code" in (await browser.authorize(**named)).said


@pytest.mark.security("LG-16")
async def test_a_connection_that_is_taken_from_an_application_while_it_asks_for_consent_admits_nobody(
    front: Front, browser: Browser
) -> None:
    page = await browser.get((await browser.sign_in("stranger")).location)
    await front.run(STAFF[0])
    await front.run("UPDATE enabled_v1 SET connection_id = 'con_2' WHERE client_id = 'stranger'")
    assert (await browser.answer(page, "/u/consent", "accept")).location.startswith("/u/login?state=")
    assert front.token.codes == {}


async def test_an_id_token_comes_by_form_post(front: Front, browser: Browser) -> None:
    answer = await browser.sign_in(response_type="id_token", response_mode="form_post", nonce="n1", scope="openid")
    assert answer.status == 200
    assert answer.fields == {"id_token": "an.id.token", "state": "s", "iss": ISSUER}
    (asked,) = front.token.id_tokens
    assert (asked.sub, asked.nonce, asked.claims) == ("auth0|ada", "n1", {"name": "ada@example.com"})


async def test_a_message_goes_to_the_applications_own_page_alone(front: Front, browser: Browser) -> None:
    silent = {"response_mode": "web_message", "prompt": "none", **PKCE, "state": "</script>"}
    answer = await browser.authorize("spa", **silent)
    assert answer.status == 200
    assert answer.text.count("</script>") == 1
    assert '"https://spa.example"' in answer.text
    assert "frame-ancestors https://spa.example" in (answer.header("content-security-policy") or "")
    said = answer.text.partition("window.opener || window.parent, ")[2].partition(', "https:')[0]
    message = json.loads(said)
    assert message["type"] == "authorization_response"
    assert message["response"]["error"] == "login_required"
    assert message["response"]["state"] == "</script>"
    await front.change("spa", web_origins=["https://another.example"])
    assert (await browser.authorize("spa", **silent)).is_page


async def test_what_token_refuses_goes_back_to_the_application(front: Front, browser: Browser) -> None:
    front.token.refusal = CodeIssued(error="invalid_scope", error_description="No.")
    answer = await browser.sign_in()
    assert (answer.said["error"], answer.said["error_description"]) == ("invalid_scope", "No.")


async def test_screen_hint_leads_to_the_sign_up_page(browser: Browser) -> None:
    assert (await browser.authorize(screen_hint="signup")).location.startswith("/u/signup?state=")


async def test_a_pop_up_keeps_its_opener_on_every_step(browser: Browser) -> None:
    begun = await browser.authorize("spa", response_mode="web_message", **PKCE)
    done = await browser.log_in(begun)
    for each in (begun, done):
        assert each.header("cross-origin-opener-policy") == "unsafe-none"
    assert '"code":"code-' in done.text


async def test_an_id_token_may_be_a_message(browser: Browser) -> None:
    answer = await browser.sign_in("spa", response_type="id_token", response_mode="web_message", nonce="n")
    assert '"id_token":"an.id.token"' in answer.text


async def test_an_application_that_was_just_registered_is_waited_for(front: Front, browser: Browser) -> None:
    await front.run("DELETE FROM enabled_v1")
    await front.run("UPDATE clients_v1 SET registered_at = clock_timestamp()")
    asked = asyncio.create_task(browser.sign_in())
    await asyncio.sleep(0.05)
    assert not asked.done()
    await front.run("INSERT INTO enabled_v1 VALUES ('acme/app/con_1', 'acme', 'app', 'con_1')")
    assert "code" in (await asked).said


async def test_an_application_that_was_just_registered_is_not_told_that_it_has_no_connection(
    front: Front, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorize, "PATIENCE", 1)
    await front.run("DELETE FROM enabled_v1")
    await front.run("UPDATE clients_v1 SET registered_at = clock_timestamp()")
    assert (await browser.authorize()).location.startswith("/u/login?state=")
