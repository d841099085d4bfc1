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


async def sweep(database: Database) -> None:
    """Sweep for ever (a background task)."""
    while True:
        await asyncio.sleep(EVERY)
        try:
            async with database.connection() as rows:
                await rows.execute(SPENT, MOST)
                await rows.execute(FAILURES, MOST)
        except DatabaseAway as error:
            log.info("sweeping waits", reason=repr(error))
