"""How somebody is forgotten, whoever asks: by `DELETE /api/v2/users/{id}`, or by `connections` with an address."""

from typing import Any, Final

from libs.bus import Bus, Serving
from libs.edge.asks import answer_asks, ask
from libs.edge.writes import LONGEST, settled
from libs.eventstore import Committed, Context
from libs.eventstore.applied import SETTLES_WITHIN
from libs.postgres import Connection as Rows
from services.login.commands import SERVICE, EraseUser, EraseUserOf, UsersErased
from services.login.queries import people
from services.login.routes.people_desk import PeopleDesk
from services.login.rows.errands import Errand, put_ending
from services.token.commands import GrantsRevoked, RevokeGrants

ERASED: Final = "erased"


async def erase(desk: PeopleDesk, tenant: str, person: str, context: Context) -> Committed:
    """End what sessions somebody has, and forget them."""
    # Sessions are ended first: afterwards nobody knows whose they were.
    await desk.ended(tenant, person, ERASED, context)

    async def also(rows: Rows, _state: Any) -> None:
        await put_ending(rows, tenant, person, ERASED)  # one may have begun since

    return await desk.store.execute(EraseUser(tenant, person), context, also=also)


class GrantsHand:
    """Hands to `token` that somebody was erased."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def hand(self, errand: Errand) -> None:
        """Have all their grants ended; none has been of use since they were erased."""
        asked = RevokeGrants(tenant=errand.tenant, person=str(errand.payload["person"]), reason=ERASED)
        await ask(self._bus, "token", "revoke_grants", asked, GrantsRevoked)


class EraseAsk:
    """Answers `svc.v1.login.erase_user`."""

    def __init__(self, desk: PeopleDesk) -> None:
        self._desk = desk

    async def serve(self, bus: Bus) -> Serving:
        """Answer from now on."""
        return await answer_asks(bus, SERVICE, "erase_user", EraseUserOf, self.answer)

    async def answer(self, asked: EraseUserOf) -> UsersErased:
        """Forget who has the address in the connection, and tell when it is heard."""
        found = await people.by_email(self._desk.database, asked.tenant, asked.email)
        meant = [each.person for each in found if each.connection_id == asked.connection_id]
        headers: list[tuple[str, str]] = []
        within = SETTLES_WITHIN if asked.patience is None else min(asked.patience, LONGEST)
        for person in meant:
            committed = await erase(self._desk, asked.tenant, person, asked.doer)
            headers = await settled(self._desk.applied, committed, within=within)
        return UsersErased(count=len(meant), headers=headers)
