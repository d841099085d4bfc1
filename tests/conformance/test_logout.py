"""The plans `oidcc-rp-initiated-logout` and `oidcc-backchannel-rp-initiated-logout`, re-told: one test per module."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from time import time  # noqa: TID251  # a relying party has a clock of its own

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.browser import Browser, Page
from tests.conformance.conftest import MakeParty
from tests.receiver import Receiver
from tests.relying_party import LOGGED_OUT, Account, Application, RelyingParty, Tokens, base64url, register
from tests.stack import Stack, claims, until

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class SignedIn:
    """Ada, signed in at an application, who is about to leave."""

    rp: RelyingParty
    browser: Browser
    tokens: Tokens

    def leaves(self, **parameters: str | None) -> Page:
        return self.browser.open(self.rp.logout_url(**parameters))

    def is_known(self) -> bool:
        """Whether a silent request still succeeds."""
        attempt = self.rp.attempt(prompt="none")
        page = self.browser.open(attempt.url)
        error = self.rp.arrived(attempt, page).get("error")
        assert error in {None, "login_required"}
        return error is None


@pytest.fixture
def signed_in(party: MakeParty, first_client: Application, browser: Browser, ada: Account) -> SignedIn:
    return _signed_in(party(first_client), browser, ada)


def _signed_in(rp: RelyingParty, browser: Browser, ada: Account) -> SignedIn:
    attempt = rp.attempt()
    tokens = rp.redeemed(attempt, browser.sign_in(browser.open(attempt.url), ada.email, ada.password))
    return SignedIn(rp, browser, tokens)


def test_who_leaves_with_a_hint_comes_back_with_the_state(signed_in: SignedIn) -> None:  # 2 oidcc-rp-initiated-logout
    page = signed_in.leaves(
        id_token_hint=signed_in.tokens.id_token, post_logout_redirect_uri=LOGGED_OUT, state="some state"
    )
    assert (page.address, page.parameters) == (LOGGED_OUT, {"state": "some state"})
    assert not signed_in.is_known()


@pytest.mark.security("OI-09")
@pytest.mark.parametrize(
    "uri",
    [
        "https://rp.example/elsewhere",  # 3 …bad-post-logout-redirect-uri
        f"{LOGGED_OUT}?foo=bar",  # 10 …query-added-to-post-logout-redirect-uri
    ],
)
def test_nobody_is_sent_to_an_unregistered_address(signed_in: SignedIn, uri: str) -> None:
    page = signed_in.leaves(id_token_hint=signed_in.tokens.id_token, post_logout_redirect_uri=uri, state="s")
    assert page.landed is None, page
    assert page.headers["content-type"].startswith("text/html")


def _unsigned(id_token: str) -> str:
    header = base64url(json.dumps({"alg": "none"}).encode())
    return f"{header}.{id_token.split('.')[1]}."


def _signed_by_a_stranger(id_token: str) -> str:
    key = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256", "kid": "mine"}, claims(id_token), key, algorithms=["RS256"])


@pytest.mark.security("OI-10")
@pytest.mark.parametrize(
    "forged",
    [
        _unsigned,  # 4 …modified-id-token-hint
        _signed_by_a_stranger,  # 11 …bad-id-token-hint
    ],
)
def test_a_hint_that_the_issuer_did_not_sign_leads_nowhere(signed_in: SignedIn, forged: object) -> None:
    assert callable(forged)
    hint = forged(signed_in.tokens.id_token)
    page = signed_in.leaves(id_token_hint=hint, post_logout_redirect_uri=LOGGED_OUT, state="s")
    assert page.landed is None, page
    assert signed_in.is_known()


def test_without_a_hint_nobody_is_sent_away(signed_in: SignedIn) -> None:  # 5 …no-id-token-hint
    page = signed_in.leaves(post_logout_redirect_uri=LOGGED_OUT, state="s")
    assert page.landed is None, page


@pytest.mark.security("OI-10")
@pytest.mark.parametrize(
    "parameters",
    [
        {},  # 6 …no-params
        {"state": "some state"},  # 9 …only-state
    ],
    ids=["nothing", "state"],
)
def test_who_says_nothing_is_asked_and_then_logged_out(signed_in: SignedIn, parameters: dict[str, str | None]) -> None:
    page = signed_in.leaves(**parameters)
    assert (page.landed, page.status) == (None, 200)
    assert signed_in.is_known(), "a link on another site must not log anybody out"
    done = signed_in.browser.submit(page)
    assert (done.landed, done.status) == (None, 200)
    assert not signed_in.is_known()


def test_who_leaves_with_a_hint_alone_sees_the_page(signed_in: SignedIn) -> None:  # 7 …no-post-logout-redirect-uri
    page = signed_in.leaves(id_token_hint=signed_in.tokens.id_token)
    assert (page.landed, page.status) == (None, 200)
    assert not signed_in.is_known()


def test_a_state_is_not_needed(signed_in: SignedIn) -> None:  # 8 …no-state
    page = signed_in.leaves(id_token_hint=signed_in.tokens.id_token, post_logout_redirect_uri=LOGGED_OUT)
    assert (page.address, page.parameters) == (LOGGED_OUT, {})
    assert not signed_in.is_known()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture
def told(provider: Stack, party: MakeParty, receiver: Receiver, browser: Browser, ada: Account) -> SignedIn:
    """Ada, signed in at an application that wants to be told of logouts."""
    wish = {"backchannel_logout_urls": [f"{receiver.url}logout"]}
    return _signed_in(party(register(provider, oidc_logout=wish)), browser, ada)


@pytest.mark.security("OI-13")
def test_the_application_is_told_behind_the_browser(  # 2.5 2 oidcc-backchannel-rp-initiated-logout
    told: SignedIn, receiver: Receiver
) -> None:
    page = told.leaves(id_token_hint=told.tokens.id_token, post_logout_redirect_uri=LOGGED_OUT, state="some state")
    assert page.parameters == {"state": "some state"}
    assert not told.is_known()
    until(lambda: receiver.received, 15)
    (request,) = receiver.received
    assert (request.method, request.path) == ("POST", "/logout")
    assert request.headers["content-type"].partition(";")[0] == "application/x-www-form-urlencoded"
    assert set(request.form) == {"logout_token"}
    judge_logout_token(told, request.form["logout_token"])


def judge_logout_token(told: SignedIn, text: str) -> None:
    """OpenID Connect Back-Channel Logout section 2.6."""
    token = jwt.decode(text, told.rp.keys(), algorithms=["RS256"])
    said = token.claims
    assert token.header["typ"] == "logout+jwt"
    assert said["iss"] == told.rp.stack.issuer
    assert said["aud"] in (told.rp.application.client_id, [told.rp.application.client_id])
    assert said["events"] == {EVENT: {}}
    assert (said["sub"], said["sid"]) == (told.tokens.claims["sub"], told.tokens.claims["sid"])
    assert said["jti"]
    assert abs(said["iat"] - time()) < 20
    assert 0 < said["exp"] - said["iat"] <= 120
    assert "nonce" not in said


@pytest.mark.security("OI-13")
def test_an_application_that_fails_is_told_again_and_nobody_waits_for_it(told: SignedIn, receiver: Receiver) -> None:
    receiver.statuses = [500]
    page = told.leaves(id_token_hint=told.tokens.id_token, post_logout_redirect_uri=LOGGED_OUT)
    assert page.landed
    until(lambda: len(receiver.received) >= 2, 30)
    judge_logout_token(told, receiver.received[-1].form["logout_token"])
