"""What may be asked of `login` on the bus: whether somebody's grant may still be used, and what is said of them."""

from datetime import datetime
from typing import Final

from libs.bus import Bus, Serving
from libs.edge.asks import answer_asks
from libs.postgres import Database
from services.login.commands import SERVICE, PersonAnswer, PersonOf
from services.login.queries import people, sessions, standing
from services.login.queries.people import Person
from services.login.rules.consent import consent_id_of

CODE: Final = "code"
REVOKED: Final = frozenset({"revoked", "blocked", "erased", "password"})
"""Ends of a session that end what was granted in it; after a plain logout an offline grant lives on."""

SLOTS: Final = 128
"""Asks under way at once: each process of `token` has sixteen, one for each code it redeems and each refresh."""


class PersonAsk:
    """Answers `svc.v1.login.person` from the rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def serve(self, bus: Bus) -> Serving:
        """Answer from now on."""
        return await answer_asks(bus, SERVICE, "person", PersonOf, self.answer, slots=SLOTS)

    async def answer(self, asked: PersonOf) -> PersonAnswer:
        """The person and the claims, or why the grant is dead."""
        somebody = await people.person(self._database, asked.tenant, asked.person)
        refusal = _of_person(somebody, asked.authorized_at) or await self._of_session(asked)
        refusal = refusal or await self._of_consent(asked)
        if refusal is not None or somebody is None:
            return PersonAnswer(refusal=refusal or "unknown", sub="", claims={})
        claims = people.claims(somebody, asked.scope, asked.requested, place="id_token")
        return PersonAnswer(refusal=None, sub=somebody.user_id, claims=claims)

    async def _of_session(self, asked: PersonOf) -> str | None:
        session = await sessions.session(self._database, asked.tenant, asked.session_id)
        if session is None or session.person != asked.person:
            return "no session"
        if asked.purpose == CODE:
            return None if session.is_alive else "session over"
        # Rows of sessions are kept when they are over, so that none is found only where there never was one.
        return "session revoked" if session.ended in REVOKED else None

    async def _of_consent(self, asked: PersonOf) -> str | None:
        known = await standing.clients_of(self._database, asked.tenant, [asked.client_id])
        properties = known.get(asked.client_id)
        if properties is None or properties.get("is_first_party") is not False:
            return None  # token itself knows whether the application is there
        consent_id = consent_id_of(asked.tenant, asked.person, asked.client_id, asked.audience)
        consent = await sessions.consent(self._database, asked.tenant, consent_id)
        return None if consent is not None and consent.covers(asked.scope) else "no consent"


def _of_person(somebody: Person | None, authorized_at: datetime) -> str | None:
    if somebody is None:
        return "unknown"
    if somebody.is_blocked:
        return "blocked"
    return None if authorized_at >= somebody.valid_from else "ended since"
