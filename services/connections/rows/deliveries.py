"""The rows of deliveries: accepted once, leased by one worker at a time, finished with the activity that tells of it.

A lease names its try: whoever was so slow that another worker began again finishes nothing any more.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from libs.eventstore import Event, Loaded
from libs.postgres import Connection as Rows
from libs.postgres import Database
from services.connections.commands import FinishDelivery
from services.connections.rules import delivery
from services.connections.rules.delivery import Logout, Mail, Nothing

REMEMBERED: Final = timedelta(days=1)
"""How long a done delivery is known, so that a repeat of it is not delivered again."""

MOST: Final = 10_000
"""Rows a statement forgets at most, so that it stays within its time."""

ACCEPT: Final = """
INSERT INTO deliveries (tenant, delivery_id, kind, label, subject, session_id, payload)
SELECT $1, $2, $3, $4, $5, $6, $7
WHERE NOT EXISTS (SELECT FROM erased_v1 WHERE tenant = $1 AND person = $5) ON CONFLICT DO NOTHING
"""
LEASE: Final = """
UPDATE deliveries SET leased_until = clock_timestamp() + $2, attempts = attempts + 1
WHERE (tenant, delivery_id) = (
    SELECT tenant, delivery_id FROM deliveries
    WHERE kind = $1 AND done_at IS NULL AND due_at <= clock_timestamp()
        AND (leased_until IS NULL OR leased_until <= clock_timestamp())
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING tenant, delivery_id, label, payload, attempts, created_at
"""
AGAIN: Final = """
UPDATE deliveries SET leased_until = NULL, due_at = clock_timestamp() + $4, payload = $5
WHERE tenant = $1 AND delivery_id = $2 AND attempts = $3 AND done_at IS NULL
"""
PENDING: Final = """
SELECT kind, label, subject, session_id FROM deliveries
WHERE tenant = $1 AND delivery_id = $2 AND attempts = $3 AND done_at IS NULL FOR UPDATE
"""
DONE: Final = """
UPDATE deliveries SET done_at = clock_timestamp(), leased_until = NULL, payload = NULL
WHERE tenant = $1 AND delivery_id = $2
"""
FORGET: Final = """
DELETE FROM deliveries WHERE (tenant, delivery_id) IN (
    SELECT tenant, delivery_id FROM deliveries WHERE done_at < clock_timestamp() - $1::interval LIMIT $2)
"""
WAITING: Final = """
SELECT kind, count(*) AS depth, extract(epoch FROM clock_timestamp() - min(created_at))::float8 AS age
FROM deliveries WHERE done_at IS NULL GROUP BY kind
"""


class Leased(msgspec.Struct, frozen=True):
    """A delivery that is this worker's until its lease ends."""

    tenant: str
    delivery_id: str
    label: str
    payload: bytes
    attempt: int
    created_at: datetime


class DeliveryRows:
    """The aggregate of a delivery: its row alone, without facts."""

    def stream(self, command: FinishDelivery) -> str:
        """Of no stream: it has no facts."""
        return f"delivery-{command.delivery_id}"

    def evolve(self, state: delivery.State, _event: Event) -> delivery.State:
        """No fact changes it."""
        return state

    async def load(self, rows: Rows, command: FinishDelivery) -> Loaded[delivery.State]:
        """Lock the row if it is still this try's."""
        row = await rows.fetchrow(PENDING, command.tenant, command.delivery_id, command.attempt)
        if row is None:
            return Loaded(Nothing(), 0)
        if row["kind"] == "mail":
            return Loaded(Mail(row["label"], row["subject"]), 0)
        return Loaded(Logout(row["label"], row["session_id"]), 0)

    async def save(self, rows: Rows, command: FinishDelivery, _before: Loaded[Any], _after: Loaded[Any]) -> None:
        """It is done, and its words are gone."""
        await rows.execute(DONE, command.tenant, command.delivery_id)


async def accept(database: Database, tenant: str, delivery_id: str, about: tuple[str, str, str | None, str | None],
                 payload: bytes) -> None:  # fmt: skip
    """Write a delivery down, once per id; `about` is its kind, label, subject and session."""
    async with database.connection() as rows:
        await rows.execute(ACCEPT, tenant, delivery_id, *about, payload)


async def lease(database: Database, kind: str, duration: timedelta) -> Leased | None:
    """The delivery that is due longest and nobody's, for `duration`."""
    async with database.connection() as rows:
        row = await rows.fetchrow(LEASE, kind, duration)
    return None if row is None else Leased(*row)


async def again(database: Database, leased: Leased, after: timedelta, payload: bytes) -> None:
    """Try once more after a while, with `payload` as it is now."""
    async with database.connection() as rows:
        await rows.execute(AGAIN, leased.tenant, leased.delivery_id, leased.attempt, after, payload)


async def forget(database: Database) -> None:
    """Forget what was done long ago."""
    async with database.connection() as rows:
        while await rows.execute(FORGET, REMEMBERED, MOST) == f"DELETE {MOST}":
            pass


async def waiting(database: Database) -> dict[str, tuple[int, float]]:
    """How many wait of each kind, and for how many seconds the oldest does."""
    async with database.connection() as rows:
        return {row["kind"]: (row["depth"], row["age"]) for row in await rows.fetch(WAITING)}
