"""Ways through the pages with real accounts, as a browser without scripts goes them."""

import asyncio
import json
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest

from libs.bus import Bus
from libs.edge import Cursors, Edge, RouteTable
from libs.edge.guard import guard
from libs.eventstore import EventStore
from libs.runtime.clock import Clock
from libs.sealed import RootKey, derive
from services.login import app
from services.login.events import CATALOGUE
from services.login.routes import people_pages
from services.login.routes.accounts import handlers
from services.login.routes.persons import Persons
from services.login.routes.remembered import Remembered
from services.login.routes.showing import Pages
from tests.services.login.front import CALLBACK, ISSUER, Answer, Browser, Front, Token, followed_keys
from tests.services.login.house import GOOD, KEYRING, OTHER, House

ADA: Final = "ada@corp.example"
FROM_ELSEWHERE: Final = (
    {"origin": "https://evil.ex"},
    {"sec-fetch-site": "cross-site"},
    {"content-type": "text/plain"},
)
WRONG: Final = "Wrong email address or password."


def _issuer(tenant: str) -> str | None:
    return ISSUER if tenant == "acme" else None


@pytest.fixture
async def browser(house: House, bus: Bus) -> Browser:
    """A browser before the pages, whose application is registered."""
    token, keys, database = Token(), followed_keys(), house.database
    await token.serve(bus)
    await house.rows(
        "UPDATE clients_v1 SET properties = $1 WHERE key = 'acme/app'",
        json.dumps({"name": "Web app", "callbacks": [CALLBACK], "grant_types": ["authorization_code"]}),
    )
    pages = Pages(KEYRING.derived("csrf"))
    store = EventStore(database, CATALOGUE, bus, {**app.COMMANDS, **handlers(KEYRING)})
    cursors = Cursors(derive(RootKey("tests", bytes(range(32))), "cursor"))

    async def tell(*_: Any) -> None:
        """Nobody wants to be told."""

    front = app.front(store, bus, keys, _issuer, Persons(database), tell, pages, cursors)
    accounts = house.accounts
    table = RouteTable(
        *[each for each in front.routes if not each.is_management],
        *people_pages.routes(
            front.flow,
            pages,
            accounts.factor,
            accounts.signup,
            accounts.tickets,
            Remembered(KEYRING.derived("remembered")),
        ),
    )
    # The house has a door named login already.
    edge = Edge(bus, "pages", table, slots={"public": 50}, clock=Clock(), authorise=guard(keys.verifying_key, _issuer))
    people: Any = None
    return Front(database, store, edge, token, people, []).browser()


async def typed(browser: Browser, path: str, page: Answer, **form: str) -> Answer:
    return await browser.post(path, **{**page.fields, "action": "default", **form})


async def begun(browser: Browser, path: str = "", **more: str) -> Answer:
    """The first page of a login, or another one of it."""
    asked = {"response_type": "code", "redirect_uri": CALLBACK, "scope": "openid", "state": "s", **more}
    answer = await browser.get("/authorize", client_id="app", **asked)
    return await browser.get(path or answer.location.partition("?")[0], state=answer.said["state"])


async def test_somebody_says_who_they_are_and_then_their_password(browser: Browser, house: House) -> None:
    await house.user(ADA)
    page = await begun(browser)
    second = await typed(browser, "/u/login", page, username=ADA)
    assert second.location.startswith("/u/login/password?state=")
    page = await browser.get(second.location)
    assert ADA in page.text
    wrong = await typed(browser, "/u/login/password", page, password="not it")
    assert (wrong.status, WRONG in wrong.text) == (400, True)
    done = await typed(browser, "/u/login/password", page, password=GOOD)
    assert (done.status, done.location.partition("?")[0]) == (303, CALLBACK)
    assert {"code", "state", "iss"} <= done.said.keys()


