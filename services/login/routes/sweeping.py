"""Forgetting sessions that are long over, once no grant names them.

Whoever refreshes a token is looked up with the session in which it began, and where there is none is refused: so the
row of a session stays, revoked or not, while `token` knows a grant of it. Nothing is granted in one that is over.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from libs.bus import Bus
from libs.edge.asks import AskRefused, ask
from libs.eventstore import EventStore
from libs.postgres import DatabaseAway, Record
from libs.runtime.errors import Unavailable
from libs.telemetry.logs import log
from services.login.commands import EndSession
from services.login.routes.ending import OURSELVES
from services.login.rows.sessions import DUE, FORGET, KEEP
from services.token.commands import NamedSessions, NamedSessionsOf

EVERY: Final = 60.0
"""Seconds between two rounds."""

MOST: Final = 500
"""Sessions one look takes."""

LONG: Final = timedelta(days=1)
"""After its end a session may still be looked for: by a code that is redeemed late, by a hint at logout."""

EXPIRED: Final = "expired"


class Sweeping:
    """Forgets sessions; several replicas may, what one finds done it does not do again."""

    def __init__(self, store: EventStore, bus: Bus) -> None:
        self._store, self._bus = store, bus

    async def run(self) -> None:
        """Sweep for ever (a background task)."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                while await self.once() == MOST:
                    pass
            except (DatabaseAway, Unavailable, AskRefused) as error:
                log.info("sweeping waits", reason=repr(error))

    async def once(self, most: int = MOST) -> int:
        """Look at those that are long over; how many there were."""
        async with self._store.database.connection() as rows:
            found = await rows.fetch(DUE, LONG, most)
        for tenant, over in _by_tenant(found).items():
            await self._end(tenant, over)
            await self._forget(tenant, over)
        return len(found)

    async def _end(self, tenant: str, over: Iterable[Record]) -> None:
        """That a session has expired is a fact before its row goes; no application is told."""
        for each in over:
            if each["ended"] is None:
                await self._store.execute(EndSession(tenant, each["session_id"], EXPIRED), OURSELVES)

    async def _forget(self, tenant: str, over: Sequence[Record]) -> None:
        """Those that a grant names are looked at again after a while."""
        ids = [each["session_id"] for each in over]
        question = NamedSessionsOf(tenant=tenant, persons=[each["person"] for each in over], session_ids=ids)
        named = set((await ask(self._bus, "token", "named_sessions", question, NamedSessions)).session_ids)
        async with self._store.database.connection() as rows:
            await rows.execute(KEEP, tenant, [each for each in ids if each in named])
            await rows.execute(FORGET, tenant, [each for each in ids if each not in named])


def _by_tenant(found: Iterable[Record]) -> Mapping[str, list[Record]]:
    tenants: dict[str, list[Record]] = defaultdict(list)
    for row in found:
        tenants[row["tenant"]].append(row)
    return tenants
