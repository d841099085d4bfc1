"""Connections: translated errors, bounded waits, and the one outcome nobody can know."""

import asyncio
import time
from contextlib import suppress

import asyncpg
import pytest

from libs.postgres import AlreadyThere, Database, DatabaseAway, OutcomeUnknown
from libs.postgres.errors import NothingCommitted
from tests.conftest import SCHEMA, OpenDatabase
from tests.doubles.wire import wire_to
from tests.servers import Addresses, PostgresServer

MOVE = "UPDATE head SET pos = pos + 1 WHERE log = 'facts'"


async def position(database: Database) -> int:
    async with database.connection() as rows:
        found: int = await rows.fetchval("SELECT pos FROM head WHERE log = 'facts'")
    return found


async def test_a_transaction_is_committed_when_its_block_ends_well(database: Database) -> None:
    async with database.transaction() as rows:
        await rows.execute(MOVE)
    assert await position(database) == 1


async def test_a_transaction_is_rolled_back_when_its_block_fails(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with database.transaction() as rows:
            await rows.execute(MOVE)
            raise ZeroDivisionError
    assert await position(database) == 0


async def test_a_taken_key_is_named(database: Database) -> None:
    with pytest.raises(AlreadyThere) as refusal:
        async with database.transaction() as rows:
            await rows.execute("INSERT INTO head (log) VALUES ('facts')")
    assert refusal.value.constraint == "head_pkey"


async def test_a_swallowed_error_is_no_commit(database: Database) -> None:
    with pytest.raises(NothingCommitted):  # noqa: PT012
        async with database.transaction() as rows:
            await rows.execute(MOVE)
            with suppress(asyncpg.DivisionByZeroError):  # the mistake itself
                await rows.execute("SELECT 1 / 0")
    assert await position(database) == 0


async def test_a_wrong_argument_is_not_taken_for_an_absent_database(database: Database) -> None:
    with pytest.raises(asyncpg.DataError):
        async with database.connection() as rows:
            await rows.fetchval("SELECT $1::int", "seven")


@pytest.mark.parametrize("heard", [False, True])
async def test_a_cut_at_commit_leaves_the_outcome_unknown(
    addresses: Addresses, open_database: OpenDatabase, database: Database, *, heard: bool
) -> None:
    async with wire_to(addresses.of[SCHEMA]) as wire:
        through = await open_database(wire.url(addresses.of[SCHEMA]))
        wire.cut_at(b"COMMIT\0", heard=heard)
        with pytest.raises(OutcomeUnknown):
            async with through.transaction() as rows:
                await rows.execute(MOVE)
        assert await position(database) == int(heard)


async def test_a_cut_before_commit_is_known_to_have_done_nothing(
    addresses: Addresses, open_database: OpenDatabase, database: Database
) -> None:
    async with wire_to(addresses.of[SCHEMA]) as wire:
        through = await open_database(wire.url(addresses.of[SCHEMA]))
        wire.cut_at(b"pos + 1")
        with pytest.raises(DatabaseAway) as away:
            async with through.transaction() as rows:
                await rows.execute(MOVE)
        assert not isinstance(away.value, OutcomeUnknown)
        assert await position(database) == 0
        assert await position(through) == 0, "the pool has forgotten the dead connection"


async def test_a_full_pool_says_so_in_time(database: Database) -> None:
    began = time.monotonic()

    async def hold() -> None:
        async with database.connection():
            await asyncio.sleep(3)

    holders = [asyncio.ensure_future(hold()) for _ in range(6)]
    await asyncio.sleep(0.3)
    with pytest.raises(DatabaseAway):
        async with database.connection():
            pass
    assert time.monotonic() - began < 3
    for holder in holders:
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)


async def asked_until_it_fails(database: Database) -> None:
    """A backend may answer for a moment longer than its postmaster lives."""
    async with asyncio.timeout(5):
        while True:
            await position(database)


async def test_a_killed_database_is_away_and_then_back(database: Database, postgres: PostgresServer) -> None:
    assert await position(database) == 0
    postgres.kill()
    with pytest.raises(DatabaseAway):
        await asked_until_it_fails(database)
    await postgres.back()
    assert await position(database) == 0


PLANNED_AT = """
CREATE FUNCTION planned_at() RETURNS float8 IMMUTABLE LANGUAGE sql AS $$ SELECT extract(epoch FROM clock_timestamp()) $$
"""
"""What is immutable is computed when a statement is planned, and not again while its plan is kept."""


async def test_a_plan_is_kept_for_a_while_and_then_made_anew(
    addresses: Addresses, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.postgres.database.PLANNED_ANEW_AFTER", 1)
    database = await open_database(addresses.of[SCHEMA])
    async with database.connection() as rows:
        await rows.execute(PLANNED_AT)

        async def planned(times: int = 10) -> list[float]:
            return [await rows.fetchval("SELECT planned_at() + $1 * 0", 0.0) for _ in range(times)]

        kept = (await planned())[-1]  # by then the server has chosen the plan that does not depend on arguments
        assert set(await planned()) == {kept}
        await asyncio.sleep(1.1)
        assert (await planned())[-1] > kept