@pytest.mark.security("LG-01")
@pytest.mark.security("LG-02")
async def test_the_pages_never_tell_whether_somebody_is_known(browser: Browser, house: House) -> None:
    await house.user(ADA)
    seen = []
    for name in (ADA, "nobody@corp.example"):
        page = await begun(browser)
        second = await typed(browser, "/u/login", page, username=name)
        asked = await browser.get(second.location)
        wrong = await typed(browser, "/u/login/password", asked, password="not it")
        sent = await typed(browser, "/u/reset-password/request", asked, email=name)
        seen.append((second.status, asked.status, wrong.status, WRONG in wrong.text, sent.status, sent.location[:21]))
    assert seen[0] == seen[1]


async def test_a_connection_says_whether_its_people_are_locked(browser: Browser, house: House) -> None:
    await house.user(ADA)
    house.protect(brute_force_protection={"max_attempts": 1})
    for is_guarded, done in ((False, 303), (True, 429)):
        options = json.dumps({"options": {"brute_force_protection": is_guarded}})
        await house.rows("UPDATE connections_v2 SET properties = $1", options)
        second = await typed(browser, "/u/login", await begun(browser, prompt="login"), username=ADA)
        page = await browser.get(second.location)
        assert (await typed(browser, "/u/login/password", page, password="not it")).status == 400
        assert (await typed(browser, "/u/login/password", page, password=GOOD)).status == done


@pytest.mark.security("LG-16")
async def test_no_step_can_be_skipped(browser: Browser, house: House) -> None:
    await house.user(ADA)
    page = await begun(browser)
    early = await typed(browser, "/u/login/password", page, password=GOOD, username=ADA)
    assert early.location.startswith("/u/login?state=")
    consent = await browser.post("/u/consent", **{**page.fields, "action": "accept"})
    assert consent.location.startswith("/u/login?state=")


async def test_every_page_of_a_login_in_a_pop_up_keeps_the_window_that_opened_it(
    browser: Browser, house: House
) -> None:
    """Swagger UI and auth0-js wait there for their own callback page, and say so in no parameter."""
    await house.user(ADA)
    second = await typed(browser, "/u/login", await begun(browser), username=ADA)
    for page in (await begun(browser), second, await browser.get(second.location), await begun(browser, "/u/signup")):
        assert page.header("cross-origin-opener-policy") == "unsafe-none"


async def test_somebody_makes_an_account_and_is_signed_in(browser: Browser, house: House) -> None:
    page = await begun(browser, screen_hint="signup")
    weak = await typed(browser, "/u/signup", page, email=ADA, password="password")
    assert (weak.status, 'class="failed"' in weak.text) == (400, True)
    done = await typed(browser, "/u/signup", page, email=ADA, password=GOOD)
    assert (done.status, done.location.partition("?")[0]) == (303, CALLBACK)
    await house.hand_on()
    ticket = house.mailbox.ticket("verify_email")
    led = await browser.get("/u/verify-email", ticket=ticket)
    assert (led.status, led.location) == (303, "/u/verify-email")
    question = await browser.get("/u/verify-email")
    confirmed = await typed(browser, "/u/verify-email", question)
    assert confirmed.location == "/u/verify-email/done"
    spent = await browser.get("/u/verify-email")
    assert (spent.status, "no longer valid" in spent.text) == (400, True)


async def test_a_slip_in_an_address_is_told_beside_it(browser: Browser, house: House) -> None:
    await house.user(ADA)
    page = await begun(browser, screen_hint="signup")
    for slip in ("ada@corp", "ada@corp.example.", "jörg@corp.example", '"a b"@corp.example'):
        refused = await typed(browser, "/u/signup", page, email=slip, password=OTHER)
        assert (refused.status, 'id="email-error"' in refused.text, 'id="form-error"' in refused.text) == (
            *(400, True, False),
        ), slip
    taken = await typed(browser, "/u/signup", page, email=ADA, password=OTHER)
    assert (taken.status, 'id="email-error"' in taken.text, 'id="form-error"' in taken.text) == (400, False, True)


