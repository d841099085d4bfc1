"""`/api/v2/connections/{id}/users`: somebody of a database connection is forgotten by address; `login` does it."""

from dataclasses import dataclass
from typing import Final

from libs.bus import Bus
from libs.edge import Call, Reply, Route, answers
from libs.edge.asks import learn
from libs.edge.management_errors import BadRequest, InvalidQuery
from libs.edge.operation import Operation, Parameter, line
from libs.edge.writes import context_of, patience
from libs.postgres import Database
from services.connections import queries
from services.connections.rules.connection import NoSuchConnection
from services.connections.rules.defaults import DATABASE_STRATEGY
from services.login.commands import EraseUserOf, UsersErased

PATH: Final = "/api/v2/connections/{id}/users"

WITHIN: Final = 3.5
"""Seconds `login` may need beside what its followers are waited for: sessions are ended one by one."""

LONGEST: Final = 4.5
"""Seconds `login` may need with all that: the request's own deadline comes after five."""

DELETE: Final = Operation(query=(Parameter("email", line(320), "The address, in any case"),), status=204, errors=(404,))


class NotADatabase(BadRequest):
    """The people of the connection are not kept here."""

    def __init__(self) -> None:
        super().__init__("Users can be deleted by their email of a database connection alone.", "invalid_strategy")


@dataclass(frozen=True)
class ConnectionUsers:
    """The handler."""

    database: Database
    bus: Bus

    def routes(self) -> tuple[Route, ...]:
        """The table of routes."""
        return (Route("DELETE", PATH, self.delete, scopes=("delete:users",), operation=DELETE),)

    async def delete(self, call: Call) -> Reply:
        """Forget whoever has an address; 204 also where nobody has. All of a connection's cannot be meant."""
        email = call.query().text("email")
        if email is None:
            raise InvalidQuery.about("email", "Missing required property: email")
        connection = await queries.connection(self.database, call.tenant, call.parameters["id"])
        if connection is None:
            raise NoSuchConnection
        if connection.strategy != DATABASE_STRATEGY:
            raise NotADatabase
        waits = patience(call)
        asked = EraseUserOf(
            tenant=call.tenant,
            connection_id=connection.connection_id,
            email=email,
            doer=context_of(call),
            patience=waits,
        )
        within = min(WITHIN + waits, LONGEST)
        erased = await learn(self.bus, "login", "erase_user", asked, UsersErased, timeout=within)
        return answers.empty(headers=erased.headers)
