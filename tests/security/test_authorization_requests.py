"""AZ and PK: what `/authorize` refuses, how it tells, and what its pages say to browsers."""

from urllib.parse import urlencode

import pytest

from tests.browser import every_cookie
from tests.journey import Journey, is_refused
from tests.relying_party import challenge_of, public
from tests.security.conftest import MakeJourney
from tests.stack import Stack


@pytest.mark.security("AZ-01")
def test_a_request_without_a_response_type_is_told_to_the_application(go: Journey) -> None:
    assert go.error(response_type=None) == "invalid_request"
    assert go.error(response_type="") == "invalid_request"


@pytest.mark.security("AZ-02")
@pytest.mark.parametrize("kind", ["token", "id_token token", "code token", "password", "code code"])
def test_no_access_token_ever_travels_through_a_browser(go: Journey, kind: str) -> None:
    page = go.authorize(response_type=kind)
    assert page.landed
    assert page.parameters["error"] == "unsupported_response_type"
    assert "access_token" not in page.url


@pytest.mark.security("AZ-04")
def test_an_empty_parameter_is_none_at_all(go: Journey) -> None:
    assert go.tokens(claims="", display="", max_age="", prompt="").claims["sub"]


@pytest.mark.security("AZ-04")
def test_a_repeated_parameter_is_refused(go: Journey) -> None:
    attempt = go.rp.attempt()
    page = go.browser.open(f"{attempt.url}&scope=openid")
    assert page.parameters["error"] == "invalid_request"


@pytest.mark.security("AZ-04")
@pytest.mark.parametrize("name", ["audience", "resource", "connection", "login_hint", "response_type", "id_token_hint"])
def test_a_zero_byte_is_refused_and_no_fault(go: Journey, name: str) -> None:
    assert go.error(**{name: "https://api.example\0"}) == "invalid_request"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *(("/v2/logout", "client_id"), ("/v2/logout", "returnTo"), ("/oidc/logout", "client_id")),
        *(("/oidc/logout", "post_logout_redirect_uri"), ("/authorize", "client_id"), ("/authorize", "redirect_uri")),
    ],
)
def test_a_zero_byte_in_what_is_looked_up_is_a_page(go: Journey, path: str, name: str) -> None:
    asked = {"client_id": go.client_id, name: f"{go.client_id}\0"}
    page = go.browser.open(f"{path}?{urlencode(asked)}")
    assert (page.status, page.landed) == (400, None), page


@pytest.mark.parametrize("name", ["client_id", "connection", "email", "password"])
@pytest.mark.parametrize("path", ["signup", "change_password"])
def test_a_zero_byte_in_a_form_of_an_account_is_refused(stack: Stack, path: str, name: str) -> None:
    form = {"connection": "Username-Password-Authentication", "email": "a@example.com", "password": "x", name: "a\0"}
    answer = stack.request("POST", f"/dbconnections/{path}", form=form)
    assert (answer.status, answer.json()["code"]) == (400, "invalid_request")


@pytest.mark.security("AZ-05")
def test_an_application_without_the_code_grant_gets_no_code(begin: MakeJourney) -> None:
    assert begin(grant_types=["client_credentials"]).error() == "unauthorized_client"


@pytest.mark.security("AZ-06")
def test_openid_is_never_added_and_what_is_granted_is_said(go: Journey) -> None:
    answer = go.tokens(scope="profile unheard:of", nonce=None).answer
    assert "id_token" not in answer
    assert "unheard:of" not in answer.get("scope", "").split()
    assert "openid" not in answer.get("scope", "").split()


@pytest.mark.security("AZ-08")
@pytest.mark.parametrize("state", ["x" * 1024, "ünïcödé ☂", "a+b c%00d\"'&=#;", "%2B%252B", "\x01\x7f"])
def test_a_state_comes_back_as_it_was(go: Journey, state: str) -> None:
    attempt = go.rp.attempt(state=state, prompt="none")
    page = go.browser.open(attempt.url)
    assert page.landed, page
    assert page.parameters["state"] == state


@pytest.mark.security("AZ-08")
def test_a_state_of_enormous_length_is_a_refusal_and_no_fault(go: Journey) -> None:
    page = go.authorize(state="x" * 5000)
    assert page.landed or page.status in {200, 400, 414, 431}


