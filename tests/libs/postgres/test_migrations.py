"""Numbered files, applied once, refused when they changed; a service runs with schema n or n+1."""

import asyncio

import pytest

from libs.postgres import DatabaseAway, Migration, SchemaMismatch, connect, migrate, require_schema
from tests.conftest import SCHEMA
from tests.servers import LOG, Addresses

NEXT = [*LOG, Migration(3, "more", "CREATE TABLE more (id int)")]


async def test_what_is_lacking_is_applied_once(addresses: Addresses) -> None:
    assert [each.number for each in await migrate(addresses.of[SCHEMA], SCHEMA, NEXT)] == [3]
    assert await migrate(addresses.of[SCHEMA], SCHEMA, NEXT) == []


async def test_a_file_that_changed_is_refused(addresses: Addresses) -> None:
    changed = [Migration(LOG[0].number, LOG[0].name, LOG[0].sql + "-- changed")]
    with pytest.raises(SchemaMismatch, match="restore the file"):
        await migrate(addresses.of[SCHEMA], SCHEMA, changed)


async def test_a_file_that_fails_leaves_nothing(addresses: Addresses) -> None:
    broken = [*LOG, Migration(3, "broken", "CREATE TABLE half (id int); SELECT 1 / 0")]
    with pytest.raises(Exception, match="division by zero"):
        await migrate(addresses.of[SCHEMA], SCHEMA, broken)
    assert [each.number for each in await migrate(addresses.of[SCHEMA], SCHEMA, NEXT)] == [3]


async def test_a_service_runs_with_its_schema_or_the_next(addresses: Addresses) -> None:
    rows = await connect(addresses.of[SCHEMA])
    try:
        with pytest.raises(SchemaMismatch, match="run `limen migrate`"):
            await require_schema(rows, SCHEMA, NEXT)
        await migrate(addresses.of[SCHEMA], SCHEMA, NEXT)
        await require_schema(rows, SCHEMA, LOG)
        later = [*NEXT, Migration(4, "later", "SELECT 1")]
        await migrate(addresses.of[SCHEMA], SCHEMA, later)
        with pytest.raises(SchemaMismatch, match="deploy a newer release"):
            await require_schema(rows, SCHEMA, LOG)
    finally:
        await rows.close()


async def test_a_migration_that_came_in_between_is_lacking_as_well(addresses: Addresses) -> None:
    rows = await connect(addresses.of[SCHEMA])
    between = [*LOG, Migration(100, "the service's own", "SELECT 1")]
    try:
        await migrate(addresses.of[SCHEMA], SCHEMA, between)
        with pytest.raises(SchemaMismatch, match=f"{SCHEMA} lacks 3, this release needs 100: run `limen migrate`"):
            await require_schema(rows, SCHEMA, [*NEXT, between[-1]])
    finally:
        await rows.close()


async def test_a_table_that_is_held_is_left_soon_so_that_others_read_it(addresses: Addresses) -> None:
    wider = [*LOG, Migration(3, "wider", "ALTER TABLE head ADD COLUMN more int")]
    holder, reader = await connect(addresses.of[SCHEMA]), await connect(addresses.of[SCHEMA])
    try:
        for rows in (holder, reader):
            await rows.execute(f"SET search_path = {SCHEMA}; SET idle_in_transaction_session_timeout = 0")
        async with holder.transaction():
            await holder.fetch("SELECT * FROM head")
            migrating = asyncio.ensure_future(migrate(addresses.of[SCHEMA], SCHEMA, wider))
            waits = "SELECT 1 FROM pg_locks WHERE relation = 'head'::regclass AND NOT granted"
            async with asyncio.timeout(5):
                while not await reader.fetchval(waits):  # noqa: ASYNC110  # the state is the database's
                    await asyncio.sleep(0.01)
            await reader.execute("SET lock_timeout = '4s'")
            assert await reader.fetch("SELECT * FROM head"), "as a request would, with what it has of patience"
            with pytest.raises(DatabaseAway, match="somebody holds the schema"):
                await migrating
        assert [each.number for each in await migrate(addresses.of[SCHEMA], SCHEMA, wider)] == [3]
    finally:
        await holder.close()
        await reader.close()
