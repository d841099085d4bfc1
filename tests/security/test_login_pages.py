"""LG and RC: the pages tell nothing, skip nothing, and believe only forms of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid1

import pytest

from tests.browser import Form, Page, browsing
from tests.journey import Journey
from tests.mailbox import link, mail, mails
from tests.relying_party import PASSWORD, account
from tests.security.conftest import MakeJourney
from tests.stack import Answer, Stack, until

NEW: Callable[[], str] = lambda: "Entirely other otter 51"  # noqa: E731  # a password that is nobody's yet


def answered(go: Journey, page: Page, identifier: str, password: str) -> Page:
    """The page after an identifier and a password, whether that was one page or two."""
    for _ in range(2):
        if page.landed is None and page.asks_for("username", "email", "password"):
            form = page.form("username", "email", "password")
            given = {"username": identifier, "email": identifier, "password": password}
            was_password = form.asks_for("password")
            page = go.browser.submit(page, {name: value for name, value in given.items() if form.asks_for(name)})
            if was_password:
                return page
    return page


def shape(go: Journey, page: Page, *own: str) -> tuple[object, ...]:
    """What somebody can tell of a page, without what is different on every page."""
    text = page.text
    form = page.form("username", "email", "password")
    for value in [*form.fields.values(), *own, urlsplit(page.url).query]:
        text = text.replace(value, "…") if len(value) > 3 else text
    headers = {name for name in page.headers if name not in {"date", "x-request-id"}}
    return page.status, len(text) // 20, sorted(headers), sorted(name.split("tx-")[0] for name in go.browser.jar)


@pytest.mark.security("LG-01", "LG-02")
def test_nobody_learns_who_has_an_account(stack: Stack, begin: MakeJourney) -> None:
    known, blocked = account(stack), account(stack)
    user = blocked.user_id.replace("|", "%7C")
    assert stack.management("PATCH", f"users/{user}", {"blocked": True}).status == 200
    seen = []
    for email, password in (
        (known.email, "a wrong otter 99"),
        (known.email, "x" * 1000),
        ("nobody@example.com", "a wrong otter 99"),
        (blocked.email, blocked.password),
    ):
        go = begin()
        page = answered(go, go.authorize(), email, password)
        assert page.landed is None, page
        seen.append(shape(go, page, email, go.client_id))
    assert len(set(map(str, seen))) == 1, seen


@pytest.mark.security("LG-08", "LG-09")
def test_the_session_has_another_secret_after_each_login(go: Journey) -> None:
    go.tokens()
    first = go.browser.jar["limen"]
    attempt = go.rp.attempt(prompt="login")
    go.rp.redeemed(attempt, go.landing(attempt))
    assert go.browser.jar["limen"] != first
    morsel = next(each for (_, _, name), each in go.browser.jar.cookies.items() if name == "limen")
    assert morsel["httponly"]
    assert morsel["samesite"].lower() in {"lax", "none"}
    assert morsel["path"] == "/"
    stolen = next(key for key in go.browser.jar.cookies if key[2] == "limen")
    go.browser.jar.cookies[stolen].set("limen", first, first)
    assert not go.is_known(), "the secret of before is dead"


@pytest.mark.security("LG-10")
@pytest.mark.parametrize("kind", ["token", "nothing hidden", "foreign token", "origin", "site", "plain text", "json"])
def test_a_form_of_somebody_else_is_refused(go: Journey, begin: MakeJourney, kind: str) -> None:
    page = go.authorize()
    form = page.form("username", "email", "password")
    headers: dict[str, str] = {}
    if kind == "token":
        form.fields.pop("csrf")
    elif kind == "nothing hidden":
        form.fields = {name: value for name, value in form.fields.items() if form.asks_for(name)}
    elif kind == "foreign token":
        form.fields["csrf"] = begin().authorize().form("username", "email", "password").fields["csrf"]
    elif kind == "origin":
        headers = {"origin": "https://evil.ex"}
    elif kind == "site":
        headers = {"sec-fetch-site": "cross-site", "origin": "https://evil.ex"}
    elif kind == "plain text":
        headers = {"content-type": "text/plain"}
    else:
        headers = {"content-type": "application/json"}
    given = {"username": go.person.email, "email": go.person.email, "password": go.person.password}
    values = {name: value for name, value in given.items() if form.asks_for(name)}
    assert go.browser.submit(page, values, form=form, headers=headers).status == 403


def password_asked(go: Journey) -> Page:
    page = go.authorize()
    return page if page.asks_for("password") else go.browser.submit(page, {"username": go.person.email})


def consent_asked(go: Journey) -> Page:
    page = go.authorize()
    while not page.has_button("accept"):
        page = answered(go, page, go.person.email, go.person.password)
    return page


def signed_in(go: Journey, path: str | None = None) -> Page:
    """The page to which somebody who is signed in comes; without a path, the choice of an account."""
    go.tokens()
    return go.browser.open(path) if path else go.authorize(prompt="select_account")


def mailed(go: Journey, ticket: str) -> Page:
    """The page behind a link that an administrator makes."""
    made = go.stack.management("POST", f"tickets/{ticket}", {"user_id": go.person.user_id})
    return go.browser.open(made.json()["ticket"])


FORMS: dict[str, Callable[[Journey], Page]] = {
    "password": password_asked,
    "sign-up": lambda go: go.authorize(screen_hint="signup"),
    "consent": consent_asked,
    "logout": lambda go: signed_in(go, "/oidc/logout"),
    "account": signed_in,
    "reset asked": lambda go: go.browser.follow(password_asked(go), "Forgot"),
    "reset": lambda go: mailed(go, "password-change"),
    "verification": lambda go: mailed(go, "email-verification"),
}


@pytest.mark.security("LG-10")
@pytest.mark.parametrize("name", FORMS)
def test_no_form_of_any_page_is_taken_from_elsewhere(begin: MakeJourney, name: str) -> None:
    go = begin(is_first_party=name != "consent")
    page = FORMS[name](go)
    form = next(each for each in page.forms if "csrf" in each.fields)
    own, foreign = form.fields["csrf"], begin().authorize().form("username", "email").fields["csrf"]
    given = {"password": go.person.password if name == "password" else NEW(), "email": f"{uuid1().hex}@else.example"}
    values = {each: value for each, value in given.items() if form.asks_for(each)}

    def posted(csrf: str = own, **headers: str) -> int:
        named = {each.replace("_", "-"): value for each, value in headers.items()}
        answer = go.browser.submit(page, {**values, "csrf": csrf}, form=form, headers=named)
        return answer.redirects[0].status_code if answer.redirects else answer.status

    assert posted(csrf="") == posted(csrf=foreign) == posted(csrf=own[:-1]) == 403
    assert posted(origin="https://evil.ex") == posted(origin=f"{go.stack.issuer[:-1]}.evil.ex") == 403
    assert posted(sec_fetch_site="cross-site") == posted(sec_fetch_site="same-site") == 403
    assert posted(content_type="text/plain") == posted(content_type="application/json") == 403
    assert posted() in {200, 303}, "only what came from elsewhere was the matter"


@pytest.mark.security("LG-14")
@pytest.mark.parametrize("change", [{"blocked": True}, {"password": NEW()}])
def test_sessions_end_when_somebody_is_blocked_or_has_another_password(
    begin: MakeJourney, stack: Stack, change: dict[str, object]
) -> None:
    go = begin()
    go.tokens()
    assert go.is_known()
    user = go.person.user_id.replace("|", "%7C")
    assert stack.management("PATCH", f"users/{user}", change).status == 200
    until(lambda: not go.is_known(), 2)


@pytest.mark.security("LG-16")
def test_no_step_is_skipped_and_no_page_works_in_another_browser(go: Journey, stack: Stack) -> None:
    page = go.authorize()
    with browsing(stack) as thief:
        stolen = thief.open(page.url)
        assert stolen.status in {400, 403, 404, 410}, stolen
        assert not stolen.asks_for("password")
    consent = go.browser.open(page.url.replace("/u/login", "/u/consent"))
    assert not consent.has_button("accept"), "nobody has signed in yet"
    form = Form(page.url.replace("/u/login", "/u/consent"), "post", page.forms[0].fields | {"action": "accept"})
    forced = go.browser.submit(page, form=form)
    assert not forced.landed or "code" not in forced.parameters


@pytest.mark.security("LG-16")
def test_two_tabs_are_two_logins(go: Journey) -> None:
    one, two = go.rp.attempt(), go.rp.attempt()
    first, second = go.browser.open(one.url), go.browser.open(two.url)
    assert go.rp.code(two, go.browser.sign_in(second, go.person.email, go.person.password))
    again = go.browser.open(first.url)
    landing = again if again.landed else answered(go, again, go.person.email, go.person.password)
    assert landing.parameters["state"] == one.state, landing


@pytest.mark.security("LG-16")
def test_a_form_that_is_sent_twice_at_once_is_one_login(begin: MakeJourney, stack: Stack) -> None:
    go = begin()
    attempt = go.rp.attempt()
    page = go.browser.open(attempt.url)
    page = go.browser.submit(page, {"username": go.person.email})
    form = page.form("password").fields | {"password": go.person.password}
    cookies = go.browser.jar.header(page.url)

    def sent(_: int) -> Answer:
        return stack.request("POST", urlsplit(page.url).path, form=form, headers=cookies)

    with ThreadPoolExecutor(4) as both:
        codes = {parse_qs(urlsplit(each.headers["location"]).query)["code"][0] for each in both.map(sent, range(4))}
    assert go.rp.exchange(attempt, codes.pop()).status_code == 200
    assert not codes
    user = go.person.user_id.replace("|", "%7C")
    assert len(stack.management("GET", f"users/{user}/sessions").json()["sessions"]) == 1


@pytest.mark.security("LG-16")
def test_who_is_chosen_is_who_was_shown(go: Journey, stack: Stack) -> None:
    go.tokens()
    attempt, another = go.rp.attempt(prompt="select_account"), account(stack, name="Grace Hopper")
    choosing = go.browser.open(attempt.url)
    go.browser.sign_in(go.browser.open(go.rp.attempt(prompt="login").url), another.email, another.password)
    anew = go.browser.press(choosing, "default")
    assert "Grace Hopper" in anew.text
    assert go.rp.redeemed(attempt, go.browser.press(anew, "default")).claims["sub"] == another.user_id


@pytest.mark.security("LG-16", "OI-04")
def test_who_is_chosen_is_who_the_application_means(go: Journey, stack: Stack) -> None:
    hint, another = go.tokens().id_token, account(stack)
    choosing = go.browser.open(go.rp.attempt(prompt="select_account", id_token_hint=hint).url)
    go.browser.sign_in(go.browser.open(go.rp.attempt(prompt="login").url), another.email, another.password)
    after = go.browser.press(go.browser.press(choosing, "default"), "default")
    assert after.landed is None
    assert after.asks_for("username")


@pytest.mark.security("LG-10")
def test_a_page_that_is_opened_again_after_the_login_helps(go: Journey) -> None:
    attempt = go.rp.attempt()
    page = go.browser.open(attempt.url)
    go.browser.sign_in(page, go.person.email, go.person.password)
    back = go.browser.open(page.url)
    assert back.landed or back.status < 500
    gone = go.browser.open("/u/login?state=nothing")
    assert 400 <= gone.status < 500
    assert gone.headers["content-type"].startswith("text/html")


@pytest.mark.security("LG-20")
def test_a_password_must_be_good_enough(begin: MakeJourney, stack: Stack) -> None:
    go = begin()

    def sign_up(password: str) -> tuple[int, str]:
        body = {"client_id": go.client_id, "connection": "Username-Password-Authentication", "password": password}
        answer = stack.request("POST", "/dbconnections/signup", json=body | {"email": f"n{abs(hash(password))}@ex.com"})
        return answer.status, answer.json().get("code", "")

    for weak in ("short 7", "password", "12345678", "qwertyuiop", "x" * 1025, "nul\0nul otter 88"):
        assert sign_up(weak)[0] == 400, weak
    for good in ("otters swim 🦦 at dawn", "  spaces around 27 otters  ", "Long " + "otterly brave " * 8):
        assert sign_up(good)[0] == 200, good


@pytest.mark.security("LG-22")
@pytest.mark.parametrize(
    "email",
    [
        *("=?utf-8?q?admin?=@corp.ex", '"a@evil.ex"@corp.ex', "a@evil.ex@corp.ex", "a@corp.ex,b@evil.ex"),
        *("a@corp.ex\r\nBcc: b@evil.ex", "=?utf-8?q?a=40evil.ex=3e?=@corp.ex"),
    ],
)
def test_an_address_that_means_another_is_refused(begin: MakeJourney, stack: Stack, email: str) -> None:
    body = {"connection": "Username-Password-Authentication", "email": email, "password": PASSWORD}
    answer = stack.request("POST", "/dbconnections/signup", json=body | {"client_id": begin().client_id})
    assert answer.status == 400, answer.body


def reset_asked(stack: Stack, go: Journey, email: str, **headers: str) -> tuple[int, bytes]:
    body = {"client_id": go.client_id, "connection": "Username-Password-Authentication", "email": email}
    answer = stack.request("POST", "/dbconnections/change_password", json=body, headers=headers)
    return answer.status, answer.body


def reset(go: Journey, url: str, password: str) -> Page:
    """Open the link of a mail and set a password."""
    page = go.browser.open(url)
    if page.landed or not page.forms:
        return page
    inputs = {name: password for name, kind in page.form().types.items() if kind == "password"}
    return go.browser.submit(page, inputs)


@pytest.mark.security("RC-01", "LG-01")
def test_asking_for_a_reset_tells_nothing_and_the_link_is_of_the_issuer(begin: MakeJourney, stack: Stack) -> None:
    go = begin()
    evil = {"x-forwarded-host": "evil.ex", "forwarded": "host=evil.ex", "x-forwarded-proto": "javascript"}
    assert reset_asked(stack, go, go.person.email, **evil) == reset_asked(stack, go, "nobody@example.com")
    assert link(stack, go.person.email, "reset_email").startswith(f"{stack.issuer}u/reset-password?")
    assert mails(stack, "nobody@example.com") == []


@pytest.mark.security("RC-02", "RC-05")
def test_a_reset_link_is_good_once_and_ends_what_was(begin: MakeJourney, stack: Stack) -> None:
    go = begin()
    given = go.tokens(scope="openid offline_access")
    reset_asked(stack, go, go.person.email)
    older = link(stack, go.person.email, "reset_email")
    reset_asked(stack, go, go.person.email)
    newer = link(stack, go.person.email, "reset_email", count=2)
    assert reset(go, older, NEW()).status in {400, 404, 410}
    assert reset(go, newer, NEW()).status == 200
    assert reset(go, newer, PASSWORD).status in {400, 404, 410}
    assert go.rp.renewed(given.refresh_token).status_code == 400
    assert not go.is_known()
    assert mail(stack, go.person.email, "password_changed")
    page = answered(go, go.authorize(), go.person.email, go.person.password)
    assert page.landed is None, "the old password is good for nothing"
    go.person = type(go.person)(go.person.email, NEW(), go.person.user_id)
    assert go.tokens().claims["sub"] == go.person.user_id


@pytest.mark.security("RC-09")
def test_mails_for_one_address_are_few_and_the_answer_is_the_same(begin: MakeJourney, stack: Stack) -> None:
    go = begin()
    answers = {reset_asked(stack, go, go.person.email) for _ in range(25)}
    assert len(answers) == 1, answers
    assert mail(stack, go.person.email, "reset_email")
    assert len(mails(stack, go.person.email, "reset_email")) < 25


@pytest.mark.security("RC-06")
def test_what_somebody_calls_themselves_is_text_in_a_mail(begin: MakeJourney, stack: Stack) -> None:
    name = "<a href=https://evil.ex>{{7777*7777}}</a>"
    go = begin(person=account(stack, name=name))
    reset_asked(stack, go, go.person.email)
    html = str(mail(stack, go.person.email, "reset_email").get("html", ""))
    assert "<a href=https://evil.ex" not in html
    assert str(7777 * 7777) not in html


@pytest.mark.security("RC-10")
def test_the_reset_page_tells_nobody_of_its_link(begin: MakeJourney, stack: Stack) -> None:
    go = begin()
    reset_asked(stack, go, go.person.email)
    page = go.browser.open(link(stack, go.person.email, "reset_email"))
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.security("LG-12")
@pytest.mark.parametrize("uri", ["//evil.ex", "/\\evil.ex", "https:evil.ex", "/%09/evil.ex", "javascript:alert(1)"])
def test_pages_lead_nowhere_they_were_not_told_by_an_application(go: Journey, uri: str) -> None:
    page = go.authorize()
    more = urlencode({"returnTo": uri, "continue": uri, "redirect_uri": uri})
    for path in (f"{page.url}&{more}", f"/u/logout?{more}"):
        shown = go.browser.open(path)
        assert shown.landed is None, shown
        assert "evil" not in " ".join(shown.links.values())
