"""Connections: translated errors, bounded waits, and the one outcome nobody can know."""

from libs.postgres import Database


async def test_a_transaction_is_committed_when_its_block_ends_well(database: Database) -> None:
    async with database.transaction() as rows:
        await rows.execute("UPDATE head SET pos = 7 WHERE log = 'facts'")
    async with database.connection() as rows:
        assert await rows.fetchval("SELECT pos FROM head WHERE log = 'facts'") == 7
