"""express-openid-connect, unmodified, over `limen up --tls`: its default, the code flow, and every way to leave."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from services.cli.embedded.ports import chosen
from tests.browser import Browser, Page, browsing
from tests.relying_party import LOGGED_OUT, Account, RelyingParty, account, register
from tests.sdk.conftest import Node
from tests.stack import Stack, until


@dataclass
class Shop:
    """The Express application while it runs, and somebody's browser."""

    url: str
    browser: Browser
    ada: Account

    def opens(self, path: str) -> Page:
        return self.browser.open(f"{self.url}{path}")

    def read(self, path: str) -> Any:
        page = self.opens(path)
        assert page.status == 200, page
        return page.text

    def signs_in(self) -> None:
        page = self.browser.sign_in(self.opens("/login"), self.ada.email, self.ada.password)
        assert (page.url, page.text) == (f"{self.url}/", '{"signedIn":true}'), page

    def is_signed_in(self) -> bool:
        return bool(self.read("/") == '{"signedIn":true}')


@pytest.fixture(scope="module")
def ada(tls: Stack) -> Account:
    return account(tls, name="Ada Lovelace")


@contextmanager
def shop_of(tls: Stack, node: Node, ada: Account, **environ: str) -> Iterator[Shop]:
    port = chosen()
    url = f"http://localhost:{port}"
    application = register(
        tls,
        callback=f"{url}/callback",
        allowed_logout_urls=[url, LOGGED_OUT],
        oidc_logout={"backchannel_logout_urls": [f"{url}/backchannel-logout"]},
    )
    environ |= {"APP_CLIENT_ID": application.client_id, "APP_CLIENT_SECRET": str(application.client_secret)}
    with (
        node.talking("express_login.mjs", tls, PORT=str(port), **environ) as script,
        browsing(tls, url) as browser,
    ):
        assert script.says() == {"listening": True}
        yield Shop(url, browser, ada)


@pytest.mark.parametrize("auth0_logout", ["false", "true"], ids=["oidc_logout", "v2_logout"])
def test_by_default_an_id_token_is_posted_to_it(tls: Stack, node: Node, ada: Account, auth0_logout: str) -> None:
    with shop_of(tls, node, ada, AUTH0_LOGOUT=auth0_logout) as shop:
        shop.signs_in()
        assert f'"email":"{ada.email}"' in shop.read("/profile")
        left = shop.opens("/logout")
        ways = [urlsplit(answer.headers["location"]).path for answer in left.redirects]
        assert ("/v2/logout" if auth0_logout == "true" else "/oidc/logout") in ways
        assert left.url.startswith(shop.url), left
        assert not shop.is_signed_in()
        assert shop.opens("/login").asks_for("username", "email", "password")


def test_in_the_code_flow_it_calls_userinfo_and_renews(tls: Stack, node: Node, ada: Account) -> None:
    with shop_of(tls, node, ada, FLOW="code") as shop:
        shop.signs_in()
        profile = shop.read("/profile")
        assert profile.count(f'"email":"{ada.email}"') == 2
        assert shop.read("/renewed") == '{"renewed":true}'
        assert shop.opens("/logout").url.startswith(shop.url)
        assert not shop.is_signed_in()


def test_who_leaves_another_application_has_left_it_too(tls: Stack, node: Node, ada: Account) -> None:
    with shop_of(tls, node, ada) as shop:
        shop.signs_in()
        rp = RelyingParty(tls, register(tls))
        attempt = rp.attempt()
        tokens = rp.redeemed(attempt, shop.browser.open(attempt.url))
        page = shop.browser.open(rp.logout_url(id_token_hint=tokens.id_token, post_logout_redirect_uri=LOGGED_OUT))
        rp.close()
        assert page.address == LOGGED_OUT
        until(lambda: not shop.is_signed_in(), 15)