@pytest.mark.security("AZ-09", "AZ-13", "AZ-12")
def test_posts_of_pages_are_answered_by_see_other_and_nothing_is_kept_or_told_on(go: Journey) -> None:
    attempt = go.rp.attempt()
    page = go.browser.open(attempt.url)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] in {"no-referrer", "same-origin"}
    landing = go.browser.sign_in(page, go.person.email, go.person.password)
    for answer in [*page.redirects, *landing.redirects]:
        assert answer.status_code in {302, 303}, answer
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.security("AZ-12")
def test_pages_take_nothing_from_anybody_else(go: Journey) -> None:
    page = go.authorize()
    for word in ("src=", "href=", "action="):
        for found in page.text.split(word)[1:]:
            target = found[1:].split(found[0])[0]
            assert not target.startswith(("http:", "https:", "//")) or target.startswith(go.stack.issuer), target


@pytest.mark.security("HD-05")
def test_the_sentence_of_a_new_password_is_a_page_like_others(stack: Stack) -> None:
    asked = {"connection": "Username-Password-Authentication", "email": "nobody@nowhere.example"}
    answer = stack.request("POST", "/dbconnections/change_password", json=asked)
    assert answer.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.security("AZ-10")
def test_other_origins_may_not_read_authorize(go: Journey) -> None:
    answer = go.stack.request("GET", "/authorize?client_id=x", headers={"origin": "https://evil.ex"})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.security("AZ-14")
def test_who_denies_consent_is_heard(begin: MakeJourney) -> None:
    go = begin(is_first_party=False)
    attempt = go.rp.attempt(scope="openid email")
    page = go.browser.open(attempt.url)
    while not page.has_button("deny"):
        given = {"username": go.person.email, "email": go.person.email, "password": go.person.password}
        form = page.form("username", "email", "password")
        page = go.browser.submit(page, {name: value for name, value in given.items() if form.asks_for(name)})
    assert go.rp.refused(attempt, go.browser.press(page, "deny")) == "access_denied"


@pytest.mark.security("AZ-17")
@pytest.mark.parametrize("name", ["request", "request_uri", "registration"])
def test_what_is_not_supported_is_refused_by_its_name(go: Journey, name: str) -> None:
    assert go.error(**{name: "https://rp.example/object"}) == f"{name}_not_supported"


def test_an_organization_is_refused_and_never_ignored(go: Journey) -> None:
    assert go.error(organization="org_1") == "invalid_request"


@pytest.mark.security("PK-01")
def test_a_public_application_must_bring_a_challenge(begin: MakeJourney, stack: Stack) -> None:
    go = begin(application=public(stack))
    go.rp.pkce = False
    assert go.error() == "invalid_request"


@pytest.mark.security("PK-02")
@pytest.mark.parametrize("method", ["plain", "S512", None, "s256"])
def test_only_s256_proves_anything(begin: MakeJourney, stack: Stack, method: str | None) -> None:
    go = begin(application=public(stack))
    assert go.error(code_challenge_method=method) == "invalid_request"


@pytest.mark.security("PK-04")
def test_a_verifier_must_be_the_one(begin: MakeJourney, stack: Stack) -> None:
    go = begin(application=public(stack))
    attempt, code = go.code()
    assert attempt.verifier is not None
    for wrong in ("x" * 43, challenge_of(attempt.verifier), attempt.verifier[:42], f"{attempt.verifier} "):
        assert is_refused(go.rp.exchange(attempt, code, code_verifier=wrong))
    good, attempt.verifier = attempt.verifier, None
    assert is_refused(go.rp.exchange(attempt, code))
    attempt.verifier = good
    assert go.rp.exchange(attempt, code).status_code == 200


@pytest.mark.security("PK-05")
def test_a_verifier_without_a_challenge_is_refused(go: Journey) -> None:
    attempt, code = go.code()
    answer = go.rp.exchange(attempt, code, code_verifier="x" * 43)
    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_request", "invalid_grant"}


@pytest.mark.security("PK-06")
def test_each_code_keeps_its_own_challenge(begin: MakeJourney, stack: Stack) -> None:
    go = begin(application=public(stack))
    one, first = go.code()
    other, second = go.code()
    assert is_refused(go.rp.exchange(one, second))
    assert is_refused(go.rp.exchange(other, first))
    assert go.rp.exchange(one, first).status_code == 200


def test_cookies_of_the_way_there_are_few(go: Journey) -> None:
    """A person who opens many tabs is not followed by ever more cookies."""
    pages = [go.authorize() for _ in range(8)]
    assert 1 <= len(go.browser.jar.named("limen-tx")) <= 5
    assert every_cookie(pages[0].redirects)
