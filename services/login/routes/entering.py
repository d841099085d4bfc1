"""Where somebody who showed who they are comes in: the session they get, or had."""

from dataclasses import replace
from typing import Any

from libs.edge import Call
from libs.eventstore import EventStore
from libs.postgres import Connection
from libs.runtime.ids import text
from services.login.commands import RenewSession, StartSession, Visit
from services.login.queries import sessions, standing
from services.login.queries.sessions import SessionView
from services.login.routes import cookies
from services.login.routes.ending import Ending
from services.login.routes.logins import Proof, Transaction, context_of, surroundings
from services.login.rows import transactions
from services.login.rows.transactions import SignedInMeanwhile
from services.login.rules.authorization import level_told
from services.login.rules.session import Session, SessionGone


class Entering:
    """Begins and renews sessions; one per process."""

    def __init__(self, store: EventStore, ending: Ending) -> None:
        self._store, self._ending = store, ending
        self._database = store.database

    async def enter(self, call: Call, tx: Transaction, proven: Proof, secret: str, *, is_signup: bool) -> Session:
        """Renew the session this browser has when it is the same person's; else end that one, and start another.

        A form that comes twice, by a double click for instance, begins one session: the later one renews it.
        """
        held = cookies.session_cookie(call)
        current = await sessions.by_cookie(self._database, call.tenant, cookies.hash_of(held)) if held else None
        current = current or await self.session_of(replace(tx, person=proven.person))
        if current is not None and current.person == proven.person:
            try:
                return await self._renewed(call, tx, proven, secret, current)
            except SessionGone:
                current = None
        if current is not None:
            await self._ending.end(call.tenant, current, "logout", context_of(call, tx, current.person, None))
        try:
            return await self._started(call, tx, proven, secret, is_signup=is_signup)
        except SignedInMeanwhile as other:
            tx = replace(tx, session_id=other.session_id)
            return await self.enter(call, tx, proven, secret, is_signup=is_signup)

    async def _renewed(self, call: Call, tx: Transaction, proven: Proof, secret: str, current: SessionView) -> Session:
        command = RenewSession(session_id=current.session_id, **_said(call, tx, proven, secret))
        return await self._executed(call, tx, command)

    async def _started(self, call: Call, tx: Transaction, proven: Proof, secret: str, *, is_signup: bool) -> Session:
        connection_id = tx.connection.connection_id if tx.connection else ""
        said = _said(call, tx, proven, secret)
        command = StartSession(session_id=text(32), connection_id=connection_id, is_signup=is_signup, **said)
        return await self._executed(call, tx, command)

    async def _executed(self, call: Call, tx: Transaction, command: StartSession | RenewSession) -> Session:
        async def also(rows: Connection, _state: Any) -> None:
            said = (call.tenant, tx.id, command.person, command.session_id)
            if isinstance(command, StartSession):
                await transactions.first_signed_in(rows, *said, was=tx.session_id)
            else:
                await transactions.signed_in(rows, *said)

        context = context_of(call, tx, command.person, command.session_id)
        committed = await self._store.execute(command, context, also=also, placed=False)
        assert isinstance(committed.state, Session), "the command makes or renews one"
        return committed.state

    async def session_of(self, tx: Transaction) -> SessionView | None:
        """The session in which this transaction's steps were done, if it still lives and its person may come here."""
        if tx.session_id is None or tx.person is None:
            return None
        found = await sessions.session(self._database, tx.tenant, tx.session_id)
        if found is None or not found.is_alive or found.person != tx.person:
            return None
        return found if found.is_welcome and tx.admits(found.connection_id) else None


def _said(call: Call, tx: Transaction, proven: Proof, secret: str) -> dict[str, Any]:
    """What is said of a session alike when it begins and when it is renewed."""
    return {
        "tenant": call.tenant,
        "person": proven.person,
        "amr": tuple(proven.amr),
        "acr": level_told(tx.params),
        "cookie": cookies.hash_of(secret),
        "lifetimes": standing.lifetimes_of(tx.client.tenant),
        "visit": visit(call, tx),
        "endings": proven.endings,
    }


def visit(call: Call, tx: Transaction) -> Visit:
    """An application that somebody is signed in to, and from where."""
    connection = tx.connection
    name = connection.name if connection else ""
    return Visit(tx.client.client_id, tx.client.name, name, **surroundings(call)._asdict())
