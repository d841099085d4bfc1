"""auth0-js, unmodified, in a real Chromium over `limen up --tls`: a pop-up that ends at its own callback, and silence.

Swagger UI and many others sign in by such a pop-up, which needs the window that opened it to the end.
"""

import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from playwright.sync_api import Page

from tests.chromium import chromium
from tests.relying_party import Account, account, public
from tests.stack import Stack

PAGE: Final = """<!doctype html><script src="/auth0.js"></script><script>
const client = new auth0.WebAuth({
  domain: "%s", clientID: "%s", redirectUri: location.origin + "/", responseType: "id_token", scope: "openid email",
});
const told = (ask) => new Promise((tell) => ask((error, said) => tell((error || said.idTokenPayload.email))));
if (window.opener && location.hash) client.popup.callback({ hash: location.hash });
</script>"""


@contextmanager
def served(folder: Path, certificates: Path) -> Iterator[str]:
    """A folder's files by https, as of an application of the same site."""
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "localhost.pem", certificates / "localhost.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"https://localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def page(tls: Stack, packages: Path, tmp_path: Path) -> Iterator[Page]:
    """The application's page."""
    shutil.copy(packages / "node_modules" / "auth0-js" / "dist" / "auth0.min.js", tmp_path / "auth0.js")
    with served(tmp_path, tls.data.tls) as url, chromium() as context:
        application = public(tls, callback=f"{url}/", app_type="spa", web_origins=[url])
        (tmp_path / "index.html").write_text(PAGE % (tls.env["LIMEN_DOMAIN"], application.client_id))
        tab = context.new_page()
        tab.goto(f"{url}/")
        yield tab


@pytest.fixture
def ada(tls: Stack) -> Account:
    return account(tls)


def test_auth0_js_signs_in_by_a_pop_up_and_then_silently(page: Page, ada: Account) -> None:
    nobody: Any = page.evaluate("() => told((done) => client.checkSession({}, done))")
    assert nobody["code"] == "login_required"
    with page.expect_popup() as opened:
        page.evaluate("() => { window.done = told((done) => client.popup.authorize({}, done)); }")
    fill(opened.value, ada)
    assert page.evaluate("() => window.done") == ada.email
    assert page.evaluate("() => told((done) => client.checkSession({}, done))") == ada.email


def fill(popup: Page, ada: Account) -> None:
    popup.locator("input[name=username]").fill(ada.email)
    popup.locator("button[name=action][value=default]").first.click()
    popup.locator("input[name=password]").fill(ada.password)
    popup.locator("button[name=action][value=default]").first.click()
