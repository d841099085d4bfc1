"""Questions about sessions and consents."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from libs.postgres import Database, Record
from services.login.rows.consents import COLUMNS as CONSENT_COLUMNS
from services.login.rows.consents import consent_of
from services.login.rules.consent import Consent

COLUMNS: Final = (
    "session_id, person, connection_id, auth_time, amr, acr, ended, created_at, updated_at, last_seen_at, "
    "idle_expires_at, expires_at, initial_address, initial_user_agent, last_address, last_user_agent, metadata, "
    "ended IS NULL AND least(idle_expires_at, expires_at) > clock_timestamp() AS is_alive"
)

SERVED: Final = """
(SELECT coalesce(array_agg(c.client_id ORDER BY c.since, c.client_id), '{}') FROM session_clients c
 WHERE c.tenant = s.tenant AND c.session_id = s.session_id) AS clients
"""

WELCOME: Final = """
EXISTS (SELECT FROM people p WHERE p.tenant = s.tenant AND p.person = s.person AND NOT p.is_blocked
        AND s.auth_time >= p.valid_from) AS is_welcome
"""


@dataclass(frozen=True)
class SessionView:
    """A session, with the applications it brought somebody to."""

    session_id: str
    person: str
    connection_id: str
    auth_time: datetime
    amr: tuple[str, ...]
    acr: str | None
    ended: str | None
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    initial_address: str | None = field(repr=False)
    initial_user_agent: str | None = field(repr=False)
    last_address: str | None = field(repr=False)
    last_user_agent: str | None = field(repr=False)
    metadata: dict[str, str] | None = field(repr=False)
    is_alive: bool
    clients: tuple[str, ...]
    is_welcome: bool = False
    """Whether its person may sign in, and showed who they are since whatever ended their sessions; where it is read."""


async def by_cookie(database: Database, tenant: str, cookie: bytes) -> SessionView | None:
    """The session whose cookie this is, if it can be used."""
    async with database.connection() as rows:
        row = await rows.fetchrow(
            f"SELECT {COLUMNS}, {SERVED}, {WELCOME} FROM sessions s WHERE tenant = $1 AND cookie = $2",  # noqa: S608
            tenant,
            cookie,
        )
    return _view(row) if row and row["is_alive"] else None


async def session(database: Database, tenant: str, session_id: str) -> SessionView | None:
    """A session, also one that is over."""
    async with database.connection() as rows:
        row = await rows.fetchrow(
            f"SELECT {COLUMNS}, {SERVED}, {WELCOME} FROM sessions s WHERE tenant = $1 AND session_id = $2",  # noqa: S608
            tenant,
            session_id,
        )
    return _view(row) if row else None


async def sessions_of(database: Database, tenant: str, person: str, after: str, take: int) -> list[SessionView]:
    """A person's sessions that can be used, in the order of their ids, after one."""
    async with database.connection() as rows:
        found = await rows.fetch(
            f"SELECT {COLUMNS}, {SERVED} FROM sessions s "  # noqa: S608
            "WHERE tenant = $1 AND person = $2 AND ended IS NULL AND session_id > $3 "
            "AND least(idle_expires_at, expires_at) > clock_timestamp() ORDER BY session_id LIMIT $4",
            tenant,
            person,
            after,
            take,
        )
    return [_view(row) for row in found]


async def sessions_held_by(database: Database, tenant: str, person: str, before: datetime | None = None) -> list[str]:
    """The ids of all sessions of a person that are not over, or of those that were last proven before a moment."""
    async with database.connection() as rows:
        found = await rows.fetch(
            "SELECT session_id FROM sessions WHERE tenant = $1 AND person = $2 AND ended IS NULL "
            "AND ($3::timestamptz IS NULL OR auth_time < $3)",
            tenant,
            person,
            before,
        )
    return [row["session_id"] for row in found]


def _view(row: Record) -> SessionView:
    said = dict(row)
    noted = None if said["metadata"] is None else msgspec.json.decode(said["metadata"])
    return SessionView(**(said | {"amr": tuple(said["amr"]), "clients": tuple(said["clients"]), "metadata": noted}))


async def consent(database: Database, tenant: str, consent_id: str) -> Consent | None:
    """A consent, also one that was taken back."""
    async with database.connection() as rows:
        row = await rows.fetchrow(
            f"SELECT {CONSENT_COLUMNS} FROM consents WHERE tenant = $1 AND consent_id = $2",  # noqa: S608
            tenant,
            consent_id,
        )
    return consent_of(row) if row else None


async def consents(
    database: Database, tenant: str, person: str | None, client_id: str | None, audience: str | None
) -> list[Consent]:
    """The consents that hold, of a person, an application or an API."""
    async with database.connection() as rows:
        found = await rows.fetch(
            f"SELECT {CONSENT_COLUMNS} FROM consents WHERE tenant = $1 AND is_given "  # noqa: S608
            "AND person = coalesce($2, person) AND client_id = coalesce($3, client_id) "
            "AND ($4::text IS NULL OR audience = $4) ORDER BY consent_id LIMIT 1000",
            tenant,
            person,
            client_id,
            audience,
        )
    return [consent_of(row) for row in found]
