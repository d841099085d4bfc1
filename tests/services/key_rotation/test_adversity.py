"""Rotation when the ground shakes: Postgres killed at any step, two replicas at once, a leader cut off mid-way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from libs.edge.asks import AskRefused, ask
from libs.jose import current
from libs.runtime.clock import Clock
from libs.runtime.errors import Unavailable
from services.key_rotation.commands import Rotated, RotateKey
from services.key_rotation.events import CATALOGUE
from services.key_rotation.rows import keys_of
from services.key_rotation.rules.signing_keys import Keys, evolve
from tests.conftest import MakeDatabase, eventually
from tests.servers import NatsServer, PostgresServer
from tests.services.world import SCHEMAS, World


@pytest.fixture
async def world(make_database: MakeDatabase, nats: NatsServer) -> AsyncIterator[World]:
    async with World(await make_database(**SCHEMAS), nats.url) as one:
        await one.tenant("acme", "id.acme.example")
        yield one


async def rotated(world: World, times: int) -> list[str]:
    """The kids of rotations that were answered; those that failed say that they are unavailable, nothing else."""
    answered = []
    for _ in range(times):
        with suppress(Unavailable):
            answer = await ask(world.bus, "key_rotation", "rotate", RotateKey(tenant="acme"), Rotated, timeout=3)
            answered.append(answer.kid)
    return answered


async def stored(world: World) -> tuple[Keys, Keys]:
    """The keys as the facts fold, and as the rows say."""
    state = Keys()
    for fact in await world.facts("key_rotation", "acme"):
        event = CATALOGUE.decode(fact["type"], fact["data"])
        assert event is not None
        state = evolve(state, event)
    async with world.database("key_rotation") as database, database.connection() as rows:
        return state, await keys_of(rows, "acme")


@pytest.mark.security("KY-05")
async def test_postgres_killed_amid_rotations_leaves_one_current_key_and_loses_no_answer(
    world: World, postgres: PostgresServer
) -> None:
    rotating = [asyncio.create_task(rotated(world, 6)) for _ in range(2)]
    await asyncio.sleep(0.4)
    postgres.kill()
    await postgres.back()
    answered = {kid for kids in await asyncio.gather(*rotating) for kid in kids}
    assert await rotated(world, 5), "it serves again without being touched"
    folded, rows = await stored(world)
    assert set(folded.keys) == set(rows.keys)
    assert answered <= {key.kid for key in folded.keys}
    now = Clock().now()
    assert current((key.scheduled for key in folded.keys), "RS256", now) is not None
    assert len({key.active_from for key in folded.line("RS256")}) == len(folded.line("RS256"))
    assert (await world.signer("acme")).alg == "RS256"


@pytest.mark.security("KY-05")
async def test_a_round_cut_off_at_any_moment_is_completed_by_the_next(world: World) -> None:
    async with world.database("key_rotation") as database, database.connection() as rows:
        await rows.execute("DELETE FROM signing_keys WHERE active_from > now()")
        before = len(await world.facts("key_rotation", "acme"))
        for delay in (0.0, 0.002, 0.01, 0.05, 0.1):
            making = await world.making()
            cut = asyncio.create_task(making.one_round())
            await asyncio.sleep(delay)
            cut.cancel()
            await asyncio.wait([cut])
        await eventually(lambda: _is_announced(world), within=5)
        assert len(await world.facts("key_rotation", "acme")) == before + 1
        found = await keys_of(rows, "acme")
        assert len(found.line("RS256")) == 2


async def _is_announced(world: World) -> bool:
    _, rows = await stored(world)
    now = Clock().now()
    return any(key.active_from > now for key in rows.line("RS256"))


async def test_a_second_replica_starts_beside_the_first_and_both_answer(world: World) -> None:
    async with World(world.addresses, world.nats_url, services=("key_rotation",)) as second:
        questions = [ask(second.bus, "key_rotation", "rotate", RotateKey(tenant="acme"), Rotated, timeout=5)]
        questions += [ask(world.bus, "key_rotation", "rotate", RotateKey(tenant="acme"), Rotated, timeout=5)]
        answers = await asyncio.gather(*questions)
        assert len({answer.kid for answer in answers}) == 2
        with pytest.raises(AskRefused):
            await ask(second.bus, "key_rotation", "rotate", RotateKey(tenant="nobody"), Rotated)
    assert len((await stored(world))[1].keys) == 4
