"""The tenants that other services follow: a batch of facts leaves the rows that they leave one by one."""

import random
from typing import Any

import pytest

from libs.eventstore import Event, Projection
from libs.postgres import Database
from services.key_rotation import projections as key_rotation
from services.tenants.events import TenantDomainChanged, TenantOpened, TenantRegistered, TenantSettingsChanged
from services.token import projections as token
from tests.batches import difference


def some_fact(chance: random.Random) -> tuple[str, Event]:
    tenant, domain = f"t{chance.randrange(9)}", f"id{chance.randrange(99)}.example"
    settings: dict[str, Any] = {"allowed_signing_algs": chance.choice([["ES256"], None, ["RS256", "ES256"]])}
    settings |= {} if chance.random() < 0.5 else {"default_audience": chance.choice(["urn:it's", "", None])}
    kinds: tuple[Event, ...] = (
        TenantRegistered(name="N", domain=domain, scheme="https"),
        TenantDomainChanged(domain=domain, scheme="http"),
        TenantSettingsChanged(settings=settings),
        TenantOpened(),
    )
    return tenant, chance.choice(kinds)


@pytest.mark.parametrize("projection", [token.tenants(), key_rotation.tenants()], ids=["token", "key_rotation"])
@pytest.mark.parametrize("seed", range(3))
async def test_a_batch_of_facts_leaves_the_rows_that_they_leave_one_by_one(
    database: Database, projection: Projection, seed: int
) -> None:
    chance = random.Random(seed)
    happened = [some_fact(chance) for _ in range(250)]
    assert await difference(projection, database, happened, chance) == (9, 0)
