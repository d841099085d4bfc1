import asyncio
from datetime import timedelta

import pytest

from libs.edge.wire import Reply
from libs.jose import FollowedKeys
from libs.runtime.errors import Unavailable
from services.gateway.projections.discovery import PATHS, RETRY_SECONDS, SETTLING_SECONDS, Discovery
from services.gateway.projections.keys import Document, Keys
from services.key_rotation import events as keys
from services.key_rotation.events import SigningKeyRevoked
from services.tenants.events import TenantSettingsChanged
from tests.services.gateway.conftest import DISCOVERY, JWKS, KEY, World, until, until_asked


@pytest.mark.security("KY-01")
async def test_the_jwks_is_served_from_memory_and_can_be_kept(world: World) -> None:
    answer = await world.ask("GET", JWKS)
    assert answer.json == {"keys": [KEY.jwk]}
    assert answer.headers["cache-control"] == "public, max-age=600"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    again = await world.ask("GET", JWKS, headers={"If-None-Match": f'W/"x", {answer.headers["etag"]}'})
    assert (again.status, again.body) == (304, b"")
    head = await world.ask("HEAD", JWKS)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(answer.body)))


async def test_a_revoked_key_leaves_the_jwks_at_once(world: World) -> None:
    await world.say("default", SigningKeyRevoked(kid=KEY.kid))

    async def is_gone() -> bool:
        return (await world.ask("GET", JWKS)).body == b'{"keys":[]}'

    await until_asked(is_gone, within=2)


async def test_the_gateway_is_unready_before_it_has_hosts_keys_and_origins(empty: World) -> None:
    await empty.start()
    assert set(empty.readiness.missing()) == {"follows tenants", "follows key_rotation", "follows token"}
    assert (await empty.ask("GET", JWKS)).status == 503
    await empty.open_logs()
    await empty.ready()
    assert (await empty.ask("GET", JWKS)).status == 421


async def test_discovery_is_fetched_in_advance_and_outlives_token(world: World) -> None:
    await until(lambda: {each.path for each in world.echo.asked} == set(PATHS))
    asked = world.echo.asked[-1]
    assert (asked.method, asked.authority, asked.tenant) == ("GET", "id.example.com", "default")
    await world.servings.pop(0).drain(within=1)
    answer = await world.ask("GET", DISCOVERY)
    assert answer.json["path"] == DISCOVERY
    assert "etag" in answer.headers
    assert answer.headers["access-control-allow-origin"] == "*"
    assert (await world.ask("GET", DISCOVERY, headers={"If-None-Match": answer.headers["etag"]})).status == 304


async def test_a_changed_setting_shows_at_once(world: World) -> None:
    assert (await world.ask("GET", DISCOVERY)).json["path"] == DISCOVERY
    world.echo.reply = Reply(1, 200, [], b'{"issuer":"new"}')
    await world.say("default", TenantSettingsChanged(settings={}))

    async def is_new() -> bool:
        return (await world.ask("GET", DISCOVERY)).body == b'{"issuer":"new"}'

    await until_asked(is_new, within=1)


class Token:
    """What answers discovery in these tests, and the clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked = 0
        self.is_away = False

    async def __call__(self, tenant: str, path: str) -> Document:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise Unavailable(tenant)
        return Document(f"{path} {self.now}".encode(), "etag")

    def clock(self) -> float:
        return self.now


async def test_what_is_fresh_is_not_asked_again_and_what_is_stale_serves_for_an_hour() -> None:
    token = Token()
    discovery = Discovery(token, token.clock)
    first = await discovery.document("a", "/x")
    token.now += 59
    assert await discovery.document("a", "/x") == first
    assert token.asked == 1
    token.now += 2
    assert await discovery.document("a", "/x") != first
    token.is_away = True
    token.now += 3599
    assert (await discovery.document("a", "/x")).body == b"/x 1061.0"
    token.now += 2
    with pytest.raises(Unavailable):
        await discovery.document("a", "/x")


async def test_readers_at_once_ask_once() -> None:
    token = Token()
    discovery = Discovery(token, token.clock)
    await asyncio.gather(*(discovery.document("a", "/x") for _ in range(50)))
    assert token.asked == 1


async def test_after_a_fact_token_gets_a_moment_to_hear_it_too() -> None:
    token = Token()
    discovery = Discovery(token, token.clock)
    await discovery.document("a", "/x")
    discovery.heard("a")
    await discovery.document("a", "/x")
    await discovery.document("a", "/x")
    assert token.asked == 3
    token.now += SETTLING_SECONDS
    await discovery.document("a", "/x")
    assert token.asked == 3


async def test_while_token_is_silent_what_is_remembered_serves_without_waiting() -> None:
    token = Token()
    discovery = Discovery(token, token.clock)
    await discovery.document("a", "/x")
    token.now += 100
    token.is_away = True
    for _ in range(10):
        assert (await discovery.document("a", "/x")).body == b"/x 1000.0"
    assert token.asked == 2
    token.now += RETRY_SECONDS
    token.is_away = False
    assert (await discovery.document("a", "/x")).body == b"/x 1100.5"


async def test_what_was_heard_of_is_asked_in_advance_again_when_settled_and_then_left_alone() -> None:
    discovery = Discovery(token := Token(), token.clock)
    keeping = asyncio.create_task(discovery.keep())
    discovery.heard("a")
    await until(lambda: token.asked == 2)
    token.now += SETTLING_SECONDS
    discovery.heard("b")
    await until(lambda: token.asked == 6)
    token.now += SETTLING_SECONDS
    discovery.heard("c")
    await until(lambda: token.asked == 10)
    assert keeping.cancel()


async def test_keys_that_are_older_than_an_hour_are_not_shown() -> None:
    followed = FollowedKeys(
        published=keys.SigningKeyPublished, scheduled=keys.SigningKeyScheduled, revoked=keys.SigningKeyRevoked
    )
    shown = Keys(followed, timedelta(minutes=10), lambda: 1000.0)
    assert shown.document("a", silent_for=3599).body == b'{"keys":[]}'
    with pytest.raises(Unavailable):
        shown.document("a", silent_for=3601)
