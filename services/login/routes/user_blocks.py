"""`/api/v2/user-blocks`: whose account is locked after wrong passwords, and its unlocking by an administrator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from libs.edge import Call, Reply, Route, answers
from libs.edge.management_errors import InvalidQuery
from libs.edge.operation import GONE, Operation, Parameter, line
from libs.edge.schema import Boolean
from libs.edge.writes import context_of
from services.login.factors.tickets import Tickets
from services.login.queries import people
from services.login.queries.people import Person
from services.login.routes.people_desk import PeopleDesk
from services.login.routes.user_schema import BLOCKS
from services.login.rows.attempts import Attempts
from services.login.rules.person_reasons import NoSuchUser

PATH: Final = "/api/v2/user-blocks"
ONE: Final = "/api/v2/user-blocks/{id}"

ENABLED: Final = Parameter(
    "consider_brute_force_enablement", Boolean(), "Whether there are none while the tenant has nobody locked"
)
IDENTIFIER: Final = Parameter("identifier", line(320), "An address, a user name or an id")


def routes(desk: PeopleDesk, attempts: Attempts, tickets: Tickets) -> tuple[Route, ...]:
    """The table of routes."""
    blocks = Blocks(desk, attempts, tickets)
    named, by_id = Operation(query=(IDENTIFIER, ENABLED), answer=BLOCKS), Operation(query=(ENABLED,), answer=BLOCKS)
    lifted = Operation(query=(IDENTIFIER,), status=204)
    return (
        Route("GET", PATH, blocks.named, scopes=("read:users",), operation=named),
        Route("DELETE", PATH, blocks.lift_named, scopes=("update:users",), operation=lifted),
        Route("GET", ONE, blocks.read, scopes=("read:users",), operation=by_id),
        Route("DELETE", ONE, blocks.lift, scopes=("update:users",), operation=GONE),
    )


@dataclass(frozen=True)
class Blocks:
    """For which addresses somebody's account is locked; lifting a lock lifts all of them."""

    desk: PeopleDesk
    attempts: Attempts
    tickets: Tickets

    async def read(self, call: Call) -> Reply:
        """Of one user."""
        person = await people.by_user_id(self.desk.database, call.tenant, call.parameters["id"])
        if person is None:
            raise NoSuchUser
        return answers.json({"blocked_for": await self._blocked_for(call, [person])})

    async def named(self, call: Call) -> Reply:
        """Of whoever has an address or an id."""
        return answers.json({"blocked_for": await self._blocked_for(call, await self._named(call))})

    async def lift(self, call: Call) -> Reply:
        """Of one user; 204 also where nothing was locked."""
        person = await people.by_user_id(self.desk.database, call.tenant, call.parameters["id"])
        if person is None:
            raise NoSuchUser
        await self.tickets.lift(call.tenant, person.person, context_of(call), by="api")
        return answers.empty()

    async def lift_named(self, call: Call) -> Reply:
        """Of whoever has an address or an id."""
        for person in await self._named(call):
            await self.tickets.lift(call.tenant, person.person, context_of(call), by="api")
        return answers.empty()

    async def _named(self, call: Call) -> Sequence[Person]:
        identifier = call.query().text("identifier")
        if identifier is None:
            raise InvalidQuery.about("identifier", "Missing required property: identifier")
        by_id = await people.by_user_id(self.desk.database, call.tenant, identifier)
        return [by_id] if by_id else await people.by_email(self.desk.database, call.tenant, identifier)

    async def _blocked_for(self, call: Call, found: Sequence[Person]) -> list[dict[str, str]]:
        if call.query().boolean("consider_brute_force_enablement") and not self.attempts.locks(call.tenant):
            return []
        return [
            {"identifier": person.email or person.name, **({"ip": address} if address else {})}
            for person in found
            for address in await self.attempts.locked(call.tenant, person.person)
        ]
