"""What may be asked of `login` on the bus: whether somebody's grant may be used, what is said of them, who they are."""

from collections.abc import Collection
from typing import Final

from libs.bus import Bus, Serving
from libs.edge.asks import answer_asks
from libs.postgres import Database
from services.login.commands import (
    SERVICE,
    PeopleAnswer,
    PeopleOf,
    PersonAnswer,
    PersonOf,
    UserAnswer,
    UserOf,
)
from services.login.queries import people
from services.login.queries.held import Held, held
from services.login.queries.people import Person

CODE: Final = "code"
REVOKED: Final = frozenset({"revoked", "admin", "blocked", "erased", "password"})
"""Ends of a session that end what was granted in it; after a plain logout an offline grant lives on."""

EACH_ALONE: Final = 128
"""Asks about one person under way at once: each process of the older `token` has sixteen."""


class PeopleAsk:
    """Answers `svc.v1.login.people` from the rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def serve(self, bus: Bus) -> Serving:
        """Answer from now on."""
        return await answer_asks(bus, SERVICE, "people", PeopleOf, self.answer)

    async def answer(self, asked: PeopleOf) -> PeopleAnswer:
        """The people and the claims, or why the grants are dead."""
        found = await held(self._database, asked.people)
        return PeopleAnswer(people=[_answer(*each) for each in zip(asked.people, found, strict=True)])


class PersonAsk:
    """Answers `svc.v1.login.person`: the same of one alone, as `token` of 0.4.0 asks it.

    Releases run side by side while one takes the other's place: what the older one asks is answered for one release
    more, or every code and refresh would be refused until the last old process is gone.
    """

    def __init__(self, database: Database) -> None:
        self._people = PeopleAsk(database)

    async def serve(self, bus: Bus) -> Serving:
        """Answer from now on."""
        return await answer_asks(bus, SERVICE, "person", PersonOf, self.answer, slots=EACH_ALONE)

    async def answer(self, asked: PersonOf) -> PersonAnswer:
        """The person and the claims, or why the grant is dead."""
        (answer,) = (await self._people.answer(PeopleOf(people=[asked]))).people
        return answer


def _answer(asked: PersonOf, found: Held | None) -> PersonAnswer:
    refusal = _refusal(found, asked)
    if found is None or refusal is not None:
        return PersonAnswer(refusal=refusal, sub="", claims={})
    claims = people.claims(found.person, asked.scope, asked.requested, place="id_token")
    return PersonAnswer(refusal=None, sub=found.person.user_id, claims=claims)


class UserAsk:
    """Answers `svc.v1.login.user` from the rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def serve(self, bus: Bus) -> Serving:
        """Answer from now on."""
        return await answer_asks(bus, SERVICE, "user", UserOf, self.answer)

    async def answer(self, asked: UserOf) -> UserAnswer:
        """Both ids of somebody who is there, also of who is blocked."""
        found = await self._found(asked)
        if found is None:
            return UserAnswer(person=None, user_id=None)
        return UserAnswer(person=found.person, user_id=found.user_id)

    async def _found(self, asked: UserOf) -> Person | None:
        if asked.person is not None:
            return await people.person(self._database, asked.tenant, asked.person)
        return await people.by_user_id(self._database, asked.tenant, asked.user_id or "")


def _refusal(found: Held | None, asked: PersonOf) -> str | None:
    """Why the grant is dead; nothing while it lives."""
    if found is None:
        return "unknown"
    if found.person.is_blocked:
        return "blocked"
    if asked.authorized_at < found.person.valid_from:
        return "ended since"
    return _of_session(found, asked.purpose) or _of_consent(found, asked.scope)


def _of_session(found: Held, purpose: str) -> str | None:
    if not found.has_session:
        return "no session"
    if purpose == CODE:
        return None if found.is_alive else "session over"
    # The row of one that is over is kept while a grant names it, so that none is found only where there never was one.
    return "session revoked" if found.ended in REVOKED else None


def _of_consent(found: Held, scope: Collection[str]) -> str | None:
    if found.is_first_party:
        return None  # token itself knows whether the application is there
    return None if found.allowed is not None and found.allowed.issuperset(scope) else "no consent"
