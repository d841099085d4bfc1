"""The plans `oidcc-basic` and `oidcc-formpost-basic` of the OpenID Foundation, re-told: one test per module, both ways.

A comment names the module. Left out are the three that need dynamic registration, and the two about unsigned request
objects beyond their refusal.
"""

import json
import time
from urllib.parse import urlencode

import pytest

from tests.browser import Browser
from tests.conformance.conftest import ADDRESS, PHONE, PROFILE, MakeParty
from tests.relying_party import Account, Application, RelyingParty, Tokens
from tests.stack import Stack, until


@pytest.fixture(params=[None, "form_post"], ids=["query", "form_post"])
def rp(request: pytest.FixtureRequest, party: MakeParty, first_client: Application) -> RelyingParty:
    """The first client, answered in the query and by form_post."""
    return party(first_client, mode=request.param)


@pytest.fixture
def signs_in(rp: RelyingParty, browser: Browser, ada: Account) -> "SignsIn":
    return SignsIn(rp, browser, ada)


class SignsIn:
    """Ada goes through the login page for some authorization request."""

    def __init__(self, rp: RelyingParty, browser: Browser, ada: Account) -> None:
        self.rp, self.browser, self.ada = rp, browser, ada

    def __call__(self, **parameters: str | None) -> Tokens:
        attempt = self.rp.attempt(**parameters)
        page = self.browser.open(attempt.url)
        return self.rp.redeemed(attempt, self.browser.sign_in(page, self.ada.email, self.ada.password))

    def silently(self, **parameters: str | None) -> Tokens:
        """The same where nobody may be asked anything."""
        attempt = self.rp.attempt(**parameters)
        return self.rp.redeemed(attempt, self.browser.open(attempt.url))


