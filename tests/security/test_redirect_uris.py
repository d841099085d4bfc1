"""RU: a redirect URI is compared as a string, before anything that could redirect."""

from collections.abc import Iterator

import pytest

from tests.browser import Page
from tests.journey import Journey, journey
from tests.relying_party import Account
from tests.security.conftest import MakeJourney
from tests.stack import Stack

CALLBACK = "https://app.ex/cb"


@pytest.fixture(scope="module")
def app(stack: Stack, ada: Account) -> Iterator[Journey]:
    with journey(stack, person=ada, callback=CALLBACK) as one:
        yield one


def is_page(page: Page) -> bool:
    """Whether the server answered with a page of its own and sent nobody anywhere."""
    assert page.landed is None, page
    assert (page.status, page.redirects) == (400, []), page
    assert page.headers["content-type"].startswith("text/html")
    assert "location" not in page.headers
    return True


@pytest.mark.security("RU-01")
@pytest.mark.parametrize(
    "uri",
    [
        *(
            "https://app.ex/cb/",
            "https://app.ex/cb/x",
            "https://app.ex/CB",
            "https://app.ex/cb?",
            "https://app.ex/cb?x=1",
        ),
        *("https://app.ex/cb%2f", "https://app.ex/cb#f", "http://app.ex/cb", "https://app.ex:443/cb"),
        *("https://u@app.ex/cb", " https://app.ex/cb", "HTTPS://app.ex/cb", "https://APP.ex/cb"),
    ],
)
def test_a_uri_that_is_almost_the_registered_one_is_refused(app: Journey, uri: str) -> None:
    assert is_page(app.authorize(redirect_uri=uri))


@pytest.mark.security("RU-02")
@pytest.mark.parametrize(
    "uri",
    [
        *(
            "https://app.ex.evil.ex/cb",
            "https://evilapp.ex/cb",
            "https://app.ex@evil.ex/cb",
            "https://app.ex\\@evil.ex/cb",
        ),
        *("https://evil.ex\\.app.ex/cb", "https://app.ex%2eevil.ex/cb", "https://a@b@app.ex/cb"),
    ],
)
def test_a_uri_that_looks_like_the_registered_one_is_refused(app: Journey, uri: str) -> None:
    assert is_page(app.authorize(redirect_uri=uri))


@pytest.mark.security("RU-08")
@pytest.mark.parametrize("scope", ["openid", "profile"])
def test_without_a_redirect_uri_nobody_is_sent_anywhere(begin: MakeJourney, scope: str) -> None:
    app = begin(callback=CALLBACK, callbacks=[CALLBACK, f"{CALLBACK}/2"])
    assert is_page(app.authorize(redirect_uri=None, scope=scope))
    assert is_page(app.authorize(redirect_uri="", scope=scope))


@pytest.mark.security("RU-12")
@pytest.mark.parametrize(
    "wrong",
    [
        {"response_type": "bogus"},
        {"response_mode": "bogus"},
        {"request": "garbage"},
        {"scope": None},
        {"prompt": "none"},
        {"prompt": "none login"},
        {"request_uri": "https://evil.ex/r"},
    ],
    ids=lambda each: next(iter(each)),
)
def test_whatever_else_is_wrong_the_redirect_uri_is_looked_at_first(app: Journey, wrong: dict[str, str | None]) -> None:
    assert is_page(app.authorize(redirect_uri="https://evil.ex/cb", **wrong))


@pytest.mark.security("RU-13")
@pytest.mark.parametrize("mode", ["form_post", "fragment", "form_post.jwt", "query.jwt", "web_message"])
def test_no_way_of_answering_reaches_an_unregistered_uri(app: Journey, mode: str) -> None:
    assert is_page(app.authorize(redirect_uri="https://evil.ex/cb", response_mode=mode))


@pytest.mark.security("RU-13")
def test_the_page_of_form_post_shows_hostile_values_as_text(app: Journey) -> None:
    state = "\"><script>alert(1)</script>'&<form action=https://evil.ex>"
    attempt = app.rp.attempt(response_mode="form_post", state=state, prompt="none")
    landing = app.browser.open(attempt.url)
    assert landing.parameters["state"] == state
    page = landing.redirects[-1]
    assert "<script>alert" not in page.text
    assert page.text.count("<form") == 1
    policy = page.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy
    assert "script-src 'nonce-" in policy
    assert landing.address == CALLBACK


@pytest.mark.security("RU-12")
def test_an_unknown_application_is_answered_by_a_page(app: Journey) -> None:
    assert is_page(app.authorize(client_id="nobody"))
    assert is_page(app.authorize(client_id=None))


@pytest.mark.security("RU-10")
def test_a_query_of_a_registered_uri_is_kept(begin: MakeJourney) -> None:
    app = begin(callback=f"{CALLBACK}?tenant=1", callbacks=[f"{CALLBACK}?tenant=1"])
    page = app.authorize(prompt="none", redirect_uri=f"{CALLBACK}?tenant=1")
    assert page.url.startswith(f"{CALLBACK}?tenant=1&")
    assert page.parameters["error"] == "login_required"


@pytest.mark.security("RU-12")
def test_an_address_that_is_given_up_during_a_login_is_told_nothing(begin: MakeJourney, stack: Stack) -> None:
    app = begin(callback=CALLBACK)
    page = app.authorize()
    changed = stack.management("PATCH", f"clients/{app.client_id}", json={"callbacks": [f"{CALLBACK}/2"]})
    assert changed.status == 200, changed.body
    given = {"username": app.person.email}
    assert is_page(app.browser.submit(page, given))
