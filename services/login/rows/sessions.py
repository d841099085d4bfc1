"""The rows of sessions: load and lock, save, compare, forget.

Cookie, lifetimes, places and applications are authoritative. From where somebody came and what was noted is personal:
it goes when the session is over, and with the person.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from libs.eventstore import Event, Loaded
from libs.eventstore.verify import FoldCheck, Key
from libs.postgres import Connection, Record
from services.login.commands import AnnotateSession, RenewSession, StartSession, VisitSession
from services.login.rows.people import NOTE_LOGIN
from services.login.rules import session as rules
from services.login.rules.session import NoSession, Session, State

STREAM: Final = "session-"

COLUMNS: Final = (
    "session_id, version, person, connection_id, auth_time, amr, acr, ended,"
    " least(idle_expires_at, expires_at) AS until"
)

_SERVES: Final = """
INSERT INTO session_clients (tenant, session_id, client_id) VALUES ($1, $2, {client}) ON CONFLICT DO NOTHING
"""

START: Final = f"""
WITH started AS (
    INSERT INTO sessions (tenant, session_id, version, person, connection_id, auth_time, amr, acr, cookie,
        idle_expires_at, expires_at, initial_address, initial_user_agent, last_address, last_user_agent)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp() + least($10::interval, $11::interval),
        clock_timestamp() + $11::interval, $13, $14, $13, $14)
), serves AS ({_SERVES.format(client="$12")})
{NOTE_LOGIN.format(person="$4", address="$13")}
"""  # noqa: S608  # of constants

RENEW: Final = f"""
WITH renewed AS (
    UPDATE sessions SET version = $3, auth_time = $5, amr = $6, acr = $7, cookie = $8, updated_at = clock_timestamp(),
        last_seen_at = clock_timestamp(), expires_at = clock_timestamp() + $10::interval,
        idle_expires_at = clock_timestamp() + least($9::interval, $10::interval),
        last_address = $12, last_user_agent = $13
    WHERE tenant = $1 AND session_id = $2
), serves AS ({_SERVES.format(client="$11")})
{NOTE_LOGIN.format(person="$4", address="$12")}
"""  # noqa: S608  # of constants

VISIT: Final = f"""
WITH visited AS (
    UPDATE sessions SET last_seen_at = clock_timestamp(),
        idle_expires_at = least(expires_at, clock_timestamp() + $3::interval), last_address = $5, last_user_agent = $6
    WHERE tenant = $1 AND session_id = $2
)
{_SERVES.format(client="$4")}
"""  # noqa: S608  # of constants

END: Final = """
UPDATE sessions SET version = $3, ended = $4, cookie = NULL, updated_at = clock_timestamp(), initial_address = NULL,
    initial_user_agent = NULL, last_address = NULL, last_user_agent = NULL, metadata = NULL
