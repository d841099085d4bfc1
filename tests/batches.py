"""Whether a projection makes the same rows of a batch as of its events one by one."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from libs.eventstore import Catalogue, Envelope, Event, Projection
from libs.postgres import Connection, Database
from libs.runtime.ids import uuid7

NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOST: Final = 40


def enveloped(catalogue: Catalogue, log: str, happened: Sequence[tuple[str, Event]]) -> list[Envelope]:
    """Events of tenants, as the bus brings them."""
    return [
        Envelope(
            id=uuid7(),
            tenant=tenant,
            stream=None,
            version=None,
            log=log,
            epoch=1,
            pos=pos,
            type=catalogue.name_of(type(event)),
            v=1,
            occurred_at=NOON,
            at=NOON,
            data=msgspec.Raw(msgspec.json.encode(event)),
        )
        for pos, (tenant, event) in enumerate(happened, 1)
    ]


async def difference(
    projection: Projection, database: Database, happened: Sequence[tuple[str, Event]], chance: random.Random
) -> tuple[int, int]:
    """Rows made one by one, and how many differ from those made in batches whose sizes chance decides."""
    envelopes = enveloped(projection.source, projection.log, happened)
    async with database.transaction() as rows:
        for table in ("singly", "together"):
            await rows.execute(f"DROP TABLE IF EXISTS {table}")
            await rows.execute(projection.ddl.format(table=table))
        for envelope in envelopes:
            await projection.apply(rows, "singly", [envelope])
        while envelopes:
            size = chance.randint(1, MOST)
            await projection.apply(rows, "together", envelopes[:size])
            envelopes = envelopes[size:]
        return await _compared(rows)


async def _compared(rows: Connection) -> tuple[int, int]:
    count = await rows.fetchval("SELECT count(*) FROM singly")
    differing = await rows.fetchval(
        "SELECT count(*) FROM ((TABLE singly EXCEPT ALL TABLE together) "
        "UNION ALL (TABLE together EXCEPT ALL TABLE singly)) AS different"
    )
    return count, differing
