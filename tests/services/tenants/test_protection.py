"""`/api/v2/attack-protection`: what protects people from guessing is a setting, over a real bus and database."""

from typing import Any

import pytest
import pytest_asyncio

from libs.eventstore.verify import folds
from services.tenants.commands import PROTECTION
from services.tenants.events import CATALOGUE
from services.tenants.rows import FOLD
from tests.services.world import Answer, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

BRUTE_FORCE = "brute-force-protection"
SUSPICIOUS_IP = "suspicious-ip-throttling"


@pytest_asyncio.fixture(loop_scope="module")
async def world(shared_world: World) -> World:
    """One for all, with a tenant of this test's own."""
    shared_world.acme = f"acme{len(shared_world.hosts)}"
    await shared_world.tenant(shared_world.acme, f"id.{shared_world.acme}.example")
    return shared_world


async def read(world: World, shield: str) -> Any:
    answer = await world.management("tenants", "GET", f"/api/v2/attack-protection/{shield}")
    assert answer.status == 200
    return answer.body


async def changed(world: World, shield: str, body: Any) -> Answer:
    return await world.management("tenants", "PATCH", f"/api/v2/attack-protection/{shield}", body)


async def test_a_tenant_that_changed_nothing_is_protected_as_at_auth0(world: World) -> None:
    assert await read(world, BRUTE_FORCE) == {
        "enabled": True,
        "shields": ["block", "user_notification"],
        "mode": "count_per_identifier_and_ip",
        "allowlist": [],
        "max_attempts": 10,
    }
    throttling = await read(world, SUSPICIOUS_IP)
    assert (throttling["enabled"], throttling["shields"], throttling["allowlist"]) == (True, ["block"], [])
    assert throttling["stage"]["pre-login"] == {"max_attempts": 100, "rate": 864_000}
    assert throttling["stage"]["pre-user-registration"] == {"max_attempts": 50, "rate": 1200}


async def test_what_is_changed_is_read_and_what_is_not_named_stays(world: World) -> None:
    said = {"max_attempts": 3, "mode": "count_per_identifier", "allowlist": ["192.0.2.7", "2001:db8::/32"]}
    assert (await changed(world, BRUTE_FORCE, said)).body == {**PROTECTION["brute_force_protection"], **said}
    assert (await changed(world, BRUTE_FORCE, {"enabled": False})).body["max_attempts"] == 3
    stage = {"pre-login": {"max_attempts": 7}}
    answer = await changed(world, SUSPICIOUS_IP, {"stage": stage, "shields": ["admin_notification", "block"]})
    assert answer.body["stage"]["pre-login"] == {"max_attempts": 7, "rate": 864_000}
    answer = await changed(world, SUSPICIOUS_IP, {"stage": {"pre-login": {"rate": 5000}}})
    assert answer.body["stage"]["pre-login"] == {"max_attempts": 7, "rate": 5000}
    assert answer.body["stage"]["pre-user-registration"] == {"max_attempts": 50, "rate": 1200}
    assert await read(world, SUSPICIOUS_IP) == answer.body
    for shield in (BRUTE_FORCE, SUSPICIOUS_IP):
        whole = await read(world, shield)
        told = await changed(world, shield, whole)
        assert (told.status, told.body) == (200, whole), "what a tool has exported it may import"
        other = await world.management("tenants", "GET", f"/api/v2/attack-protection/{shield}", tenant="other")
        assert other.body == PROTECTION[shield.replace("-", "_")]


@pytest.mark.security("LG-04")
async def test_what_would_be_no_bound_or_has_no_meaning_is_refused(world: World) -> None:
    brute_force: tuple[Any, ...] = (
        {"max_attempts": 0}, {"max_attempts": 101}, {"max_attempts": "10"}, {"mode": "count"}, {"shields": ["all"]},
        {"shields": ["block", "block"]}, {"shields": ["admin_notification"]}, {"allowlist": ["corp.example"]},
        {"allowlist": ["192.0.2.0/33"]}, {"allowlist": ["fe80::1%eth0"]}, {"allowlist": ["1.2.3.4"] * 2},
        {"allowlist": [f"192.0.2.{number}" for number in range(101)]}, {"enabled": None}, {"enable": True}, [],
    )  # fmt: skip
    for wrong in brute_force:
        assert (await changed(world, BRUTE_FORCE, wrong)).status == 400, wrong
    for stage in (
        {"max_attempts": 0}, {"max_attempts": 901}, {"rate": 999}, {"rate": 86_400_001}, {"rate": 1.5}, {"most": 1},
    ):  # fmt: skip
        for name in PROTECTION["suspicious_ip_throttling"]["stage"]:
            assert (await changed(world, SUSPICIOUS_IP, {"stage": {name: stage}})).status == 400, stage
    others: tuple[Any, ...] = ({"stage": {"pre-logout": {}}}, {"shields": ["user_notification"]}, {"mode": "all"})
    for other in others:
        assert (await changed(world, SUSPICIOUS_IP, other)).status == 400, other
    assert await read(world, BRUTE_FORCE) == PROTECTION["brute_force_protection"]


async def test_a_scope_opens_each_route(world: World) -> None:
    token = await world.token(world.acme, scope="read:attack_protection")
    path = f"/api/v2/attack-protection/{BRUTE_FORCE}"
    assert (await world.management("tenants", "GET", path, token=token)).status == 200
    assert (await world.management("tenants", "PATCH", path, {"enabled": True}, token=token)).status == 403


async def test_what_changes_nothing_is_no_fact_and_the_row_is_what_the_facts_fold_to(world: World) -> None:
    before = len(await world.facts("tenants", world.acme))
    for _ in range(2):
        await changed(world, BRUTE_FORCE, {"max_attempts": 10, "shields": ["block", "user_notification"]})
        await changed(world, SUSPICIOUS_IP, {"stage": {"pre-login": {"max_attempts": 9}}})
    facts = await world.facts("tenants", world.acme)
    assert [each["type"] for each in facts[before:]] == ["tenants.tenant_protection_changed"]
    async with world.database("tenants") as database, database.connection() as rows, rows.transaction():
        assert await folds(rows, CATALOGUE, FOLD) == (len(world.hosts), [])
