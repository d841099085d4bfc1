"""`/api/v2/grants`: what people let applications have. Auth0 calls consents so; they are login's (decision 14)."""

from collections.abc import Sequence
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Call, Reply, Route, answers
from libs.edge.asks import ask
from libs.edge.management_errors import InvalidQuery
from libs.edge.operation import PAGES, Listing, Operation, Parameter, line
from libs.edge.paging import OffsetPage, requested
from libs.edge.schema import Anything
from libs.edge.writes import context_of
from libs.eventstore import EventStore
from services.login.commands import RevokeConsent
from services.login.queries import sessions
from services.login.routes.sessions import Users
from services.login.rules.consent import Consent
from services.token.commands import GrantsRevoked, RevokeGrants

PATH: Final = "/api/v2/grants"
ONE: Final = "/api/v2/grants/{id}"

LIST: Final = Operation(
    query=(
        *PAGES,
        Parameter("user_id", line(300), "Only this user's"),
        Parameter("client_id", line(64), "Only this client's"),
        Parameter("audience", line(600), "Only those for this API"),
    ),
    answer=Listing("grants", Anything(), has_checkpoints=False),
)
DELETE_ALL: Final = Operation(query=(Parameter("user_id", line(300), "Whose"),), status=204)
DELETE: Final = Operation(query=(Parameter("user_id", line(300), "Only if it is this user's"),), status=204)
"""As node-auth0 up to 3 asks."""


class Grants:
    """The handlers."""

    def __init__(self, store: EventStore, bus: Bus, users: Users) -> None:
        self._store, self._bus, self._users = store, bus, users

    def routes(self) -> tuple[Route, ...]:
        """The table of routes."""
        return (
            Route("GET", PATH, self.list, scopes=("read:grants",), operation=LIST),
            Route("DELETE", PATH, self.delete_all, scopes=("delete:grants",), operation=DELETE_ALL),
            Route("DELETE", ONE, self.delete, scopes=("delete:grants",), operation=DELETE),
        )

    async def list(self, call: Call) -> Reply:
        """A page of the consents that hold."""
        query = call.query()
        page = requested(query, has_checkpoints=False)
        assert isinstance(page, OffsetPage), "there are no checkpoints here"
        person, is_known = await self._person(call, query.text("user_id"))
        found = await self._found(call, person, query.text("client_id"), query.text("audience")) if is_known else []
        items = [await self._shown(call, each) for each in found[page.start : page.start + page.per_page]]
        return answers.json(page.answer("grants", items, len(found)))

    async def delete_all(self, call: Call) -> Reply:
        """Take back all that somebody allowed."""
        user_id = call.query().text("user_id")
        if user_id is None:
            raise InvalidQuery.about("user_id", "Missing required property: user_id")
        person, _ = await self._person(call, user_id)
        for each in await self._found(call, person, None, None) if person else []:
            await self._revoke(call, each)
        return answers.empty()

    async def delete(self, call: Call) -> Reply:
        """Take one back; 204 also where there was none, or only another's than the user who is named."""
        person, is_known = await self._person(call, call.query().text("user_id"))
        found = await sessions.consent(self._store.database, call.tenant, call.parameters["id"])
        if found is not None and is_known and person in {None, found.person}:
            await self._revoke(call, found)
        return answers.empty()

    async def _revoke(self, call: Call, consent: Consent) -> None:
        """First the consent, without which nothing is granted or renewed; then what rests on it."""
        await self._store.execute(RevokeConsent(call.tenant, consent.consent_id), context_of(call))
        asked = RevokeGrants(
            tenant=call.tenant,
            person=consent.person,
            reason="consent",
            client_id=consent.client_id,
            audience=consent.audience,
            doer=context_of(call),
        )
        await ask(self._bus, "token", "revoke_grants", asked, GrantsRevoked)

    async def _found(
        self, call: Call, person: str | None, client_id: str | None, audience: str | None
    ) -> Sequence[Consent]:
        return await sessions.consents(self._store.database, call.tenant, person, client_id, audience)

    async def _person(self, call: Call, user_id: str | None) -> tuple[str | None, bool]:
        """The opaque id of a user that is asked for, and whether there is anybody to be found."""
        if user_id is None:
            return None, True
        somebody = await self._users.named(call.tenant, user_id)
        return (somebody.person, True) if somebody else (None, False)

    async def _shown(self, call: Call, consent: Consent) -> dict[str, Any]:
        somebody = await self._users.person(call.tenant, consent.person)
        return {
            "id": consent.consent_id,
            "clientID": consent.client_id,
            "user_id": somebody.user_id if somebody else "",
            "audience": consent.audience or "",
            "scope": list(consent.scope),
        }
