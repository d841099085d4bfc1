"""`/api/v2/tenants/settings` over a real bus and a real database."""

import asyncio
import json
from time import monotonic
from typing import Any

import msgspec
import pytest

from libs.edge.asks import AskRefused, ask
from libs.eventstore.applied import SETTLES_WITHIN, Word
from libs.eventstore.names import applied_of
from libs.eventstore.verify import folds
from libs.runtime.clock import wall
from services.tenants.commands import (
    ListTenants,
    MoveTenant,
    ReadTenant,
    Registered,
    RegisterTenant,
    TenantAnswer,
    TenantsAnswer,
)
from services.tenants.events import CATALOGUE
from services.tenants.rows import FOLD
from tests.services.world import World

PATH = "/api/v2/tenants/settings"
SLOW = "crawler:counts_v1"
"""A follower that lags as long as the test likes."""


async def changed(world: World, settings: Any, **how: Any) -> Any:
    return await world.management("tenants", "PATCH", PATH, settings, **how)


async def test_a_tenant_that_changed_nothing_has_the_defaults(world: World) -> None:
    answer = await world.management("tenants", "GET", PATH)
    assert answer.status == 200
    assert answer.body["allowed_signing_algs"] == ["RS256"]
    assert answer.body["session_lifetime"] == 168
    assert answer.body["flags"]["enable_sso"] is True
    assert answer.headers["cache-control"] == "no-store"


async def test_a_change_is_answered_read_and_in_the_log_once(world: World) -> None:
    before = len(await world.facts("tenants", "acme"))
    answer = await changed(world, {"friendly_name": "Acme", "session_lifetime_in_minutes": 90})
    assert (answer.status, answer.body["friendly_name"], answer.body["session_lifetime"]) == (200, "Acme", 1.5)
    assert (await changed(world, {"friendly_name": "Acme"})).status == 200
    assert (await world.management("tenants", "GET", PATH)).body == answer.body
    fact = (await world.facts("tenants", "acme"))[before:]
    assert [each["type"] for each in fact] == ["tenants.tenant_settings_changed"]
    meta = json.loads(fact[0]["meta"])
    assert meta["actor"] == {"kind": "client", "id": "app"}
    assert meta["request_id"]


@pytest.mark.parametrize("prefer", ["wait=0", 'respond-async, WAIT = "0"; x=1', "wait=0, wait=3"])
async def test_who_has_no_patience_is_answered_at_once_and_told_who_lags(world: World, prefer: str) -> None:
    await says(world, 1, 0)
    answer = await changed(world, {"friendly_name": prefer}, prefer=prefer)
    assert SLOW in answer.headers["limen-not-yet-applied"]
    await says(world, 1, 10**9)


@pytest.mark.parametrize("prefer", ["wait=3", "handling=strict,wait=999999999"])
async def test_who_prefers_to_wait_is_answered_when_a_slow_service_has_heard(world: World, prefer: str) -> None:
    await says(world, 1, 0)
    asking = asyncio.ensure_future(changed(world, {"friendly_name": prefer}, prefer=prefer))
    await asyncio.sleep(2 * SETTLES_WITHIN)
    assert not asking.done()
    await says(world, 1, 10**9)
    assert "limen-not-yet-applied" not in (await asking).headers


@pytest.mark.parametrize("prefer", [None, "wait", "wait=-1", "wait=1.5", "await=0", "wait=0x0", "wait=9999999999"])
async def test_what_is_no_preference_to_wait_changes_nothing(world: World, prefer: str | None) -> None:
    await says(world, 1, 0)
    began = monotonic()
    answer = await changed(world, {"friendly_name": str(prefer)}, prefer=prefer)
    assert monotonic() - began >= SETTLES_WITHIN
    assert answer.headers["limen-not-yet-applied"] == SLOW
    await says(world, 1, 10**9)


async def says(world: World, epoch: int, pos: int) -> None:
    """A follower of the tenants' facts says how far it is."""
    await world.bus.publish(applied_of("tenants", "facts"), msgspec.msgpack.encode(Word(SLOW, epoch, pos)))
    await world.bus.flush()


async def test_fields_are_chosen_and_left_out(world: World) -> None:
    chosen = await world.management("tenants", "GET", PATH, query="fields=friendly_name,flags")
    assert set(chosen.body) == {"friendly_name", "flags"}
    without = await world.management("tenants", "GET", PATH, query="fields=flags&include_fields=false")
    assert "flags" not in without.body
    assert "friendly_name" in without.body


NONSENSE: list[Any] = [
    {"nonsense": 1},
    {"allowed_signing_algs": ["ES256"]},
    {"allowed_signing_algs": ["RS256", "HS256"]},
    {"allowed_signing_algs": ["RS256", "RS512"]},
    {"allowed_signing_algs": ["RS256", "RS256"]},
    {"allowed_signing_algs": []},
    {"session_lifetime": "long"},
    {"session_lifetime": 0},
    {"flags": {"unheard_of": True}},
    {"flags": None},
    {"sandbox_versions_available": ["1"]},
    {"picture_url": "javascript:alert(1)"},
    {"friendly_name": "Acme\r\nBcc: all@acme.example"},
    {"friendly_name": "\u202eemca"},
    {"support_email": "a@acme.example,b@acme.example"},
    {"support_email": "=?utf-8?q?admin?=@acme.example"},
    {"picture_url": "https://127.0.0.1/logo.png"},
    {"default_redirection_uri": "http://app.example/"},
    {"allowed_logout_urls": ["https://app.example/bye", "http://app.example/bye"]},
    {"enabled_locales": ["../../etc"]},
    [],
]


