"""Forgetting what no longer counts: assertions and codes that have expired, failures whose window has ended.

A grant that has come to its end is a fact before its row goes.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from libs.eventstore import Context, EventStore
from libs.postgres import Database, DatabaseAway, Record
from libs.runtime.clock import Clock
from libs.telemetry.logs import log
from services.token.events import GrantExpired
from services.token.grants.writing import Happened

EVERY: Final = 60.0
"""Seconds between two rounds."""

BATCH: Final = 500
"""Grants that end in one statement."""

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

CODES: Final = """
DELETE FROM codes WHERE (tenant, sha256) IN (
    SELECT tenant, sha256 FROM codes WHERE expires_at < clock_timestamp() - interval '1 day' LIMIT $1)
"""
"""A spent code is remembered for a day, in which its replay ends the grant."""

OVER: Final = "(expires_at < clock_timestamp() OR idle_expires_at < clock_timestamp())"

EXPIRED: Final = f"SELECT tenant, grant_id, client_id, person FROM grants WHERE {OVER} LIMIT $1"  # noqa: S608

EXPIRE: Final = f"""
WITH guard AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(hashtextextended('rebuild token', 0))
), given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::smallint[], $6::jsonb[], $7::jsonb[])
    AS given(tenant, grant_id, id, type, v, data, meta), guard
), locked AS MATERIALIZED (
    SELECT tenant, grant_id FROM grants
    WHERE (tenant, grant_id) IN (SELECT tenant, grant_id FROM given) AND {OVER}
    ORDER BY tenant, grant_id FOR UPDATE SKIP LOCKED
), ended AS (
    DELETE FROM grants USING locked
    WHERE grants.tenant = locked.tenant AND grants.grant_id = locked.grant_id
    RETURNING grants.tenant, grants.grant_id, grants.version
), decided AS (
    UPDATE head SET pos = pos + (SELECT count(*) FROM ended) WHERE log = 'facts' AND EXISTS (SELECT FROM ended)
    RETURNING pos - (SELECT count(*) FROM ended) AS base
)
INSERT INTO facts (pos, tenant, stream, version, id, type, v, data, meta, at)
SELECT decided.base + row_number() OVER (ORDER BY given.tenant, given.grant_id), given.tenant,
    'grant-' || given.grant_id, ended.version + 1, id, type, v, data, meta, clock_timestamp()
FROM decided, ended JOIN given USING (tenant, grant_id)
"""  # noqa: S608  # of constants


async def expire(store: EventStore, clock: Clock, most: int = BATCH) -> None:
    """Let grants that are over end as facts, some at a time, until none is left or another process has them in hand."""
    while True:
        async with store.database.connection() as rows:
            found = await rows.fetch(EXPIRED, most)
            if not found:
                return
            said = await rows.execute(EXPIRE, *_columns(found, clock.now()))
        await store.wake.appended("facts")
        if said != f"INSERT 0 {most}":
            return


def _columns(found: Sequence[Record], now: datetime) -> list[list[Any]]:
    events = [GrantExpired(grant_id=row["grant_id"], client_id=row["client_id"], person=row["person"]) for row in found]
    rows = [
        (row["tenant"], row["grant_id"], *Happened(event, Context(grant_id=row["grant_id"]), now).columns())
        for row, event in zip(found, events, strict=True)
    ]
    return [*map(list, zip(*rows, strict=True))]


async def forget(database: Database, statement: str, most: int = MOST) -> None:
    """Run a statement until nothing is left for it: who authenticates often must not outgrow the rounds."""
    async with database.connection() as rows:
        while await rows.execute(statement, most) == f"DELETE {most}":
            pass


async def sweep(store: EventStore, clock: Clock) -> None:
    """Sweep for ever (a background task)."""
    while True:
        await asyncio.sleep(EVERY)
        try:
            for statement in (SPENT, FAILURES, CODES):
                await forget(store.database, statement)
            await expire(store, clock)
        except DatabaseAway as error:
            log.info("sweeping waits", reason=repr(error))