def test_somebody_signs_in_by_the_code_flow(rp: RelyingParty, signs_in: SignsIn) -> None:  # 1 oidcc-server
    tokens = signs_in()
    assert rp.userinfo(tokens.access_token)["sub"] == tokens.claims["sub"]
    assert set(tokens.claims) <= {
        *("iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "amr", "acr")
    }


def test_without_a_response_type_the_application_is_told(  # 2 oidcc-response-type-missing
    rp: RelyingParty, browser: Browser
) -> None:
    attempt = rp.attempt(response_type=None)
    assert rp.refused(attempt, browser.open(attempt.url)) in {"invalid_request", "unsupported_response_type"}


def test_userinfo_is_read_with_get(rp: RelyingParty, signs_in: SignsIn) -> None:  # 5 oidcc-userinfo-get
    assert rp.ask_userinfo(signs_in().access_token, "GET").status_code == 200


def test_userinfo_is_read_with_post(rp: RelyingParty, signs_in: SignsIn) -> None:  # 6 oidcc-userinfo-post-header
    assert rp.ask_userinfo(signs_in().access_token, "POST").status_code == 200


def test_userinfo_takes_the_token_from_a_form(  # 7 oidcc-userinfo-post-body
    rp: RelyingParty, signs_in: SignsIn
) -> None:
    tokens = signs_in()
    answer = rp.http.post(rp.metadata["userinfo_endpoint"], data={"access_token": tokens.access_token})
    assert answer.status_code == 200, answer.text
    assert answer.json()["sub"] == tokens.claims["sub"]


def test_a_nonce_is_not_needed(signs_in: SignsIn) -> None:  # 8 …without-nonce-succeeds-for-code-flow
    assert "nonce" not in signs_in(nonce=None).claims


def test_scope_profile_brings_the_profile(rp: RelyingParty, signs_in: SignsIn) -> None:  # 9 oidcc-scope-profile
    found = rp.userinfo(signs_in(scope="openid profile").access_token, list(PROFILE))
    assert {name: found[name] for name in PROFILE} == PROFILE
    assert "email" not in found


def test_scope_email_brings_the_address(  # 10 oidcc-scope-email
    rp: RelyingParty, signs_in: SignsIn, ada: Account
) -> None:
    found = rp.userinfo(signs_in(scope="openid email").access_token)
    assert (found["email"], found["email_verified"]) == (ada.email, True)
    assert "name" not in found


def test_scope_address_brings_where_somebody_lives(
    rp: RelyingParty, signs_in: SignsIn
) -> None:  # 11 oidcc-scope-address
    found = rp.userinfo(signs_in(scope="openid address").access_token)
    assert found["address"] == ADDRESS


def test_scope_phone_brings_the_number(rp: RelyingParty, signs_in: SignsIn) -> None:  # 12 oidcc-scope-phone
    found = rp.userinfo(signs_in(scope="openid phone").access_token)
    assert (found["phone_number"], found["phone_number_verified"]) == (PHONE, True)


def test_all_scopes_together_bring_everything(  # 13 oidcc-scope-all
    rp: RelyingParty, signs_in: SignsIn, ada: Account
) -> None:
    found = rp.userinfo(signs_in(scope="openid profile email address phone").access_token)
    assert {name: found[name] for name in PROFILE} == PROFILE
    assert (found["email"], found["address"], found["phone_number"]) == (ada.email, ADDRESS, PHONE)


def test_the_order_of_scopes_and_parameters_does_not_matter(  # 14 oidcc-alternate-happy-flow
    rp: RelyingParty, browser: Browser, ada: Account
) -> None:
    attempt = rp.attempt(scope="email profile openid")
    attempt.parameters = dict(reversed(list(attempt.parameters.items())))
    tokens = rp.redeemed(attempt, browser.sign_in(browser.open(attempt.url), ada.email, ada.password))
    assert rp.userinfo(tokens.access_token)["email"] == ada.email


@pytest.mark.parametrize(
    "parameters",
    [
        {"display": "page"},  # 15 oidcc-display-page
        {"display": "popup"},  # 16 oidcc-display-popup
        {"extra": "foobar"},  # 22 oidcc-ensure-request-with-unknown-parameter-succeeds
        {"login_hint": "buffy@example.com"},  # 24 oidcc-login-hint
        {"ui_locales": "se"},  # 25 oidcc-ui-locales
        {"claims_locales": "se"},  # 26 oidcc-claims-locales
    ],
    ids=lambda each: next(iter(each)) + "=" + next(iter(each.values())),
)
def test_a_parameter_that_is_only_a_wish_is_no_error(signs_in: SignsIn, parameters: dict[str, str]) -> None:
    assert signs_in(**parameters).claims["sub"]


def test_prompt_login_asks_again(signs_in: SignsIn) -> None:  # 17 oidcc-prompt-login
    first = signs_in(max_age="10000").claims
    await_another_second(first["auth_time"])
    again = signs_in(prompt="login").claims
    assert again["sub"] == first["sub"]
    assert again["auth_time"] > first["auth_time"]


def test_prompt_none_is_refused_when_nobody_is_signed_in(  # 18 oidcc-prompt-none-not-logged-in
    rp: RelyingParty, browser: Browser
) -> None:
    attempt = rp.attempt(prompt="none")
    assert rp.refused(attempt, browser.open(attempt.url)) == "login_required"


def test_prompt_none_succeeds_when_somebody_is_signed_in(signs_in: SignsIn) -> None:  # 19 oidcc-prompt-none-logged-in
    first = signs_in().claims
    again = signs_in.silently(prompt="none").claims
    assert (again["sub"], again.get("auth_time")) == (first["sub"], first.get("auth_time"))


def test_a_login_older_than_max_age_is_asked_for_again(signs_in: SignsIn) -> None:  # 20 oidcc-max-age-1
    first = signs_in().claims
    await_another_second(first["iat"] + 1)
    again = signs_in(max_age="1").claims
    assert again["sub"] == first["sub"]
    assert again["auth_time"] > first["auth_time"]


def test_a_login_younger_than_max_age_is_enough(signs_in: SignsIn) -> None:  # 21 oidcc-max-age-10000
    first = signs_in(max_age="15000").claims
    again = signs_in.silently(max_age="10000").claims
    assert (again["sub"], again["auth_time"]) == (first["sub"], first["auth_time"])


def test_an_id_token_says_who_must_be_signed_in(signs_in: SignsIn) -> None:  # 23 oidcc-id-token-hint
    first = signs_in()
    again = signs_in.silently(prompt="none", id_token_hint=first.id_token)
    assert again.claims["sub"] == first.claims["sub"]


def test_acr_values_are_answered_by_one_of_them(  # 27 …with-acr-values-succeeds
    rp: RelyingParty, signs_in: SignsIn
) -> None:
    wished = rp.metadata.get("acr_values_supported") or ["1", "2"]
    assert signs_in(acr_values=" ".join(wished)).claims["acr"] in wished


@pytest.mark.security("CO-01")
def test_a_code_that_comes_again_ends_what_it_gave(  # 28 oidcc-codereuse, 29 oidcc-codereuse-30seconds
    rp: RelyingParty, browser: Browser, ada: Account
) -> None:
    attempt = rp.attempt()
    code = rp.code(attempt, browser.sign_in(browser.open(attempt.url), ada.email, ada.password))
    tokens = rp.judged(rp.exchange(attempt, code), attempt.parameters["nonce"])
    again = rp.exchange(attempt, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert rp.ask_userinfo(tokens.access_token).status_code == 401


def test_an_unregistered_redirect_uri_is_answered_by_a_page(  # 30 oidcc-ensure-registered-redirect-uri
    rp: RelyingParty, browser: Browser
) -> None:
    page = browser.open(rp.attempt(redirect_uri="https://rp.example/another").url)
    assert (page.landed, page.status) == (None, 400)
    assert page.redirects == []


def test_an_authorization_request_may_be_posted(  # 31 oidcc-ensure-post-request-succeeds
    rp: RelyingParty, browser: Browser, ada: Account
) -> None:
    attempt = rp.attempt()
    page = browser.post(attempt.endpoint, attempt.parameters, coming_from="https://rp.example")
    assert rp.redeemed(attempt, browser.sign_in(page, ada.email, ada.password)).claims["sub"]


def test_a_secret_may_come_in_the_body(  # 32 oidcc-server-client-secret-post
    rp: RelyingParty, signs_in: SignsIn
) -> None:
    rp.authentication = "client_secret_post"
    assert signs_in().claims["sub"]


def test_a_request_object_is_refused_and_never_ignored(  # 34 …unsigned-request-object…
    rp: RelyingParty, browser: Browser
) -> None:
    attempt = rp.attempt(request="eyJhbGciOiJub25lIn0.e30.")
    assert rp.refused(attempt, browser.open(attempt.url)) == "request_not_supported"


def test_an_essential_claim_is_given(rp: RelyingParty, signs_in: SignsIn) -> None:  # 35 oidcc-claims-essential
    tokens = signs_in(claims=json.dumps({"userinfo": {"name": {"essential": True}}}))
    assert rp.userinfo(tokens.access_token)["name"] == PROFILE["name"]


def test_a_request_object_cannot_bring_another_redirect_uri(  # 36 …request-object-with-redirect-uri
    rp: RelyingParty, browser: Browser
) -> None:
    page = browser.open(rp.attempt(redirect_uri="https://rp.example/another", request="eyJhbGciOiJub25lIn0.e30.").url)
    assert (page.landed, page.status) == (None, 400)


def test_a_refresh_token_works_and_is_bound_to_its_client(  # 37 oidcc-refresh-token
    rp: RelyingParty, signs_in: SignsIn, party: MakeParty, second_client: Application
) -> None:
    assert "refresh_token" in rp.metadata["grant_types_supported"]
    first = signs_in(scope="openid offline_access", prompt="consent")
    stolen = party(second_client).renewed(first.refresh_token)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    again = rp.judged(rp.renewed(first.refresh_token))
    kept = ("iss", "sub", "aud", "auth_time")
    assert [again.claims.get(name) for name in kept] == [first.claims.get(name) for name in kept]
    assert again.access_token != first.access_token


def test_pkce_with_every_unreserved_character_is_good(  # 38 oidcc-ensure-request-with-valid-pkce-succeeds
    rp: RelyingParty, browser: Browser, ada: Account
) -> None:
    rp.pkce = True
    attempt = rp.attempt()
    code = rp.code(attempt, browser.sign_in(browser.open(attempt.url), ada.email, ada.password))
    assert rp.exchange(attempt, code).status_code == 200


def test_errors_come_by_form_post_too(party: MakeParty, first_client: Application, browser: Browser) -> None:
    rp = party(first_client, mode="form_post")
    attempt = rp.attempt(prompt="none")
    page = browser.open(attempt.url)
    assert rp.refused(attempt, page) == "login_required"
    assert page.landed == "form"


def test_the_page_of_form_post_submits_itself_by_a_classic_script_after_its_form(  # seen by others: HtmlUnit
    provider: Stack, party: MakeParty, first_client: Application
) -> None:
    attempt = party(first_client, mode="form_post").attempt(prompt="none")
    page = provider.get(f"/authorize?{urlencode(attempt.parameters)}").body.decode()
    assert "type=module" not in page.replace('"', "")
    assert 0 < page.index("</form>") < page.index("<script")


def await_another_second(than: int) -> None:
    until(lambda: time.time() > than + 1, 5)  # noqa: TID251  # both clocks are this machine's