async def test_what_makes_no_sense_is_refused(world: World) -> None:
    token = await world.token("acme")
    for settings in NONSENSE:
        answer = await changed(world, settings, token=token)
        assert answer.status == 400, settings
        assert answer.body["statusCode"] == 400
        assert "Payload validation error" in answer.body["message"]


async def test_urls_are_kept_as_they_came_and_may_be_empty(world: World) -> None:
    urls = dict.fromkeys(("picture_url", "support_url", "default_redirection_uri"), "https://app.example/a?b=c")
    logout = {"allowed_logout_urls": ["https://app.example/bye", "http://localhost:3000"]}
    for settings in (urls | logout, dict.fromkeys(urls, ""), {"error_page": {"html": "", "url": ""}}):
        answer = await changed(world, settings)
        assert answer.status == 200
        assert settings.items() <= answer.body.items()


async def test_a_removed_setting_is_its_default_again(world: World) -> None:
    await changed(world, {"allowed_signing_algs": ["RS256", "ES256"]})
    answer = await changed(world, {"allowed_signing_algs": None})
    assert answer.body["allowed_signing_algs"] == ["RS256"]


async def test_when_an_algorithm_is_allowed_its_key_can_be_used(world: World) -> None:
    for alg in ("ES256", "PS256"):
        answer = await changed(world, {"allowed_signing_algs": ["RS256", alg]})
        assert answer.status == 200
        assert "limen-not-yet-applied" not in answer.headers
        assert (await world.signer("acme", alg)).alg == alg


@pytest.mark.security("AD-01")
async def test_settings_are_for_those_with_the_scope_in_a_token_of_this_tenant(world: World) -> None:
    reader = await world.token("acme", scope="read:tenant_settings")
    stranger = await world.token("other")
    cases = [("", 401), ("nonsense", 401), (stranger, 401), (reader, 403), (await world.token("acme", scope="x"), 403)]
    for token, status in cases:
        answer = await changed(world, {"friendly_name": "stolen"}, token=token)
        assert answer.status == status, (token, answer)
    expired = await world.token("acme", exp=int(wall()) - 60)
    elsewhere = await world.token("acme", aud="https://api.acme.example/")
    for token in (expired, elsewhere):
        assert (await world.management("tenants", "GET", PATH, token=token)).status == 401
    assert (await world.management("tenants", "GET", PATH, token=reader)).body["friendly_name"] == ""


@pytest.mark.security("AD-12")
async def test_two_changes_at_once_are_both_kept(world: World) -> None:
    token = await world.token("acme")
    answers = await asyncio.gather(
        changed(world, {"friendly_name": "a"}, token=token),
        changed(world, {"support_email": "a@b.example"}, token=token),
    )
    assert [answer.status for answer in answers] == [200, 200]
    body = (await world.management("tenants", "GET", PATH)).body
    assert (body["friendly_name"], body["support_email"]) == ("a", "a@b.example")


async def test_asks_are_idempotent_and_refuse_in_words(world: World) -> None:
    command = RegisterTenant(tenant="acme", name="acme", domain="id.acme.example", scheme="https")
    assert await ask(world.bus, "tenants", "register", command, Registered) == Registered(tenant="acme", is_open=True)
    taken = MoveTenant(tenant="acme", domain="id.other.example", scheme="https")
    with pytest.raises(AskRefused, match="another tenant"):
        await ask(world.bus, "tenants", "move", taken, Registered)
    with pytest.raises(AskRefused, match="no tenant"):
        await ask(world.bus, "tenants", "read", ReadTenant(tenant="nobody"), TenantAnswer)
    listed = await ask(world.bus, "tenants", "list", ListTenants(), TenantsAnswer)
    assert [each.tenant for each in listed.tenants] == ["acme", "other"]


async def test_two_tenants_that_want_one_domain_at_once_do_not_both_get_it(world: World) -> None:
    commands = [RegisterTenant(tenant=f"t{n}", name="t", domain="one.example", scheme="https") for n in range(5)]
    made = await asyncio.gather(
        *(ask(world.bus, "tenants", "register", command, Registered) for command in commands), return_exceptions=True
    )
    assert sum(isinstance(each, Registered) for each in made) == 1
    assert all(isinstance(each, Registered | AskRefused) for each in made), made


async def test_a_tenant_waits_for_its_parts_and_says_for_which(world: World) -> None:
    command = RegisterTenant(tenant="new", name="new", domain="new.example", scheme="http")
    assert not (await ask(world.bus, "tenants", "register", command, Registered)).is_open
    world.hosts["new"] = "new.example"
    answer = await ask(world.bus, "tenants", "read", ReadTenant(tenant="new"), TenantAnswer)
    assert "token" in answer.waiting_for
    await world.tenant("new2", "new2.example")


async def test_the_row_is_what_the_facts_fold_to(world: World) -> None:
    await changed(world, {"friendly_name": "Acme", "flags": {"enable_sso": False}})
    await changed(world, {"friendly_name": None, "flags": {"universal_login": False}})
    token = await world.token("acme")
    await ask(world.bus, "tenants", "move", MoveTenant(tenant="acme", domain="a.example:8443"), Registered)
    assert (await changed(world, {"friendly_name": "x"}, token=token)).status in {200, 401}
    async with world.database("tenants") as database, database.connection() as rows, rows.transaction():
        assert await folds(rows, CATALOGUE, FOLD) == (2, [])
        await rows.execute("UPDATE tenants SET name = 'forged' WHERE tenant = 'acme'")
        assert "forged" in (await folds(rows, CATALOGUE, FOLD))[1][0]
