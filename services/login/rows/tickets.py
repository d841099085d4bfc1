"""The rows of links: the newest of each kind for a person, kept as the hash of its secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from libs.postgres import Connection

Kind = Literal["reset", "verify", "unblock"]

# Whoever changes the address, or erases, waits for us and then forgets the link, or we wait for them and read what the
# address is by then: no link that was sent to another address is good.
ISSUE: Final = """
WITH whose AS MATERIALIZED (
    SELECT tenant, person, email FROM people WHERE tenant = $1 AND person = $2 FOR SHARE
), issued AS (
    INSERT INTO tickets AS t (tenant, person, kind, sha256, issued_at, expires_at, options)
    SELECT tenant, person, $3, $4, coalesce($5, clock_timestamp()), clock_timestamp() + $6, $7 FROM whose
    ON CONFLICT (tenant, person, kind) DO UPDATE SET sha256 = excluded.sha256, issued_at = excluded.issued_at,
        expires_at = excluded.expires_at, options = excluded.options
    WHERE t.issued_at <= excluded.issued_at
)
SELECT email FROM whose
"""

LOOK: Final = """
SELECT person, expires_at, options FROM tickets
WHERE tenant = $1 AND sha256 = $2 AND kind = $3 AND expires_at > clock_timestamp()
"""

SPEND: Final = """
DELETE FROM tickets WHERE tenant = $1 AND sha256 = $2 AND kind = $3 AND expires_at > clock_timestamp() RETURNING person
"""

FORGET: Final = """
DELETE FROM tickets WHERE (tenant, person, kind) IN (
    SELECT tenant, person, kind FROM tickets WHERE expires_at < clock_timestamp() LIMIT 10000)
"""


@dataclass(frozen=True)
class Ticket:
    """A link that is good."""

    person: str
    expires_at: datetime
    options: Mapping[str, Any]


def hash_of(secret: str) -> bytes:
    """What is kept of a link's secret."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


async def issue(
    rows: Connection,
    tenant: str,
    person: str,
    kind: Kind,
    secret: str,
    *,
    lives: timedelta,
    options: Mapping[str, Any] | None = None,
    asked_at: datetime | None = None,
) -> str | None:
    """Keep a link, unless a newer one was asked for meanwhile; the address to which it may be sent, if there is one.

    `None` also where the person is gone, and no link is kept.
    """
    said = msgspec.json.encode(options or {}).decode()
    email: str | None = await rows.fetchval(ISSUE, tenant, person, kind, hash_of(secret), asked_at, lives, said)
    return email


async def look(rows: Connection, tenant: str, kind: Kind, secret: str) -> Ticket | None:
    """The link, if it is good; looking does not spend it."""
    row = await rows.fetchrow(LOOK, tenant, hash_of(secret), kind)
    return None if row is None else Ticket(row["person"], row["expires_at"], msgspec.json.decode(row["options"]))


async def spend(rows: Connection, tenant: str, kind: Kind, secret: str) -> str | None:
    """Use a link; whose it was, or `None` when it is not good."""
    person: str | None = await rows.fetchval(SPEND, tenant, hash_of(secret), kind)
    return person
