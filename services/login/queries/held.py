"""What grants rest on: the person, the session, the application and the person's consent, read in one statement.

It is asked for each code that is redeemed and each refresh, so it is one look at the rows and not four, and one for
all that come at the same time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from libs.postgres import Database, Record
from services.login.commands import PersonOf
from services.login.queries import people
from services.login.queries.people import Person, person_of
from services.login.rules.consent import consent_id_of

HELD: Final = f"""
SELECT n, {people.COLUMNS}, s.session_id, s.ended,
    s.ended IS NULL AND least(s.idle_expires_at, s.expires_at) > clock_timestamp() AS is_alive,
    coalesce(a.properties->'is_first_party' <> 'false', true) AS is_first_party,
    CASE WHEN k.is_given THEN k.scope END AS allowed
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    WITH ORDINALITY AS asked(tenant, person, session, client, consent, n)
JOIN people p ON p.tenant = asked.tenant AND p.person = asked.person
LEFT JOIN sessions s ON s.tenant = p.tenant AND s.session_id = asked.session AND s.person = p.person
LEFT JOIN clients_v1 a ON a.key = asked.client
LEFT JOIN consents k ON k.tenant = p.tenant AND k.consent_id = asked.consent
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


async def held(database: Database, asked: Sequence[PersonOf]) -> list[Held | None]:
    """What each grant in question rests on, in their order; `None` where there is no such person."""
    columns = [list(each) for each in zip(*map(_named, asked), strict=True)]
    async with database.connection() as rows:
        found = {row["n"]: _held(row) for row in await rows.fetch(HELD, *columns)}
    return [found.get(number) for number in range(1, len(asked) + 1)]


def _named(asked: PersonOf) -> tuple[str, str, str, str, str]:
    consent_id = consent_id_of(asked.tenant, asked.person, asked.client_id, asked.audience)
    return asked.tenant, asked.person, asked.session_id, f"{asked.tenant}/{asked.client_id}", consent_id


def _held(row: Record) -> Held:
    said: dict[str, Any] = dict(row)
    session_id, ended, is_alive, is_first_party, allowed = (said.pop(name) for name in BESIDE)
    said.pop("n")
    return Held(
        person=person_of(said),
        has_session=session_id is not None,
        ended=ended,
        is_alive=bool(is_alive),
        is_first_party=is_first_party,
        allowed=None if allowed is None else frozenset(allowed),
    )
