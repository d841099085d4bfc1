"""Logout: by ID token, by question, in Auth0's way, and who is told (OI-09, OI-10, OI-12, LG-12)."""

import pytest

from tests.services.login.front import Answer, Browser, Front, id_token

BYE = "https://app.example/bye"
ELSEWHERE = (
    *("//evil.example", "/\\evil.example", "https:evil.example", "/%09/evil.example", "javascript:alert(1)"),
    *("\x00//evil.example", "https://self.example.evil.example", f"{BYE}?x=1", f"{BYE}/", f"{BYE}#x", "/u/login"),
)


async def is_signed_in(browser: Browser) -> bool:
    return "code" in (await browser.authorize(prompt="none")).said


@pytest.fixture
async def signed_in(front: Front, browser: Browser) -> Browser:
    await front.change("app", allowed_logout_urls=[BYE])
    await browser.sign_in()
    return browser


async def confirm(browser: Browser, page: Answer, action: str = "accept") -> Answer:
    path = page.text.partition('action="')[2].partition('"')[0].replace("&amp;", "&")
    return await browser.answer(page, path, action)


async def hint_of(front: Front, **claims: str) -> str:
    (started,) = await front.events("login.session_started")
    return id_token(sid=started["session_id"], **claims)


@pytest.mark.security("OI-09")
async def test_an_application_with_an_id_token_gets_its_user_back(front: Front, signed_in: Browser) -> None:
    said = {"id_token_hint": await hint_of(front), "post_logout_redirect_uri": BYE}
    answer = await signed_in.get("/oidc/logout", **said, state='a&b="c')
    assert answer.status == 303
    assert answer.location.startswith(f"{BYE}?state=")
    assert answer.said["state"] == 'a&b="c'
    assert signed_in.session is None
    assert not await is_signed_in(signed_in)
    again = await signed_in.get("/oidc/logout", **said)
    assert again.location == BYE


async def test_the_question_and_the_farewell_speak_the_language_that_is_asked_for(signed_in: Browser) -> None:
    question = await signed_in.get("/oidc/logout", ui_locales="de")
    assert question.header("content-language") == "de"
    stays = await confirm(signed_in, question, "deny")
    assert stays.header("content-language") == "de"
    gone = await confirm(signed_in, question)
    assert (gone.status, gone.header("content-language"), signed_in.session) == (200, "de", None)
    assert (await signed_in.get("/oidc/logout", ui_locales="fr de")).header("content-language") in {"fr", "de"}


@pytest.mark.security("OI-09")
async def test_nobody_is_led_to_an_address_that_is_not_registered(front: Front, signed_in: Browser) -> None:
    await front.change("other", allowed_logout_urls=["https://other.example/bye"])
    hint = await hint_of(front)
    for url in (*ELSEWHERE, "https://app.example/", "https://other.example/bye"):
        answer = await signed_in.get("/oidc/logout", id_token_hint=hint, post_logout_redirect_uri=url)
        assert (answer.status, answer.location) in {(400, ""), (200, "")}, url
    answer = await signed_in.get(
        "/oidc/logout", id_token_hint=hint, client_id="other", post_logout_redirect_uri="https://other.example/bye"
    )
    assert answer.is_page
    alone = await signed_in.get("/oidc/logout", post_logout_redirect_uri=BYE, state="s")
    assert (alone.status, alone.location) == (200, "")
    assert (await confirm(signed_in, alone)).location == ""
    assert not await is_signed_in(signed_in)


