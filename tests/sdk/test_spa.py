"""auth0-spa-js, unmodified, in a page of a real Chromium: the example application over `limen up --tls`."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from services.cli.embedded.ports import chosen
from tests.chromium import BOUND, launched, private
from tests.relying_party import Account, Application, account, public
from tests.stack import ROOT, Stack

SERVE = ROOT / "examples" / "spa" / "serve.py"


@pytest.fixture(scope="module")
def ada(tls: Stack) -> Account:
    return account(tls, name="Ada Lovelace")


@pytest.fixture(scope="module")
def site(tls: Stack) -> tuple[str, Application]:
    """Where the page is served, and the application it is."""
    url = f"https://localhost:{chosen()}"
    application = public(tls, callback=url, app_type="spa", allowed_logout_urls=[url], web_origins=[url])
    opened = tls.management("GET", "resource-servers").json()
    (mine,) = (each for each in opened if each["identifier"] == tls.env["LIMEN_AUDIENCE"])
    assert tls.management("PATCH", f"resource-servers/{mine['id']}", {"allow_offline_access": True}).status == 200
    return url, application


@pytest.fixture(scope="module")
def served(tls: Stack, packages: Path, site: tuple[str, Application]) -> Iterator[str]:
    """The example as `examples/spa/serve.py` serves it."""
    url, application = site
    sdk = packages / "node_modules" / "@auth0" / "auth0-spa-js" / "dist" / "auth0-spa-js.production.js"
    environ = {**tls.env, "SPA_PORT": url.rpartition(":")[2], "SPA_CLIENT_ID": application.client_id}
    environ |= {"AUTH0_SPA_JS": str(sdk), "SPA_TLS": str(tls.data.tls)}
    with subprocess.Popen([sys.executable, SERVE], env=environ, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().strip() == url
        yield url
        server.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as one:
        yield one


@pytest.fixture
def page(browser: Browser, served: str) -> Iterator[Page]:
    """A tab of a private window in which somebody opened the application."""
    with private(browser) as context:
        tab = context.new_page()
        tab.goto(served)
        expect(tab.locator("#login")).to_be_visible(timeout=BOUND)
        yield tab


def sign_in(page: Page, ada: Account) -> None:
    page.locator("#login").click()
    page.locator("input[name=username], input[name=email]").first.fill(ada.email)
    if not page.locator("input[name=password]").is_visible():
        page.locator("button[type=submit][name=action][value=default]").first.click()
    page.locator("input[name=password]").fill(ada.password)
    page.locator("button[type=submit][name=action][value=default]").first.click()
    expect(page.locator("#who")).to_have_text("Hello, Ada Lovelace.", timeout=BOUND)


def test_somebody_signs_in_and_the_profile_is_shown(page: Page, ada: Account) -> None:
    sign_in(page, ada)
    profile = json.loads(page.locator("#profile").inner_text())
    assert (profile["email"], profile["sub"]) == (ada.email, ada.user_id)


def test_a_reload_signs_in_silently_in_a_frame(page: Page, ada: Account) -> None:
    """Tokens were only in memory: a frame asks with prompt=none, and is answered by web_message."""
    sign_in(page, ada)
    with page.expect_response(lambda answer: "prompt=none" in answer.url and "web_message" in answer.url):
        page.reload()
    expect(page.locator("#who")).to_have_text("Hello, Ada Lovelace.", timeout=BOUND)


def test_tokens_are_renewed_by_a_rotating_refresh_token(page: Page, ada: Account) -> None:
    sign_in(page, ada)
    renewed: Any = page.evaluate(
        """async () => {
            const before = await client.getTokenSilently();
            const after = await client.getTokenSilently({ cacheMode: "off", detailedResponse: true });
            return { changed: before !== after.access_token, scope: after.scope };
        }"""
    )
    assert renewed["changed"]
    assert "read:messages" in renewed["scope"].split()


def test_who_logs_out_is_asked_again(page: Page, ada: Account) -> None:
    sign_in(page, ada)
    page.locator("#logout").click()
    expect(page.locator("#who")).to_have_text("Nobody is signed in.", timeout=BOUND)
    error = page.evaluate("() => client.getTokenSilently({ cacheMode: 'off' }).then(() => null, (e) => e.error)")
    assert error in {"login_required", "missing_refresh_token"}
    page.locator("#login").click()
    expect(page.locator("input[name=username], input[name=email]").first).to_be_visible(timeout=BOUND)


def test_a_popup_answers_by_a_message(page: Page, ada: Account) -> None:
    with page.expect_popup() as opened:
        page.evaluate("() => { window.done = client.loginWithPopup().then(() => 'in', (error) => String(error)); }")
    popup = opened.value
    popup.locator("input[name=username], input[name=email]").first.fill(ada.email)
    if not popup.locator("input[name=password]").is_visible():
        popup.locator("button[type=submit][name=action][value=default]").first.click()
    popup.locator("input[name=password]").fill(ada.password)
    popup.locator("button[type=submit][name=action][value=default]").first.click()
    assert page.evaluate("() => window.done") == "in"
    assert page.evaluate("async () => (await client.getUser()).email") == ada.email


def test_a_page_of_an_origin_that_was_not_registered_hears_nothing(
    page: Page, tls: Stack, site: tuple[str, Application]
) -> None:
    answer = tls.request(
        "OPTIONS",
        "/oauth/token",
        headers={
            "origin": "https://evil.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "auth0-client",
        },
    )
    assert answer.headers.get("access-control-allow-origin") in {None, "*"}
    form = {"grant_type": "refresh_token", "client_id": site[1].client_id, "refresh_token": "v1.x"}
    refused = tls.request("POST", "/oauth/token", form=form, headers={"origin": "https://evil.example"})
    assert refused.headers.get("access-control-allow-origin") is None
    heard = tls.request("POST", "/oauth/token", form=form, headers={"origin": site[0]})
    assert heard.headers.get("access-control-allow-origin") == site[0]
    assert page.url
