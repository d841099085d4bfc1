"""What `login` has others do: written with the fact it follows from, handed on by a task, tried again until accepted.

An errand names a person and a template, never an address or a link: both are looked up when it is handed on, so that
mail goes to the address that is stored, and no secret waits in a row.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from libs.edge.asks import AskRefused
from libs.postgres import Connection, Database
from libs.runtime.errors import Unavailable
from libs.runtime.ids import uuid7
from libs.telemetry.logs import log
from services.login.rows import jobs

LOGOUT: Final = "logout"
"""An errand that tells an application that a session is over."""

ENDING: Final = "ending"
"""An errand that ends what sessions somebody has."""

GRANTS: Final = "grants"
"""An errand that ends what somebody who was erased let applications have."""

EVERY: Final = 0.5
"""Seconds between two looks."""

MOST: Final = 20
"""Errands one look takes."""

TRIES: Final = 50
"""With two seconds more each time, up to five minutes: about three hours."""

PUT: Final = "INSERT INTO errands (id, tenant, person, kind, payload) VALUES ($1, $2, $3, $4, $5)"

TAKE: Final = """
UPDATE errands SET tries = tries + 1,
    due_at = clock_timestamp() + least(interval '2 seconds' * (tries + 2), interval '5 minutes')
WHERE id IN (
    SELECT id FROM errands WHERE due_at <= clock_timestamp() AND kind = ANY ($2)
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING id, tenant, person, kind, payload, created_at, tries
"""

DONE: Final = "DELETE FROM errands WHERE id = $1"


@dataclass(frozen=True)
class Errand:
    """Something to be done outside; `payload` is JSON-plain and holds nothing secret."""

    tenant: str
    person: str | None
    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid7)
    created_at: datetime | None = None


async def put(rows: Connection, errand: Errand) -> None:
    """Write an errand in the transaction of what it follows from."""
    payload = msgspec.json.encode(errand.payload).decode()
    await rows.execute(PUT, errand.id, errand.tenant, errand.person, errand.kind, payload)


async def put_ending(rows: Connection, tenant: str, person: str, reason: str) -> None:
    """Have somebody's sessions ended, in the transaction of what ends them: no application stays untold."""
    # Of nobody in particular, so that it outlives who is erased.
    await put(rows, Errand(tenant, None, ENDING, {"person": person, "reason": reason}))


async def put_grants_end(rows: Connection, tenant: str, person: str) -> None:
    """Have the grants of who is erased ended, in the same transaction: with them goes what `token` keeps beside."""
    await put(rows, Errand(tenant, None, GRANTS, {"person": person}))


Hand = Callable[[Errand], Awaitable[None]]
"""Hands one errand on; returns when it was accepted, raises when it was not, or when nobody knows."""


class Errands:
    """Hands errands on, by kind; several replicas may, each takes its own.

    One of a kind that is not known here was written by a newer release, and is left to it.
    """

    def __init__(self, database: Database, hands: Mapping[str, Hand]) -> None:
        self._database = database
        self._hands = hands

    async def run(self) -> None:
        """Hand on for ever (a background task)."""
        while True:
            try:
                taken = await self.once()
            except Unavailable as error:
                log.info("errands wait", reason=repr(error))
                taken = 0
            if taken < MOST:
                await asyncio.sleep(EVERY)

    async def once(self) -> int:
        """Take what is due and hand it on; the number that was taken."""
        async with self._database.connection() as rows:
            found = await rows.fetch(TAKE, MOST, list(self._hands))
        for row in found:
            errand = Errand(
                row["tenant"],
                row["person"],
                row["kind"],
                msgspec.json.decode(row["payload"]),
                row["id"],
                row["created_at"],
            )
            await self._hand(errand, row["tries"])
        return len(found)

    async def _hand(self, errand: Errand, tries: int) -> None:
        try:
            await self._hands[errand.kind](errand)
        except (Unavailable, AskRefused) as error:
            if tries < TRIES:
                log.info("an errand waits", errand=str(errand.id), reason=repr(error))
                return
            log.error("an errand is given up", errand=str(errand.id), reason=repr(error))
            await self._give_up(errand)
            return
        async with self._database.connection() as rows:
            await rows.execute(DONE, errand.id)

    async def _give_up(self, errand: Errand) -> None:
        async with self._database.connection() as rows, rows.transaction():
            await jobs.fail(rows, errand.tenant, errand.id)
            await rows.execute(DONE, errand.id)
