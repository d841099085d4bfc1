"""What browsers see over https beyond the plans: cookies, ID tokens that are posted, and messages between windows."""

import re
from urllib.parse import urlencode

import pytest

from tests.browser import Browser, every_cookie
from tests.conformance.conftest import MakeParty
from tests.relying_party import Account, Application, RelyingParty, register
from tests.stack import Stack


@pytest.fixture
def rp(party: MakeParty, first_client: Application) -> RelyingParty:
    return party(first_client)


@pytest.mark.security("LG-09")
def test_every_cookie_is_for_this_host_alone_and_no_script_reads_it(
    rp: RelyingParty, browser: Browser, ada: Account
) -> None:
    attempt = rp.attempt()
    page = browser.open(attempt.url)
    landing = browser.sign_in(page, ada.email, ada.password)
    lines = every_cookie([*page.redirects, *landing.redirects])
    assert any(line.startswith("__Host-limen=") for line in lines), lines
    for line in lines:
        name, flags = line.partition("=")[0], {each.strip().lower() for each in line.split(";")[1:]}
        assert name.startswith("__Host-"), line
        assert {"secure", "httponly", "path=/"} <= flags, line
        assert flags & {"samesite=lax", "samesite=none"}, line
        assert not any(flag.startswith("domain") for flag in flags), line


@pytest.mark.parametrize("mode", ["form_post", "fragment", None], ids=str)
def test_an_id_token_may_come_through_the_browser(
    rp: RelyingParty, browser: Browser, ada: Account, mode: str | None
) -> None:
    attempt = rp.attempt(response_type="id_token", response_mode=mode, scope="openid profile email")
    landing = browser.sign_in(browser.open(attempt.url), ada.email, ada.password)
    assert landing.landed == ("form" if mode == "form_post" else "fragment"), landing
    assert landing.parameters["state"] == attempt.state
    assert not {"access_token", "code"} & set(landing.parameters)
    claims = rp.verified(landing.parameters["id_token"], attempt.parameters["nonce"])
    assert claims["email"] == ada.email


def test_an_id_token_never_comes_in_a_query_or_without_a_nonce(rp: RelyingParty, browser: Browser) -> None:
    for wrong in ({"response_mode": "query"}, {"nonce": None}):
        page = browser.open(rp.attempt(response_type="id_token", **wrong).url)
        assert page.parameters["error"] == "invalid_request", page
        assert "id_token" not in page.parameters


def test_a_message_goes_only_to_the_origin_that_was_registered(provider: Stack, party: MakeParty) -> None:
    rp = party(register(provider, web_origins=["https://rp.example"]))
    attempt = rp.attempt(response_mode="web_message", prompt="none")
    answer = provider.get(f"/authorize?{urlencode(attempt.parameters)}")
    page = answer.body.decode()
    assert answer.status == 200
    assert "login_required" in page
    assert "https://rp.example" in page
    assert re.search(r"postMessage\([^)]*[\"']\*[\"']", page) is None
    stranger = party(register(provider, web_origins=[]))
    refused = provider.get(
        f"/authorize?{urlencode(stranger.attempt(response_mode='web_message', prompt='none').parameters)}"
    )
    assert "postMessage" not in refused.body.decode()