WHERE tenant = $1 AND session_id = $2
"""

PROOF: Final = """
SELECT endings = $3 AND NOT is_blocked FROM people WHERE tenant = $1 AND person = $2 FOR NO KEY UPDATE
"""
"""Whoever changes the password, blocks or erases waits for us, or we for them: no session begins beside it (LG-14)."""

ANNOTATE: Final = """
UPDATE sessions SET metadata = $3, updated_at = clock_timestamp() WHERE tenant = $1 AND session_id = $2
"""

OVER: Final = "coalesce(named_at, least(idle_expires_at, expires_at)) < clock_timestamp() - $1::interval"

DUE: Final = f"""
SELECT tenant, session_id, person, ended FROM sessions WHERE {OVER}
ORDER BY coalesce(named_at, least(idle_expires_at, expires_at)) LIMIT $2
"""  # noqa: S608

KEEP: Final = """
UPDATE sessions SET named_at = clock_timestamp() WHERE tenant = $1 AND session_id = ANY ($2)
"""

FORGET: Final = """
WITH gone AS (
    DELETE FROM sessions WHERE tenant = $1 AND session_id = ANY ($2) AND ended IS NOT NULL RETURNING tenant, session_id
)
DELETE FROM session_clients USING gone
WHERE session_clients.tenant = gone.tenant AND session_clients.session_id = gone.session_id
"""


class SessionRows:
    """The aggregate `session`: one row in `sessions`, and one per application beside it."""

    def stream(self, command: Any) -> str:
        """One stream per session."""
        return f"{STREAM}{command.session_id}"

    def evolve(self, state: State, event: Event) -> State:
        """See `rules.session`."""
        return rules.evolve(state, event)

    async def load(self, rows: Connection, command: Any) -> Loaded[State]:
        """Lock the person's row, where somebody was proven, and the session's."""
        is_good = True
        if isinstance(command, StartSession | RenewSession):
            is_good = bool(await rows.fetchval(PROOF, command.tenant, command.person, command.endings))
        row = await rows.fetchrow(
            f"SELECT {COLUMNS} FROM sessions WHERE tenant = $1 AND session_id = $2 FOR UPDATE",  # noqa: S608
            command.tenant,
            command.session_id,
        )
        if row is None:
            return Loaded(NoSession(is_good), 0)
        return Loaded(replace(session_of(row), is_proof_good=is_good), row["version"])

    async def save(self, rows: Connection, command: Any, _before: Loaded[State], after: Loaded[State]) -> None:
        """Write what the command changes."""
        assert isinstance(after.state, Session), "an event makes a session or is about one"
        key, now = (command.tenant, command.session_id), after.state
        match command:
            case StartSession(lifetimes=lives):
                said = (now.person, now.connection_id, now.auth_time, list(now.amr), now.acr, command.cookie)
                await rows.execute(START, *key, after.version, *said, lives.idle, lives.absolute, *_visit(command))
            case RenewSession(lifetimes=lives):
                told = (now.person, now.auth_time, list(now.amr), now.acr, command.cookie)
                await rows.execute(RENEW, *key, after.version, *told, lives.idle, lives.absolute, *_visit(command))
            case VisitSession(lifetimes=lives):
                await rows.execute(VISIT, *key, lives.idle, *_visit(command))
            case AnnotateSession(metadata=metadata):
                await rows.execute(ANNOTATE, *key, msgspec.json.encode(metadata).decode() if metadata else None)
            case _:
                await rows.execute(END, *key, after.version, now.ended)


def _visit(command: StartSession | RenewSession | VisitSession) -> tuple[str, str, str]:
    visit = command.visit
    return visit.client_id, visit.address, visit.user_agent


def session_of(row: Record) -> Session:
    """The session of a row."""
    return Session(
        session_id=row["session_id"],
        person=row["person"],
        connection_id=row["connection_id"],
        auth_time=row["auth_time"],
        amr=tuple(row["amr"]),
        acr=row["acr"],
        ended=row["ended"],
        until=row["until"],
    )


def _shape(state: State) -> object:
    # The row of one that is over goes some day, or stays while a grant names it: only the living are compared.
    if not isinstance(state, Session) or state.ended is not None:
        return None
    return (state.person, state.connection_id, state.auth_time, state.amr, state.acr)


async def _stored(rows: Connection, tenants: Sequence[str], streams: Sequence[str]) -> dict[Key, object]:
    found = await rows.fetch(
        f"SELECT tenant, {COLUMNS} FROM sessions "  # noqa: S608
        "JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, session_id) USING (tenant, session_id) "
        "WHERE ended IS NULL",
        tenants,
        [stream.removeprefix(STREAM) for stream in streams],
    )
    return {(row["tenant"], STREAM + row["session_id"]): _shape(session_of(row)) for row in found}


FOLD: Final[FoldCheck[Any]] = FoldCheck[Any](
    name="session",
    streams=STREAM,
    initial=NoSession(),
    evolve=rules.evolve,
    shape=_shape,
    read=_stored,
    keys=f"SELECT tenant, '{STREAM}' || session_id AS stream FROM sessions",  # noqa: S608
)
"""How `limen verify` compares sessions with their facts."""
