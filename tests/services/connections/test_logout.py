"""Telling applications of a logout: only what the standard says, retried, each address once."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import MakeDatabase, eventually
from tests.doubles.receiver import receiver
from tests.servers import NatsServer, PostgresServer
from tests.services.connections.house import House, house, shared_house

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = {"LIMEN_OUTGOING_NETWORKS": "127.0.0.0/8"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def the_house(postgres_process: PostgresServer) -> AsyncIterator[House]:
    async with shared_house(postgres_process, **HERE) as one:
        yield one


@pytest.mark.security("OI-13")
async def test_a_logout_is_tried_with_a_fresh_token_until_it_is_taken(home: House) -> None:
    async with receiver() as one, receiver() as two:
        one.answers = ["500 Oh no", "400 Bad", f"302 Found\r\nlocation: {two.url('/elsewhere')}"]
        asked = await home.tokens_for(one.url(), two.url())
        for _ in range(2):
            await home.logout(id="l1")
        await home.ended("logout_delivered")
        assert [form["logout_token"] for form in one.forms] == [["token 1"], ["token 2"], ["token 3"], ["token 4"]]
        assert two.forms == [{"logout_token": ["token 1"]}]
        assert [each.jti for each in asked] == ["l1"] * 4
        assert {(each.client_id, each.sub, each.session_id) for each in asked} == {("app1", "auth0|1", "s1")}
        assert one.paths[0] == "POST /logout HTTP/1.1"
        headers = one.headers[0]
        assert headers["content-type"] == "application/x-www-form-urlencoded"
        assert not {"cookie", "authorization"} & headers.keys()
        (row,) = await home.deliveries()
        assert row["payload"] is None
        await home.logout(id="l1")
        assert len(await home.deliveries()) == 1


@pytest.mark.security("OI-13")
async def test_a_logout_is_given_up_after_its_tries_and_waits_while_token_is_away(
    make_database: MakeDatabase, nats: NatsServer
) -> None:
    environ = HERE | {"LIMEN_DELIVERY_ATTEMPTS": "4"}
    async with receiver() as one, house(make_database, nats.url, **environ) as home:
        await home.logout(id="early")
        await eventually(lambda: _has_tried(home))
        one.answers = ["500 No"] * 100
        await home.tokens_for(one.url())
        await home.ended("logout_undelivered")
        ((_, data),) = await home.happened()
        assert "answered 500" in str(data)


async def _has_tried(home: House) -> bool:
    return any(row["attempts"] for row in await home.deliveries())


async def test_an_answer_that_never_ends_does_not_hold_a_worker(home: House) -> None:
    async with receiver() as one:
        one.answers = ["endless"]
        await home.tokens_for(one.url())
        await home.logout()
        await home.ended("logout_delivered")


@pytest.mark.security("SF-01", "SF-02")
async def test_nobody_in_the_house_is_told(make_database: MakeDatabase, nats: NatsServer) -> None:
    async with receiver() as canary, house(make_database, nats.url) as home:
        port = canary.port
        urls = [
            *(f"http://127.0.0.1:{port}/", f"http://[::1]:{port}/", f"https://localhost:{port}/"),
            *(f"https://0.0.0.0:{port}/", f"https://2130706433:{port}/", f"https://127.1:{port}/"),
            *(f"https://[::ffff:127.0.0.1]:{port}/", f"https://[64:ff9b::7f00:1]:{port}/", f"http://localhost:{port}/"),
            *("https://169.254.169.254/", f"https://user@127.0.0.1:{port}/", "file:///etc/passwd", "gopher://x/", ""),
        ]
        await home.tokens_for(*urls)
        await home.logout()
        await home.ended("logout_undelivered")
        ((_, data),) = await home.happened()
        assert re.search("its address is refused", str(data))
        assert canary.connections == 0
