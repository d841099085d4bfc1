"""People, as the protocol's routes ask about them: `queries.people` on this process's database."""

from collections.abc import Mapping, Sequence
from typing import Any

from libs.oauth.authorization import AuthorizationRequest
from libs.postgres import Database
from services.login.queries import people, sessions
from services.login.queries.people import Person


class Persons:
    """Answers from the rows, never from a copy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def person(self, tenant: str, person: str) -> Person | None:
        """Somebody by the opaque id."""
        return await people.person(self._database, tenant, person)

    async def named(self, tenant: str, user_id: str) -> Person | None:
        """Somebody by Auth0's id."""
        return await people.by_user_id(self._database, tenant, user_id)

    async def session_end(self, tenant: str, session_id: str) -> str | None:
        """Why a session has ended, if it has."""
        session = await sessions.session(self._database, tenant, session_id)
        return session.ended if session else None

    def claims(self, person: Person, asked: AuthorizationRequest, scope: Sequence[str]) -> dict[str, Any]:
        """What an ID token of the front channel says."""
        return people.claims(person, scope, asked.claims, place="id_token")

    def userinfo(self, person: Person, scope: list[str], requested: Mapping[str, Any] | None) -> dict[str, Any]:
        """What userinfo says."""
        return people.claims(person, scope, requested, place="userinfo")
