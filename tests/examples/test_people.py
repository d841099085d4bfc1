"""The quickstarts for applications that people sign in to, as a reader pastes and clicks them."""

from collections.abc import Iterator
from typing import Final

import pytest

from services.cli.embedded.ports import chosen
from tests.browser import Browser, browsing
from tests.examples.reader import Shell, blocks
from tests.mailbox import link
from tests.relying_party import PASSWORD, account
from tests.stack import ROOT, Stack, until

PAGES: Final = ROOT / "docs" / "quickstarts"


@pytest.fixture(scope="module")
def ports() -> dict[str, str]:
    return {name: str(chosen()) for name in ("WEB_PORT", "SPA_PORT", "API_PORT")}


@pytest.fixture(scope="module")
def registered(stack: Stack, ports: dict[str, str]) -> Iterator[Shell]:
    """Whoever has begun with the web application's page, as the others ask."""
    shell = Shell(stack, **ports)
    first = next(block for block in blocks(PAGES / "web-app.md") if not block.kind)
    said = shell.pastes(first.command)
    assert {line.partition("=")[0] for line in said.splitlines()} == {
        *("WEB_CLIENT_ID", "WEB_CLIENT_SECRET", "SPA_CLIENT_ID", "NATIVE_CLIENT_ID")
    }
    yield shell
    shell.leaves()


@pytest.fixture
def shell(registered: Shell) -> Iterator[Shell]:
    yield registered
    registered.leaves()


def background(page: str) -> str:
    return next(block.command for block in blocks(PAGES / page) if block.kind == "background")


def plain(page: str) -> list[str]:
    return [block.command for block in blocks(PAGES / page) if not block.kind]


def test_registering_again_registers_nothing(stack: Stack, registered: Shell) -> None:
    first = (stack.data.path / "examples.env").read_text()
    registered.pastes(plain("web-app.md")[0])
    assert (stack.data.path / "examples.env").read_text() == first
    assert (stack.data.path / "examples.env").stat().st_mode & 0o077 == 0


@pytest.fixture
def browser(stack: Stack, ports: dict[str, str]) -> Iterator[Browser]:
    with browsing(stack, f"http://localhost:{ports['WEB_PORT']}") as one:
        yield one


def test_somebody_signs_up_confirms_the_address_and_logs_out_everywhere(
    stack: Stack, shell: Shell, browser: Browser
) -> None:
    home = f"http://localhost:{shell.environ['WEB_PORT']}/"
    shell.starts(background("web-app.md"), home)
    assert "Nobody is signed in" in shell.pastes(plain("web-app.md")[1])
    email = "newcomer@example.com"
    page = browser.sign_up(browser.follow(browser.open(home), "Sign in"), email, PASSWORD)
    assert (page.url, page.status) == (home, 200), page
    assert f"Hello, <b>{email}</b>" in page.text or "Hello, <b>newcomer" in page.text
    verify = link(stack, email, "verify_email")
    assert email in shell.pastes(plain("web-app.md")[2])
    confirmed = browser.open(verify)
    confirmed = browser.submit(confirmed) if confirmed.forms else confirmed
    assert confirmed.status == 200, confirmed
    left = browser.follow(browser.open(home), "Log out everywhere")
    assert "Nobody is signed in" in left.text
    again = browser.follow(browser.open(home), "Sign in")
    assert again.asks_for("username", "email", "password"), again
    page = browser.sign_in(again, email, PASSWORD)
    assert "&#34;email_verified&#34;: true" in page.text or "&quot;email_verified&quot;: true" in page.text


def test_each_tab_comes_back_to_the_example_and_its_answer_is_good_once(
    stack: Stack, shell: Shell, browser: Browser
) -> None:
    home = f"http://localhost:{shell.environ['WEB_PORT']}/"
    shell.starts(background("web-app.md"), home)
    ada = account(stack)
    tabs = [browser.follow(browser.open(home), "Sign in") for _ in range(2)]
    pages = [browser.sign_in(tab, ada.email, ada.password) for tab in tabs]
    assert [(each.url, "Hello" in each.text) for each in pages] == [(home, True)] * 2, pages[0]
    callback = next(each.headers["location"] for each in pages[0].redirects if "code=" in each.headers["location"])
    again = browser.open(callback)
    assert (again.url, "Hello" in again.text) == (home, True), "somebody went back"
    with browsing(stack, home) as stranger:
        assert stranger.open(callback).status == 400
    with browsing(stack, home) as victim:
        victim.follow(victim.open(home), "Sign in")
        assert victim.open(callback).status == 400


def test_the_example_is_told_when_somebody_leaves_elsewhere(stack: Stack, shell: Shell, browser: Browser) -> None:
    home = f"http://localhost:{shell.environ['WEB_PORT']}/"
    shell.starts(background("web-app.md"), home)
    ada = account(stack)
    page = browser.sign_in(browser.follow(browser.open(home), "Sign in"), ada.email, ada.password)
    assert "Hello" in page.text
    left = browser.open("/oidc/logout")
    assert browser.submit(left).status == 200
    until(lambda: "Nobody is signed in" in browser.open(home).text, 15)


def test_the_single_page_application_is_served(shell: Shell) -> None:
    shell.environ["AUTH0_SPA_JS"] = str(ROOT / "examples" / "spa" / "app.js")  # any file; test_spa has the real one
    home = f"http://localhost:{shell.environ['SPA_PORT']}/"
    shell.starts(background("spa.md"), home)
    assert '"clientId"' in shell.pastes(plain("spa.md")[0])
    assert "single-page" in shell.pastes(f"curl -sS {home}")


def test_a_native_program_signs_somebody_in_through_a_loopback_port(stack: Stack, shell: Shell) -> None:
    command = next(block.command for block in blocks(PAGES / "native-app.md") if block.kind == "login")
    ada = account(stack)
    program = shell.starts(command)
    assert program.stdout is not None
    assert "Open this address" in program.stdout.readline()
    url = program.stdout.readline().strip()
    loopback = url.partition("redirect_uri=")[2].partition("&")[0].replace("%3A", ":").replace("%2F", "/")
    with browsing(stack, loopback) as browser:
        page = browser.sign_in(browser.open(url), ada.email, ada.password)
        assert "go back to the program" in page.text
    said = program.stdout.read()
    assert program.wait(20) == 0, said
    assert ada.email in said
    assert "renewed without asking again" in said


def test_a_native_application_may_come_back_by_its_own_scheme(stack: Stack, registered: Shell) -> None:
    client_id = registered.pastes("sed -n 's/NATIVE_CLIENT_ID=//p' .limen/examples.env").strip()
    ada = account(stack)
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    query = f"client_id={client_id}&redirect_uri=com.example.limen%3A%2Fcallback&response_type=code&scope=openid"
    with browsing(stack) as browser:
        page = browser.open(f"/authorize?{query}&state=s&code_challenge={challenge}&code_challenge_method=S256")
        landing = browser.sign_in(page, ada.email, ada.password)
    assert landing.address == "com.example.limen:/callback"
    assert landing.parameters["code"]


def test_the_backend_api_answers_as_its_page_says(shell: Shell) -> None:
    shell.starts(background("backend-api.md"), f"http://localhost:{shell.environ['API_PORT']}/")
    refused, answered = plain("backend-api.md")
    assert shell.pastes(refused) == "401\n"
    assert "threshold" in shell.pastes(answered)
