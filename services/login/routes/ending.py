"""How a session ends: the fact, and in the same commit what its applications are to be told."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from libs.bus import Bus
from libs.edge.asks import ask
from libs.eventstore import Actor, Context, EventStore
from libs.postgres import Connection, Database
from services.connections.commands import SERVICE as CONNECTIONS
from services.connections.commands import Accepted, DeliverLogout
from services.login.commands import SERVICE, EndSession
from services.login.queries import people, sessions, standing
from services.login.queries.sessions import SessionView
from services.login.rows.errands import LOGOUT, Errand, put

Tell = Callable[[Connection, str, str, str, str], Awaitable[None]]
"""Writes down that an application is to be told. Arguments: rows, tenant, client_id, session_id, person."""

OURSELVES: Final = Context(actor=Actor("service", SERVICE))
"""Who ends what nobody's request ends."""


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

    async def end_all(
        self, tenant: str, person: str, reason: str, context: Context = OURSELVES, *, before: datetime | None = None
    ) -> None:
        """End all sessions of somebody, or those for which they were proven before a moment."""
        for session_id in await sessions.sessions_held_by(self._store.database, tenant, person, before):
            session = await sessions.session(self._store.database, tenant, session_id)
            if session is not None:
                await self.end(tenant, session, reason, context)

    async def hand(self, errand: Errand) -> None:
        """End what sessions are left of somebody whose password was changed, who was blocked or erased."""
        said = errand.payload
        # Who has signed in with the new password by now stays.
        await self.end_all(errand.tenant, str(said["person"]), str(said["reason"]), before=errand.created_at)

    async def _to_be_told(self, tenant: str, session: SessionView) -> list[str]:
        known = await standing.clients_of(self._store.database, tenant, list(session.clients))
        return [client_id for client_id, properties in known.items() if standing.backchannel_of(properties)]


class LogoutHand:
    """Hands to `connections` what an application is to be told."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database, self._bus = database, bus

    async def hand(self, errand: Errand) -> None:
        """Have it delivered; of who was erased meanwhile nothing but the session is left to say."""
        said = errand.payload
        somebody = await people.person(self._database, errand.tenant, str(said["person"]))
        asked = DeliverLogout(
            id=str(errand.id),
            tenant=errand.tenant,
            client_id=str(said["client_id"]),
            session_id=str(said["session_id"]),
            sub=somebody.user_id if somebody else "",
        )
        await ask(self._bus, CONNECTIONS, "deliver_logout", asked, Accepted)


async def telling(rows: Connection, tenant: str, client_id: str, session_id: str, person: str) -> None:
    """Write down that an application is to be told that a session is over."""
    # The errand is the session's, not the person's: who is erased is logged out of applications all the same.
    payload = {"client_id": client_id, "session_id": session_id, "person": person}
    await put(rows, Errand(tenant, None, LOGOUT, payload))