async def test_a_slip_in_a_user_name_is_told_beside_it_and_the_name_stays(browser: Browser, house: House) -> None:
    await house.rows("UPDATE connections_v2 SET properties = $1", json.dumps({"options": {"requires_username": True}}))
    page = await begun(browser, screen_hint="signup")
    for slip in ("ada lovelace", "ada@home", "ada\uff20home"):
        refused = await typed(browser, "/u/signup", page, email=ADA, username=slip, password=OTHER)
        assert (refused.status, 'id="username-error"' in refused.text, f'value="{slip}"' in refused.text) == (
            *(400, True, True),
        ), slip


@pytest.mark.parametrize(
    "name", ["\u202aada@corp.example\u202c", "\u3000ada@corp.example\u200b", "ada\uff20corp.example"]
)
async def test_a_name_is_found_however_it_was_typed_or_copied(browser: Browser, house: House, name: str) -> None:
    await house.user(ADA)
    second = await browser.get((await typed(browser, "/u/login", await begun(browser), username=name)).location)
    done = await typed(browser, "/u/login/password", second, password=GOOD)
    assert done.location.partition("?")[0] == CALLBACK
    await typed(browser, "/u/reset-password/request", await begun(browser, prompt="login"), email=name)
    await house.hand_on()
    assert house.mailbox.ticket("reset_email")


@pytest.mark.security("LG-16")
async def test_a_sign_up_that_is_sent_twice_is_one_account_and_one_login(browser: Browser, house: House) -> None:
    page = await begun(browser, screen_hint="signup")
    cookies = dict(browser.cookies)
    done = await asyncio.gather(*(typed(browser, "/u/signup", page, email=ADA, password=GOOD) for _ in range(3)))
    browser.cookies = cookies
    done.append(await typed(browser, "/u/signup", page, email=ADA, password=GOOD))
    assert [each.location.partition("?")[0] for each in done] == [CALLBACK] * 4
    assert len({each.said["code"] for each in done}) == 1
    assert len(await house.rows("SELECT 1 FROM people")) == 1
    assert len(await house.rows("SELECT 1 FROM sessions")) == 1


@pytest.mark.security("LG-16")
async def test_another_browser_does_not_get_in_by_signing_up_again(browser: Browser) -> None:
    page = await begun(browser, screen_hint="signup")
    await typed(browser, "/u/signup", page, email=ADA, password=GOOD)
    stranger = browser.front.browser()
    theirs = await begun(stranger, screen_hint="signup")
    refused = await typed(stranger, "/u/signup", theirs, email=ADA, password=GOOD)
    assert (refused.status, stranger.session) == (400, None)


@pytest.mark.security("RC-10")
async def test_a_link_sets_a_new_password_and_its_secret_leaves_the_address(browser: Browser, house: House) -> None:
    await house.user(ADA)
    page = await begun(browser, "/u/reset-password/request")
    sent = await typed(browser, "/u/reset-password/request", page, email=ADA)
    assert "Check your mail" in (await browser.get(sent.location)).text
    await house.hand_on()
    ticket = house.mailbox.ticket("reset_email")
    led = await browser.get("/u/reset-password", ticket=ticket)
    assert led.location == "/u/reset-password"
    asked = await browser.get("/u/reset-password")
    assert ticket not in asked.text
    short = await typed(browser, "/u/reset-password", asked, password="short")
    assert short.status == 400
    done = await typed(browser, "/u/reset-password", asked, password=OTHER)
    assert done.location == "/u/reset-password/done"
    again = await typed(browser, "/u/reset-password", asked, password=GOOD)
    assert again.status == 400


