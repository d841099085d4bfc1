"""RS and OI: userinfo, silent requests, hints, and what is over after a logout."""

import json
import time
from urllib.parse import urlencode

import pytest

from tests.browser import browsing
from tests.journey import OFFLINE, Journey, is_refused, journey
from tests.relying_party import LOGGED_OUT, base64url
from tests.security.client import Client
from tests.security.conftest import MakeJourney
from tests.stack import Stack, claims, until


@pytest.mark.security("RS-01")
def test_userinfo_without_a_token_says_only_that_one_is_needed(go: Journey) -> None:
    answer = go.rp.http.get(go.rp.metadata["userinfo_endpoint"])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "error=" not in answer.headers["www-authenticate"]


@pytest.mark.security("RS-02")
def test_userinfo_refuses_tokens_that_are_not_for_it(go: Journey, client: Client, other: Client) -> None:
    given = go.tokens()
    forged = f"{given.access_token.rsplit('.', 1)[0]}.{base64url(b'x' * 256)}"
    for wrong in ("garbage", forged, client.token(), other.token(), given.id_token):
        answer = go.rp.ask_userinfo(wrong)
        assert answer.status_code == 401, wrong
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.security("RS-04")
def test_a_token_in_the_query_is_not_seen_and_two_are_too_many(go: Journey) -> None:
    given, url = go.tokens(), go.rp.metadata["userinfo_endpoint"]
    assert go.rp.http.get(url, params={"access_token": given.access_token}).status_code == 401
    headers = {"authorization": f"Bearer {given.access_token}"}
    answer = go.rp.http.post(url, data={"access_token": given.access_token}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.security("RS-09")
def test_userinfo_tells_what_was_granted_and_no_more(go: Journey) -> None:
    given = go.tokens(scope="openid email")
    found = go.rp.userinfo(given.access_token)
    assert set(found) == {"sub", "email", "email_verified"}
    assert found["sub"] == given.claims["sub"] == claims(given.access_token)["sub"]
    assert go.rp.ask_userinfo(given.access_token, "PUT").status_code == 405
    assert go.rp.ask_userinfo(given.access_token).headers["cache-control"] == "no-store"


@pytest.mark.security("RS-09", "RT-04")
def test_a_token_that_was_renewed_for_less_tells_userinfo_less(go: Journey) -> None:
    given = go.tokens(scope=OFFLINE)
    narrow = go.rp.judged(go.rp.renewed(given.refresh_token, scope="openid email"))
    assert set(go.rp.userinfo(narrow.access_token)) == {"sub", "email", "email_verified"}
    assert "name" in go.rp.userinfo(given.access_token)


@pytest.mark.security("RS-01")
@pytest.mark.parametrize("scheme", ["Basic", "DPoP", "Bearing"])
def test_another_way_to_authenticate_is_none_at_userinfo(go: Journey, scheme: str) -> None:
    answer = go.stack.get("/userinfo", authorization=f"{scheme} abc")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.security("RS-02")
def test_without_openid_there_is_no_userinfo(go: Journey) -> None:
    given = go.tokens(scope="profile", nonce=None)
    assert go.rp.ask_userinfo(given.access_token).status_code in {401, 403}


@pytest.mark.security("OI-01")
def test_a_silent_request_is_answered_without_a_page(begin: MakeJourney) -> None:
    go = begin(is_first_party=False)
    assert go.error(prompt="none") == "login_required"
    go.tokens(scope="openid")
    assert go.error(prompt="none", scope="openid email profile") in {"consent_required", "interaction_required"}
    assert go.tokens(prompt="none", scope="openid").claims["sub"]


@pytest.mark.security("OI-02")
def test_prompts_do_what_they_say(go: Journey) -> None:
    assert go.error(prompt="none login") == "invalid_request"
    first = go.tokens(max_age="1000").claims["auth_time"]
    until(lambda: time.time() > first + 1, 5)  # noqa: TID251  # both clocks are this machine's
    page = go.authorize(prompt="login")
    assert page.asks_for("username", "email", "password"), page
    for prompt in ("consent", "select_account"):
        shown = go.authorize(prompt=prompt)
        assert (shown.landed, shown.status) == (None, 200), prompt


@pytest.mark.security("OI-04")
def test_a_hint_never_signs_in_whom_it_names(begin: MakeJourney, go: Journey) -> None:
    other = begin().tokens().id_token
    mine = go.tokens()
    assert go.error(prompt="none", id_token_hint=other) in {"login_required", "invalid_request"}
    head = base64url(json.dumps({"alg": "none"}).encode())
    unsigned = f"{head}.{other.split('.')[1]}."
    broken = f"{other.rsplit('.', 1)[0]}.{base64url(b'x' * 256)}"
    for hint in (unsigned, broken, "garbage"):
        attempt = go.rp.attempt(prompt="none", id_token_hint=hint)
        page = go.browser.open(attempt.url)
        if "code" in page.parameters:
            assert go.rp.redeemed(attempt, page).claims["sub"] == mine.claims["sub"]
        else:
            assert page.parameters["error"] in {"login_required", "invalid_request"}


@pytest.mark.security("OI-09")
def test_nobody_is_sent_to_an_address_of_another_application(go: Journey, begin: MakeJourney) -> None:
    begin(allowed_logout_urls=["https://other.ex/out"])
    token = go.tokens().id_token
    for uri in ("https://other.ex/out", f"{LOGGED_OUT}/x", f"{LOGGED_OUT}evil", "//evil.ex", "javascript:alert(1)"):
        page = go.browser.open(go.rp.logout_url(id_token_hint=token, post_logout_redirect_uri=uri))
        assert page.landed is None, page


@pytest.mark.security("OI-09", "LG-12")
@pytest.mark.parametrize(
    "uri", ["//evil.ex", "/\\evil.ex", "https:evil.ex", "https://rp.example.evil.ex/logged-out", "javascript:alert(1)"]
)
def test_v2_logout_sends_nobody_to_an_unregistered_address(go: Journey, uri: str) -> None:
    go.tokens()
    page = go.browser.open(f"/v2/logout?{urlencode({'client_id': go.client_id, 'returnTo': uri})}")
    assert page.landed is None, page
    assert all("evil" not in answer.headers["location"] for answer in page.redirects)


@pytest.mark.security("OI-10")
def test_another_sites_form_signs_nobody_out(go: Journey) -> None:
    go.tokens()
    answer = go.stack.request("POST", "/oidc/logout", form={"state": "a b"}, headers={"sec-fetch-site": "cross-site"})
    assert (answer.status, answer.headers["location"]) == (303, "/oidc/logout?state=a+b")
    assert answer.headers["set-cookie"] is None, "the browser kept its cookies back, and takes new ones"
    assert go.browser.open(answer.headers["location"]).has_button("accept")
    assert go.is_known()


@pytest.mark.security("OI-10", "OI-12")
def test_only_the_browser_whose_cookie_came_loses_it(begin: MakeJourney) -> None:
    go = begin()
    given = go.tokens()
    answer = go.stack.request("POST", "/oidc/logout", form={"id_token_hint": given.id_token})
    assert (answer.status, answer.headers["set-cookie"]) == (200, None)
    assert not go.is_known(), "the session of the ID token is over"


@pytest.mark.security("OI-12")
def test_after_a_logout_nothing_of_the_session_is_left(begin: MakeJourney, stack: Stack) -> None:
    go = begin()
    given = go.tokens(scope="openid")
    old = {key: morsel for key, morsel in go.browser.jar.cookies.items() if key[2].endswith("limen")}
    assert old
    go.browser.open(go.rp.logout_url(id_token_hint=given.id_token, post_logout_redirect_uri=LOGGED_OUT))
    assert not go.is_known()
    go.browser.jar.cookies.update(old)
    assert not go.is_known(), "the old cookie is good for nothing"
    go.browser.jar.cookies.clear()
    with browsing(stack):
        assert go.tokens().claims["sid"] != given.claims["sid"]


@pytest.mark.security("OI-12")
def test_a_plain_logout_leaves_what_may_be_used_offline(begin: MakeJourney) -> None:
    go = begin()
    given = go.tokens(scope=OFFLINE)
    go.browser.open(go.rp.logout_url(id_token_hint=given.id_token, post_logout_redirect_uri=LOGGED_OUT))
    assert go.rp.renewed(given.refresh_token).status_code == 200


@pytest.mark.security("RS-08")
def test_who_is_blocked_is_nobody_at_once(begin: MakeJourney, stack: Stack) -> None:
    go = begin()
    given = go.tokens(scope=OFFLINE)
    user = f"users/{go.person.user_id.replace('|', '%7C')}"
    assert stack.management("PATCH", user, {"blocked": True}).status == 200
    until(lambda: go.rp.ask_userinfo(given.access_token).status_code == 401, 2)
    assert is_refused(go.rp.renewed(given.refresh_token))
    assert not go.is_known()


def test_one_login_is_enough_for_two_applications(stack: Stack, go: Journey) -> None:
    first = go.tokens().claims
    with journey(stack, person=go.person) as another:
        another.browser = go.browser
        second = another.tokens(prompt="none").claims
    assert (second["sub"], second["sid"]) == (first["sub"], first["sid"])
