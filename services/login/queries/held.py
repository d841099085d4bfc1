"""What a grant rests on: its person, its session, its application and the person's consent, read in one statement.

It is asked for each code that is redeemed and each refresh, so it is one look at the rows and not four.
"""

from dataclasses import dataclass
from typing import Any, Final

from libs.postgres import Database
from services.login.commands import PersonOf
from services.login.queries import people
from services.login.queries.people import Person, person_of
from services.login.rules.consent import consent_id_of

HELD: Final = f"""
SELECT {people.COLUMNS}, s.session_id, s.ended,
    s.ended IS NULL AND least(s.idle_expires_at, s.expires_at) > clock_timestamp() AS is_alive,
    coalesce(a.properties->'is_first_party' <> 'false', true) AS is_first_party,
    CASE WHEN k.is_given THEN k.scope END AS allowed
FROM people p
LEFT JOIN sessions s ON s.tenant = p.tenant AND s.session_id = $3 AND s.person = p.person
LEFT JOIN clients_v1 a ON a.key = $4
LEFT JOIN consents k ON k.tenant = p.tenant AND k.consent_id = $5
WHERE p.tenant = $1 AND p.person = $2
"""  # noqa: S608  # of constants

BESIDE: Final = ("session_id", "ended", "is_alive", "is_first_party", "allowed")


@dataclass(frozen=True)
class Held:
    """What there is; `session` is whether its row is there, `allowed` the scopes of a consent that holds."""

    person: Person
    has_session: bool
    ended: str | None
    is_alive: bool
    is_first_party: bool
    allowed: frozenset[str] | None


async def held(database: Database, asked: PersonOf) -> Held | None:
    """What the grant in question rests on; `None` where there is no such person."""
    consent_id = consent_id_of(asked.tenant, asked.person, asked.client_id, asked.audience)
    key = f"{asked.tenant}/{asked.client_id}"
    async with database.connection() as rows:
        row = await rows.fetchrow(HELD, asked.tenant, asked.person, asked.session_id, key, consent_id)
    if row is None:
        return None
    said: dict[str, Any] = dict(row)
    session_id, ended, is_alive, is_first_party, allowed = (said.pop(name) for name in BESIDE)
    return Held(
        person=person_of(said),
        has_session=session_id is not None,
        ended=ended,
        is_alive=bool(is_alive),
        is_first_party=is_first_party,
        allowed=None if allowed is None else frozenset(allowed),
    )
