"""Forgetting what no longer counts: assertions that have expired, failures whose window has ended."""

import asyncio
from typing import Final

from libs.postgres import Database, DatabaseAway
from libs.telemetry.logs import log

EVERY: Final = 60.0
"""Seconds between two rounds."""

MOST: Final = 10_000
"""Rows a statement deletes at most, so that it stays within its time."""

SPENT: Final = """
DELETE FROM spent_assertions WHERE (tenant, key) IN (
    SELECT tenant, key FROM spent_assertions WHERE expires_at < clock_timestamp() LIMIT $1)
"""

FAILURES: Final = """
DELETE FROM failures WHERE (tenant, key) IN (
    SELECT tenant, key FROM failures WHERE until < clock_timestamp() LIMIT $1)
"""


async def forget(database: Database, statement: str, most: int = MOST) -> None:
    """Run a statement until nothing is left for it: who authenticates often must not outgrow the rounds."""
    async with database.connection() as rows:
        while await rows.execute(statement, most) == f"DELETE {most}":
            pass


async def sweep(database: Database) -> None:
    """Sweep for ever (a background task)."""
    while True:
        await asyncio.sleep(EVERY)
        try:
            for statement in (SPENT, FAILURES):
                await forget(database, statement)
        except DatabaseAway as error:
            log.info("sweeping waits", reason=repr(error))