async def test_nobody_is_offered_a_link_where_people_may_not_change_passwords(browser: Browser, house: House) -> None:
    await house.user(ADA)
    page = await begun(browser)
    second = await browser.get((await typed(browser, "/u/login", page, username=ADA)).location)
    assert "forgot-password" in second.text
    said = json.dumps({"options": {"disable_self_service_change_password": True}})
    await house.rows("UPDATE connections_v2 SET properties = $1", said)
    again = await browser.get((await typed(browser, "/u/login", await begun(browser), username=ADA)).location)
    assert (again.status, "forgot-password" in again.text) == (200, False)
    asked = await begun(browser, "/u/reset-password/request")
    assert asked.is_page
    assert 'name="email"' not in asked.text


async def test_a_used_link_leads_where_whoever_asked_for_it_wants(browser: Browser, house: House) -> None:
    ada = await house.user(ADA, email_verified=False)
    for kind, page, typing, outcome in (
        ("password-change", "/u/reset-password", {"password": OTHER}, "Your password was changed"),
        ("email-verification", "/u/verify-email", {}, "Your address is confirmed"),
    ):
        for more, query in (({}, {}), ({"includeEmailInRedirect": True}, {"email": ADA})):
            wanted = {"user_id": ada["user_id"], "result_url": "https://app.example/done?a=b#top", **more}
            made = (await house.manage("POST", f"tickets/{kind}", wanted)).body["ticket"]
            await browser.get(page, ticket=made.partition("ticket=")[2])
            asked = await browser.get(page)
            # Chromium follows an answer to a form only where the policy says so.
            assert "form-action 'self' https://app.example;" in (asked.header("content-security-policy") or "")
            done = await typed(browser, page, asked, **typing)
            there = urlsplit(done.location)
            assert (done.status, f"{there.scheme}://{there.netloc}{there.path}") == (303, "https://app.example/done")
            assert there.fragment == "top"
            told = {"a": "b", "success": "true", "code": "success", "message": outcome}
            assert dict(parse_qsl(there.query)) == told | query
            spent = await typed(browser, page, asked, **typing)
            assert (spent.status, spent.location) == (400, "")


@pytest.mark.security("LG-10")
async def test_a_form_from_elsewhere_is_refused_on_every_page(browser: Browser, house: House) -> None:
    await house.user(ADA)
    page = await begun(browser)
    for path in ("/u/login", "/u/login/password", "/u/signup", "/u/consent", "/u/account", "/u/reset-password/request"):
        form = {**page.fields, "username": ADA, "email": ADA, "password": GOOD, "action": "default"}
        for headers in (
            {"origin": "https://evil.ex"},
            {"sec-fetch-site": "cross-site"},
            {"content-type": "text/plain"},
        ):
            answer = await browser.post(path, headers, **form)
            assert answer.status == 403, path
        assert (await browser.post(path, **{**form, "csrf": "x"})).status == 403


WHO: Final = "__Host-limen-who"


async def signed_in(browser: Browser) -> Answer:
    page = await begun(browser, prompt="login")
    second = await browser.get((await typed(browser, "/u/login", page, username=ADA)).location)
    return await typed(browser, "/u/login/password", second, password=GOOD)


@pytest.mark.security("LG-01", "LG-09")
async def test_who_signed_in_is_offered_in_the_same_browser_until_they_say_it_is_not_them(
    browser: Browser, house: House
) -> None:
    await house.user(ADA)
    page = await begun(browser)
    second = await browser.get((await typed(browser, "/u/login", page, username=ADA)).location)
    await typed(browser, "/u/login/password", second, password="not it")
    assert WHO not in browser.cookies, "only who signed in is remembered"
    done = await signed_in(browser)
    (said,) = [value for name, value in done.headers if name == "set-cookie" and value.startswith(WHO)]
    assert said.partition("; ")[2] == "Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=2592000"
    assert "corp" not in said
    again = await begun(browser, prompt="login")
    assert f'value="{ADA}"' in again.text
    stranger = await begun(browser.front.browser(), prompt="login")
    assert ADA not in stranger.text
    assert 'id="not-you"' not in stranger.text
    hinted = await begun(browser, prompt="login", login_hint="bob@corp.example")
    assert ADA not in hinted.text
    assert 'id="not-you"' not in hinted.text
    forgotten = await browser.get("/u/login/forget", state=again.fields["state"])
    assert forgotten.location == f"/u/login?state={again.fields['state']}"
    assert WHO not in browser.cookies
    for page in (await browser.get(forgotten.location), await begun(browser, prompt="login")):
        assert ADA not in page.text


