"""The rows of the development mailbox: encrypted, the newest of each tenant."""

from datetime import datetime
from typing import Final

import msgspec

from libs.postgres import Database

KEPT: Final = 200
"""Mails of a tenant that are kept."""

PUT: Final = """
INSERT INTO dev_mailbox (tenant, delivery_id, subject, sealed)
SELECT tenant, delivery_id, subject, $3 FROM deliveries WHERE tenant = $1 AND delivery_id = $2
ON CONFLICT DO NOTHING
"""
"""Of a delivery that is there: of one that was forgotten meanwhile nothing is kept."""

TRIM: Final = """
DELETE FROM dev_mailbox WHERE tenant = $1 AND delivery_id IN (
    SELECT delivery_id FROM dev_mailbox WHERE tenant = $1 ORDER BY at DESC, delivery_id OFFSET $2 LIMIT 1000)
"""
NEWEST: Final = (
    "SELECT delivery_id, at, sealed FROM dev_mailbox WHERE tenant = $1 ORDER BY at DESC, delivery_id LIMIT $2"
)


class Kept(msgspec.Struct, frozen=True):
    """A mail in the mailbox."""

    delivery_id: str
    at: datetime
    sealed: bytes


async def put(database: Database, tenant: str, delivery_id: str, sealed: bytes) -> None:
    """Keep a mail, once per delivery, and no more than there is room for."""
    async with database.connection() as rows:
        await rows.execute(PUT, tenant, delivery_id, sealed)
        await rows.execute(TRIM, tenant, KEPT)


async def newest(database: Database, tenant: str) -> list[Kept]:
    """The mails of a tenant, newest first."""
    async with database.connection() as rows:
        return [Kept(*row) for row in await rows.fetch(NEWEST, tenant, KEPT)]


async def empty(database: Database, tenant: str) -> None:
    """Throw the mails of a tenant away."""
    async with database.connection() as rows:
        await rows.execute("DELETE FROM dev_mailbox WHERE tenant = $1", tenant)
