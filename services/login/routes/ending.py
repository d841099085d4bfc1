"""How a session ends: the fact, and in the same commit what its applications are to be told."""

from collections.abc import Awaitable, Callable
from typing import Any

from libs.eventstore import Context, EventStore
from libs.postgres import Connection
from services.login.commands import EndSession
from services.login.queries import standing
from services.login.queries.sessions import SessionView

Tell = Callable[[Connection, str, str, str, str], Awaitable[None]]
"""Writes down that an application is to be told. Arguments: rows, tenant, client_id, session_id, person."""


class Ending:
    """Ends sessions; one per process."""

    def __init__(self, store: EventStore, tell: Tell) -> None:
        self._store, self._tell = store, tell

    async def end(self, tenant: str, session: SessionView, reason: str, context: Context) -> bool:
        """End it, and let those applications be told that want to be; whether it ended now."""
        told = await self._to_be_told(tenant, session)

        async def also(rows: Connection, _state: Any) -> None:
            for client_id in told:
                await self._tell(rows, tenant, client_id, session.session_id, session.person)

        committed = await self._store.execute(EndSession(tenant, session.session_id, reason), context, also=also)
        return bool(committed.events)

    async def _to_be_told(self, tenant: str, session: SessionView) -> list[str]:
        known = await standing.clients_of(self._store.database, tenant, list(session.clients))
        return [client_id for client_id, properties in known.items() if standing.backchannel_of(properties)]