async def test_who_wants_another_account_is_not_offered_the_last_one(browser: Browser, house: House) -> None:
    await house.user(ADA)
    await signed_in(browser)
    choosing = await begun(browser, prompt="select_account")
    assert ADA in choosing.text
    another = await browser.answer(choosing, "/u/account", "another")
    page = await browser.get(another.location)
    assert ADA not in page.text


async def test_a_name_that_is_offered_is_signed_in_with_or_is_another(browser: Browser, house: House) -> None:
    await house.user(ADA)
    await house.user("bob@corp.example")
    await signed_in(browser)
    offered = await begun(browser, prompt="login")
    second = await browser.get((await typed(browser, "/u/login", offered, username="bob@corp.example")).location)
    assert "bob@corp.example" in second.text
    kept = browser.cookies[WHO]
    await typed(browser, "/u/login/password", second, password=GOOD)
    assert browser.cookies[WHO] != kept
    assert 'value="bob@corp.example"' in (await begun(browser, prompt="login")).text


@pytest.mark.security("LG-01")
async def test_what_is_no_cookie_of_ours_offers_nobody(browser: Browser, house: House) -> None:
    await house.user(ADA)
    await signed_in(browser)
    kept = browser.cookies[WHO]
    for wrong in ("", "x", "AAAA", "é", kept[:-4], kept[:-6] + "AAAA==", kept[4:], ADA):
        browser.cookies[WHO] = wrong
        page = await begun(browser, prompt="login")
        assert (page.status, ADA in page.text) == (200, False), wrong


async def test_a_tenant_whose_sessions_end_with_the_browser_remembers_nobody(browser: Browser, house: House) -> None:
    await house.user(ADA)
    await house.rows("UPDATE tenants_v1 SET settings = $1", json.dumps({"session_cookie": {"mode": "non-persistent"}}))
    await signed_in(browser)
    assert WHO not in browser.cookies


async def test_a_browser_that_keeps_no_cookies_is_told_so_by_a_link(browser: Browser, house: House) -> None:
    page = await begun(browser, screen_hint="signup")
    await typed(browser, "/u/signup", page, email=ADA, password=GOOD)
    await house.hand_on()
    ticket = house.mailbox.ticket("verify_email")
    for path in ("/u/verify-email", "/u/unblock", "/u/reset-password"):
        stranger = browser.front.browser()
        led = await stranger.get(path, ticket=ticket)
        stranger.cookies.clear()
        lost = await stranger.get(led.location)
        assert (lost.status, "allow cookies" in lost.text) == (400, True)
        other = await stranger.get(path, ticket="x" * 43)
        spent = await stranger.get(other.location)
        assert (spent.status, "allow cookies" in spent.text) == (400, False)


async def test_whatever_stands_in_an_address_a_page_is_never_broken(browser: Browser) -> None:
    state = (await browser.authorize()).said["state"]
    many = "a=1&" * 200
    for path in (
        *("/authorize/resume", "/u/login", "/u/login/password", "/u/signup", "/u/consent", "/u/account"),
        *("/u/reset-password", "/u/reset-password/request", "/u/reset-password/sent", "/u/verify-email", "/u/unblock"),
    ):
        for query in (many, f"state={state}&{many}", "%ff=%ff", "state=%ff", "ticket=%00", "ticket=a&ticket=b", "%"):
            answer = await browser.send("GET", path, query=query)
            assert answer.status in {400, 303}, (path, query)
    assert (await browser.post("/u/login", **{f"a{n}": "1" for n in range(200)})).status == 403
