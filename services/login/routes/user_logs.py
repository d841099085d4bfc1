"""`/api/v2/users/{id}/logs`: what the tenant's log has of one user, which is asked of `audit`.

Who that is, only `login` knows: the log names people by their opaque ids.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from libs.bus import Bus
from libs.edge import Call, Reply, Route, answers
from libs.edge.asks import learn
from libs.edge.management_errors import InvalidQuery
from libs.edge.operation import PAGES, Listing, Operation, Parameter
from libs.edge.paging import OffsetPage, requested
from libs.edge.schema import Anything, Text
from services.audit.commands import MOST_FOUND, LogsAnswer, LogsOf
from services.login.rules.person_reasons import NoSuchUser

PATH: Final = "/api/v2/users/{id}/logs"
READ: Final = ("read:logs", "read:logs_users")

NEWEST_FIRST: Final = "date:-1"
OLDEST_FIRST: Final = "date:1"

LIST: Final = Operation(
    query=(*PAGES, Parameter("sort", Text(enum=(NEWEST_FIRST, OLDEST_FIRST)), "The newest first when absent")),
    answer=Listing("logs", Anything(), has_checkpoints=False),
    errors=(404,),
)


class TooFar(InvalidQuery):
    """The page is behind the last one."""

    def __init__(self) -> None:
        super().__init__(
            f"Query validation error: 'Only the first {MOST_FOUND} entries have pages' on property page. "
            "The log of the tenant, /api/v2/logs, is walked without an end by from and take."
        )


class Somebody(Protocol):
    """A person with both ids."""

    @property
    def person(self) -> str:
        """The opaque id."""

    @property
    def user_id(self) -> str:
        """Auth0's id."""


class Users(Protocol):
    """Where it is asked about users."""

    async def named(self, tenant: str, user_id: str) -> Somebody | None:
        """Somebody by Auth0's id."""


@dataclass(frozen=True)
class UserLogs:
    """The handler."""

    bus: Bus
    users: Users

    def routes(self) -> tuple[Route, ...]:
        """The table of routes."""
        return (Route("GET", PATH, self.list, scopes=READ, operation=LIST),)

    async def list(self, call: Call) -> Reply:
        """A page of a user's entries."""
        query = call.query()
        page = requested(query, has_checkpoints=False)
        assert isinstance(page, OffsetPage), "no checkpoints were offered"
        if page.start >= MOST_FOUND:
            raise TooFar
        somebody = await self.users.named(call.tenant, call.parameters["id"])
        if somebody is None:
            raise NoSuchUser
        asked = LogsOf(
            tenant=call.tenant,
            person=somebody.person,
            start=page.start,
            limit=page.per_page,
            is_newest_first=query.text("sort") != OLDEST_FIRST,
            counts=page.include_totals,
        )
        found = await learn(self.bus, "audit", "logs_of", asked, LogsAnswer)
        items: list[dict[str, Any]] = [{**each, "user_id": somebody.user_id} for each in found.entries]
        said = page.answer("logs", items, found.total)
        return answers.json({**said, "length": len(items)} if page.include_totals else said)
