"""What the handlers of the Management API work with: the log they write, the rows they read, whom a write waits for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec.structs import replace

from libs.edge import Call, Cursors, Reply
from libs.edge.idempotency import AnsweredRequests
from libs.edge.management_errors import PayloadTooLarge
from libs.edge.paging import CheckpointPage, listing
from libs.edge.writes import context_of, patience, settled
from libs.eventstore import Also, Applied, Committed, EventStore, EventTooLarge
from libs.eventstore.deciding import HasTenant
from libs.postgres import AlreadyThere, Connection, Database
from services.connections.rules.connection import NameTaken

NAME: str = "connections_name"


class Done(NamedTuple):
    """A command that was run, and the headers of its answer."""

    committed: Committed
    headers: list[tuple[str, str]]


@dataclass(frozen=True)
class Desk:
    """One per process."""

    store: EventStore
    database: Database
    applied: Applied
    answered: AnsweredRequests
    cursors: Cursors

    async def once(self, command: HasTenant, call: Call, answered: Callable[[Any], Reply]) -> Reply:
        """Run a POST's command as `run` does; its answer is kept for whoever sends it again.

        Raises:
            What `run` raises.
        """

        async def kept(_: Connection, state: Any) -> Reply:
            return answered(state)

        done = await self.run(command, call, also=self.answered.keeping(call, kept))
        reply = answered(done.committed.state)
        return replace(reply, headers=[*reply.headers, *done.headers])

    async def run(self, command: HasTenant, call: Call, *, also: Also | None = None) -> Done:
        """Run a command in the caller's name and wait, as long as it has patience, until who obeys it has heard.

        Raises:
            PayloadTooLarge: what it says does not fit an event.
            NameTaken: somebody was faster with the name.
            What the rule raises: a refusal; nothing was written.
        """
        try:
            committed = await self.store.execute(command, context_of(call), also=also)
        except EventTooLarge as error:
            raise PayloadTooLarge("The properties of one change are too large together.") from error
        except AlreadyThere as there:
            if there.constraint != NAME:
                raise
            raise NameTaken from there
        return Done(committed, await settled(self.applied, committed, within=patience(call)))

    def position(self, call: Call, page: CheckpointPage) -> str:
        """The id behind which the page begins.

        Raises:
            InvalidQuery: the cursor is altered, too old, or another tenant's, list's or filter's.
        """
        if page.cursor is None:
            return ""
        return self.cursors.opened(call.tenant, _listing(call), page.cursor, now=call.now)

    def following(self, call: Call, position: str | None) -> str | None:
        """The cursor of the page behind `position`; `None` when there is none."""
        if position is None:
            return None
        return self.cursors.sealed(call.tenant, _listing(call), position, now=call.now)


def _listing(call: Call) -> str:
    return listing(call.request.path, call.query())