@pytest.mark.security("OI-10")
async def test_without_a_valid_id_token_the_person_is_asked(front: Front, signed_in: Browser) -> None:
    head, body, _ = (await hint_of(front)).split(".")
    for said in (
        {},
        {"client_id": "app"},
        {"id_token_hint": "garbage"},
        {"id_token_hint": f"{head}.{body}.AAAA"},
        {"id_token_hint": f"eyJhbGciOiJub25lIn0.{body}."},
        {"id_token_hint": id_token("auth0|bob")},
    ):
        page = await signed_in.get("/oidc/logout", **said, post_logout_redirect_uri=BYE)
        assert (page.status, page.location) == (200, ""), said
        assert page.fields["csrf"]
        assert await is_signed_in(signed_in)
    page = await signed_in.get("/u/logout")
    kept = await confirm(signed_in, page, "deny")
    assert kept.status == 200
    assert await is_signed_in(signed_in)
    forged = await signed_in.post("/u/logout", action="accept", csrf="forged")
    assert forged.status == 403
    cross = {"sec-fetch-site": "cross-site"}
    assert (await signed_in.post("/u/logout", cross, action="accept", **page.fields)).status == 403
    assert await is_signed_in(signed_in)


async def test_the_question_leads_to_the_applications_address(signed_in: Browser) -> None:
    page = await signed_in.get("/oidc/logout", client_id="app", post_logout_redirect_uri=BYE, state="s")
    assert (await confirm(signed_in, page)).location == f"{BYE}?state=s"
    assert not await is_signed_in(signed_in)


async def test_a_logout_by_form_is_the_same(front: Front, signed_in: Browser) -> None:
    answer = await signed_in.post("/oidc/logout", id_token_hint=await hint_of(front), post_logout_redirect_uri=BYE)
    assert answer.location == BYE
    assert not await is_signed_in(signed_in)


@pytest.mark.security("OI-12")
async def test_after_a_logout_nothing_of_the_session_is_left(front: Front, signed_in: Browser) -> None:
    cookies = dict(signed_in.cookies)
    begun = await signed_in.authorize("stranger")
    await signed_in.get("/oidc/logout", id_token_hint=await hint_of(front))
    old = front.browser()
    old.cookies = cookies | signed_in.cookies
    assert not await is_signed_in(old)
    assert (await old.get("/authorize/resume", state=begun.said["state"])).location.startswith("/u/login")
    await old.sign_in(person="p2")
    first, second = (each["session_id"] for each in await front.events("login.session_started"))
    assert first != second


@pytest.mark.security("LG-12")
async def test_auth0s_way_leads_to_registered_addresses_alone(front: Front, signed_in: Browser) -> None:
    for url in ELSEWHERE:
        assert (await signed_in.get("/v2/logout", client_id="app", returnTo=url)).is_page, url
        assert (await signed_in.get("/v2/logout", returnTo=url)).is_page, url
    assert (await signed_in.get("/v2/logout", returnTo=BYE)).is_page
    assert (await signed_in.get("/v2/logout", client_id="nobody", returnTo=BYE)).is_page
    assert await is_signed_in(signed_in)
    answer = await signed_in.get("/v2/logout", client_id="app", returnTo=BYE, federated="")
    assert answer.location == BYE
    assert not await is_signed_in(signed_in)
    await front.run("""UPDATE tenants_v1 SET settings = '{"allowed_logout_urls": ["https://acme.example/bye"]}'""")
    assert (await signed_in.get("/v2/logout", returnTo="https://acme.example/bye")).status == 303
    assert (await signed_in.get("/v2/logout", client_id="app")).location == BYE
    assert (await signed_in.get("/v2/logout")).status == 200


@pytest.mark.security("OI-10")
async def test_a_picture_on_another_site_logs_nobody_out(signed_in: Browser) -> None:
    embedded = {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image", "sec-fetch-site": "cross-site"}
    answer = await signed_in.get("/v2/logout", embedded, client_id="app", returnTo=BYE)
    assert (answer.status, answer.location) == (200, "")
    assert await is_signed_in(signed_in)


async def test_applications_that_want_to_be_told_are(front: Front, browser: Browser) -> None:
    wants = {"backchannel_logout_urls": ["https://other.example/logout"]}
    await front.change("other", oidc_logout=wants)
    await browser.sign_in()
    await browser.authorize("other")
    await browser.get("/oidc/logout", id_token_hint=await hint_of(front))
    (started,) = await front.events("login.session_started")
    assert front.told == [("other", started["session_id"])]
    (ended,) = await front.events("login.session_ended")
    assert ended["reason"] == "logout"
