"""What happens when something is away in the middle of a login: the person reloads and goes on."""

import pytest

from libs.bus import Bus
from services.token.commands import IssueCode
from tests.conftest import MakeDatabase, OpenBus, OpenDatabase
from tests.services.login.conftest import MIGRATIONS
from tests.services.login.front import CALLBACK, Browser, Front


async def test_a_login_goes_on_in_another_process(front: Front, browser: Browser, open_bus: OpenBus) -> None:
    begun = await browser.authorize()
    assert (await browser.get(begun.location)).status == 200
    front.use(await Front.again(front, await open_bus()))
    answer = await browser.log_in(begun)
    assert answer.location.startswith(CALLBACK)
    front.use(await Front.again(front, await open_bus()))
    assert "code" in (await browser.authorize(prompt="none")).said


async def test_who_is_signed_in_gets_the_code_when_token_is_back(front: Front, browser: Browser) -> None:
    begun = await browser.authorize()
    front.token.is_away = True
    waiting = await browser.log_in(begun)
    assert waiting.location.startswith("/authorize/resume?state=")
    page = await browser.get(waiting.location)
    assert (page.status, page.header("retry-after")) == (503, "1")
    assert (await browser.authorize(prompt="none")).said["error"] == "temporarily_unavailable"
    front.token.is_away = False
    answer = await browser.get(waiting.location)
    assert "code" in answer.said
    assert len(await front.events("login.session_started")) == 1


async def test_a_repeated_answer_has_the_same_code(front: Front, browser: Browser) -> None:
    begun = await browser.authorize()
    asked: list[IssueCode] = []
    front.token.heard = asked.append
    await browser.log_in(begun)
    await browser.log_in(begun)
    assert len({each.transaction for each in asked}) == 1


@pytest.mark.security("LG-16")
async def test_there_is_no_session_without_its_transaction(
    make_database: MakeDatabase, open_database: OpenDatabase, bus: Bus
) -> None:
    addresses = await make_database(login=MIGRATIONS)
    front = await Front.opened(await open_database(addresses.of["login"], "login"), bus)
    browser = front.browser()
    begun = await browser.authorize()
    await front.run("ALTER TABLE transactions ADD CONSTRAINT never CHECK (person IS NULL)")
    assert (await browser.log_in(begun)).status == 500
    assert browser.session is None
    assert not await front.events("login.session_started")
    assert not await front.events("login.login_succeeded")
    async with front.database.connection() as rows:
        assert await rows.fetchval("SELECT count(*) FROM sessions") == 0
