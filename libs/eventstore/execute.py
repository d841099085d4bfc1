"""The one place that runs load → decide → save → append.

One READ COMMITTED transaction: lock and read rows, ask the database for `now`, decide, write rows, and *last* move
`head` and insert the facts together with COMMIT in one round trip, so that nobody ever holds `head` while a client
thinks. Positions are therefore gapless and in commit order. Only a version conflict decides again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Final
from uuid import UUID

from libs.bus import Bus
from libs.eventstore.append import Entry, append_script, lock_shared
from libs.eventstore.deciding import Committed, Decided, Deciding, Handler, HasTenant, Refused, Wanted
from libs.eventstore.envelope import Context
from libs.eventstore.events import Catalogue
from libs.eventstore.wake import Wake
from libs.postgres import AlreadyThere, Connection, Database, DatabaseAway
from libs.postgres.database import commit
from libs.runtime.errors import Unavailable
from libs.runtime.together import Together

ATTEMPTS: Final = 5
"""A command that lost this many races in a row is answered 503: somebody holds its stream busy."""

WAITS_FOR_OTHERS: Final = 5.0
"""Seconds a command may wait for the transaction of others; by then whoever asked has been told, and it is not run."""

Also = Callable[[Connection, Any], Awaitable[None]]
"""What is written beside the facts of a command: it is told the state which they leave."""

STREAM_CONFLICT: Final = "facts_stream_version"

POSITION: Final = "SELECT head.epoch, facts.pos FROM facts, head WHERE facts.id = $1 AND head.log = 'facts'"


class EventStore:
    """One service's log, written by commands."""

    def __init__(
        self, database: Database, catalogue: Catalogue, bus: Bus, handlers: Mapping[type, Handler[Any]]
    ) -> None:
        self.database = database
        self.catalogue = catalogue
        self.handlers = handlers
        self.wake = Wake(bus, database, catalogue.service)
        self.halted: str | None = None
        self._sharing = Together(self._shared)

    def halt(self, reason: str) -> None:
        """Append no more: the log and its mirror disagree, and every further event would make it worse."""
        self.halted = reason

    def require_running(self) -> None:
        """Refuse while halted.

        Raises:
            Unavailable: with the reason.
        """
        if self.halted is not None:
            raise Unavailable(self.halted)

    async def execute(
        self,
        command: HasTenant,
        context: Context,
        *,
        also: Also | None = None,
        ids: Sequence[UUID] = (),
        placed: bool = True,
    ) -> Committed:
        """Run a command; `also` is written in the same transaction (a reaction's checkpoint, an answer to be kept).

        Who does not wait for followers needs no position: without `placed` it is not looked up, and 0.

        Raises:
            Unavailable: the database is away, the log is halted, or too many races were lost.
            AlreadyThere: a unique index refuses what was decided, also after deciding again; nothing was written.
            EventTooLarge: an event is over the limit; nothing was written.
            What the rule raises: a refusal; nothing was written.
        """
        self.require_running()
        if self.handlers[type(command)].shares and also is None and not ids:
            outcome = await self._sharing.one((Wanted(command, context), monotonic() + WAITS_FOR_OTHERS))
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is not None:
                return outcome
        return await self._alone(Wanted(command, context, ids), also, placed=placed)

    async def _alone(self, wanted: Wanted, also: Also | None, *, placed: bool) -> Committed:
        lost = ""
        for _ in range(ATTEMPTS):
            try:
                [decided] = await self._attempt([wanted], also)
            except Refused as refused:
                raise refused.refusal from None
            except AlreadyThere as conflict:
                if conflict.constraint not in {lost, STREAM_CONFLICT}:
                    lost = conflict.constraint  # perhaps the same aggregate's first row: it will be seen now
                elif conflict.constraint != STREAM_CONFLICT:
                    raise
            else:
                epoch, pos = await self._position(decided.appended) if placed else (0, 0)
                return decided.committed(epoch, pos)
        raise Unavailable(f"{type(wanted.command).__name__} lost {ATTEMPTS} races for its stream")

    async def execute_together(self, wanted: Sequence[Wanted], *, also: Also) -> None:
        """Run several commands in one transaction, in their order, with `also` after the last; nobody decides again.

        Raises:
            Unavailable: the database is away or the log is halted.
            AlreadyThere, EventTooLarge, what a rule raises: nothing of all of them was written.
        """
        self.require_running()
        try:
            await self._attempt(wanted, also)
        except Refused as refused:
            raise refused.refusal from None

    async def _shared(self, asked: Sequence[tuple[Wanted, float]]) -> "list[Committed | Exception | None]":
        """Run commands of several askers, each with its deadline: the outcomes, as `_in_one` tells them.

        Raises:
            Unavailable: the database is away, or the outcome is unknown; of all of them.
        """
        now = monotonic()
        outcomes = iter(await self._in_one([wanted for wanted, until in asked if until > now]))
        return [next(outcomes) if until > now else Unavailable("the request took too long") for _, until in asked]

    async def _in_one(self, wanted: Sequence[Wanted]) -> "list[Committed | Exception | None]":
        """Run commands in one transaction: what came of each, or its refusal; `None` for those to be run alone."""
        if not wanted:
            return []
        refusals: dict[int, Exception] = {}
        try:
            decided = await self._attempt(wanted, None, refusals)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001  # any of them may be at fault, and none was written: each alone tells
            return [None] * len(wanted)
        epoch, pos = await self._position([entry for each in decided for entry in each.appended])
        outcomes: list[Committed | Exception | None] = []
        for each in reversed(decided):
            # Appended one behind the other: the last one's position says all, or none when it was not to be had.
            outcomes.append(each.committed(epoch, max(pos, 0) if each.facts else 0))
            pos -= each.facts
        return [refusals[number] if number in refusals else outcomes.pop() for number in range(len(wanted))]

    async def _attempt(
        self, wanted: Sequence[Wanted], also: Also | None, refusals: dict[int, Exception] | None = None
    ) -> list[Decided]:
        """Run commands in one transaction; those that are refused are put into `refusals`, or the first is raised."""
        async with self.database.transaction(lock_shared(self.catalogue.service)) as rows:
            decided = await Deciding(rows, self.catalogue, self.handlers).all(wanted, refusals)
            if also is not None:
                await also(rows, decided[-1].state)
            appended = [entry for each in decided for entry in each.appended]
            if appended:
                await commit(rows, append_script(appended))
        for log in {"facts" if entry.stream is not None else "activity" for entry in appended}:
            await self.wake.appended(log)
        return decided

    async def _position(self, appended: Sequence[Entry]) -> tuple[int, int]:
        facts = [entry for entry in appended if entry.stream is not None]
        if not facts:
            return 0, 0
        try:
            async with self.database.connection() as rows:
                found = await rows.fetchrow(POSITION, facts[-1].id)
        except DatabaseAway:
            return 0, 0  # it is committed all the same
        return (found["epoch"], found["pos"]) if found else (0, 0)
