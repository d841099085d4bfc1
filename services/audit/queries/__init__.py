"""What is asked of `audit`'s rows: subscribers, one by one and all."""

from datetime import datetime

import msgspec

from libs.postgres import Database


class SubscriberRow(msgspec.Struct, frozen=True):
    """A subscriber; everything up to `acked` is acknowledged."""

    name: str
    events: str
    is_removed: bool
    acked: int
    acked_at: datetime


async def subscribers(database: Database) -> list[SubscriberRow]:
    """All of them, by name, the removed ones too."""
    async with database.connection() as rows:
        found = await rows.fetch("SELECT name, events, is_removed, acked, acked_at FROM subscribers ORDER BY name")
    return [SubscriberRow(*row) for row in found]


async def subscriber(database: Database, name: str) -> SubscriberRow | None:
    """One of them."""
    async with database.connection() as rows:
        row = await rows.fetchrow(
            "SELECT name, events, is_removed, acked, acked_at FROM subscribers WHERE name = $1", name
        )
    return None if row is None else SubscriberRow(*row)


async def note_acknowledged(database: Database, name: str, acked: int) -> None:
    """Remember that everything up to `acked` is acknowledged; it never goes back."""
    async with database.connection() as rows:
        await rows.execute(
            "UPDATE subscribers SET acked = $2, acked_at = clock_timestamp() "
            "WHERE name = $1 AND acked < $2 AND NOT is_removed",
            name,
            acked,
        )


async def feed_head(database: Database) -> int:
    """The feed's last position."""
    async with database.connection() as rows:
        head: int = await rows.fetchval("SELECT pos FROM head WHERE log = 'feed'")
    return head
