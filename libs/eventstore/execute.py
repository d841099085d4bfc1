"""The one place that runs load → decide → save → append.

One READ COMMITTED transaction: lock and read rows, ask the database for `now`, decide, write rows, and *last* move
`head` and insert the facts together with COMMIT in one round trip, so that nobody ever holds `head` while a client
thinks. Positions are therefore gapless and in commit order. Only a version conflict decides again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from libs.bus import Bus
from libs.eventstore.append import Entry, append_script, entries, lock_shared
from libs.eventstore.envelope import Context
from libs.eventstore.events import Catalogue, Event, Fact
from libs.eventstore.wake import Wake
from libs.postgres import AlreadyThere, Connection, Database, DatabaseAway
from libs.postgres.database import commit
from libs.runtime.errors import Unavailable
from libs.runtime.together import Together

C_contra = TypeVar("C_contra", contravariant=True)
S = TypeVar("S")

ATTEMPTS: Final = 5
"""A command that lost this many races in a row is answered 503: somebody holds its stream busy."""

WAITS_FOR_OTHERS: Final = 5.0
"""Seconds a command may wait for the transaction of others; by then whoever asked has been told, and it is not run."""

Also = Callable[[Connection, Any], Awaitable[None]]
"""What is written beside the facts of a command: it is told the state which they leave."""

STREAM_CONFLICT: Final = "facts_stream_version"

POSITION: Final = "SELECT head.epoch, facts.pos FROM facts, head WHERE facts.id = $1 AND head.log = 'facts'"


@dataclass(frozen=True)
class Loaded(Generic[S]):
    """An aggregate as its rows say: the state, and the version of its stream (0 before the first fact)."""

    state: S
    version: int


class Aggregate(Protocol[S]):
    """How one kind of aggregate is loaded, changed and kept."""

    def stream(self, command: Any) -> str:
        """The stream this command's facts go to, unique within the tenant."""

    async def load(self, rows: Connection, command: Any) -> Loaded[S]:
        """Lock and read what `decide` needs to know."""

    def evolve(self, state: S, event: Event) -> S:
        """The state after `event`; total, never raises."""

    async def save(self, rows: Connection, command: Any, before: Loaded[S], after: Loaded[S]) -> None:
        """Write the rows; secrets travel from the command to their rows, never through an event."""


class HasTenant(Protocol):
    """Every command names its tenant."""

    @property
    def tenant(self) -> str:
        """Whose command it is."""


@dataclass(frozen=True)
class Handler(Generic[S]):
    """What runs one kind of command."""

    aggregate: Aggregate[S]
    decide: Callable[[Any, S, datetime], Sequence[Event]]
    shares: bool = False
    """Whether commands of this kind that come at the same time share a transaction.

    For commands that lock no row which somebody else could hold: the first of an aggregate whose id is new.
    """


@dataclass(frozen=True)
class Committed:
    """What came of a command: the state it left, its events, and the position of its last fact (0 without one)."""

    state: Any
    events: tuple[Event, ...]
    epoch: int
    pos: int
    now: datetime


@dataclass(frozen=True)
class Wanted:
    """A command, what it brings to its events, and their ids where the caller derived them."""

    command: HasTenant
    context: Context
    ids: Sequence[UUID] = ()


class EventStore:
    """One service's log, written by commands."""

    def __init__(
        self, database: Database, catalogue: Catalogue, bus: Bus, handlers: Mapping[type, Handler[Any]]
    ) -> None:
        self.database = database
        self.catalogue = catalogue
        self.handlers = handlers
        self.wake = Wake(bus, catalogue.service)
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
            except _Refused as refused:
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
        except _Refused as refused:
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
    ) -> "list[_Decided]":
        """Run commands in one transaction; those that are refused are put into `refusals`, or the first is raised."""
        async with self.database.transaction(lock_shared(self.catalogue.service)) as rows:
            decided: list[_Decided] = []
            for number, each in enumerate(wanted):
                try:
                    # Those of one transaction share its moment.
                    decided.append(await self._decided(rows, each, decided[0].now if decided else None))
                except _Refused as refused:
                    if refusals is None:
                        raise
                    refusals[number] = refused.refusal
            if also is not None:
                await also(rows, decided[-1].state)
            appended = [entry for each in decided for entry in each.appended]
            if appended:
                await commit(rows, append_script(appended))
        for log in {"facts" if entry.stream is not None else "activity" for entry in appended}:
            await self.wake.appended(log)
        return decided

    async def _decided(self, rows: Connection, wanted: Wanted, moment: datetime | None) -> "_Decided":
        """Load, decide and save one command.

        Raises:
            _Refused: by its rule, or because an event is too large; nothing of it was written yet.
        """
        command = wanted.command
        handler = self.handlers[type(command)]
        before = await handler.aggregate.load(rows, command)
        now: datetime = moment or await rows.fetchval("SELECT clock_timestamp()")
        try:
            events = tuple(handler.decide(command, before.state, now))
            stream = handler.aggregate.stream(command)
            appended = entries(
                self.catalogue, command.tenant, stream, before.version, events, wanted.context, now, wanted.ids
            )
        except Exception as refusal:
            raise _Refused(refusal) from refusal
        after = _folded(handler, before, events)
        if events:
            await handler.aggregate.save(rows, command, before, after)
        return _Decided(after.state, events, appended, now)

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


@dataclass(frozen=True)
class _Decided:
    """A command that was decided in a transaction which is still open."""

    state: Any
    events: tuple[Event, ...]
    appended: Sequence[Entry]
    now: datetime

    @property
    def facts(self) -> int:
        """How many positions its facts take."""
        return sum(entry.stream is not None for entry in self.appended)

    def committed(self, epoch: int, pos: int) -> Committed:
        """What came of it, its last fact at `pos`."""
        return Committed(self.state, self.events, epoch, pos, self.now)


class _Refused(Exception):
    """A command was refused before anything of it was written."""

    def __init__(self, refusal: Exception) -> None:
        super().__init__(repr(refusal))
        self.refusal = refusal


def _folded(handler: Handler[Any], before: Loaded[Any], events: Sequence[Event]) -> Loaded[Any]:
    state = before.state
    for event in events:
        state = handler.aggregate.evolve(state, event)
    facts = sum(isinstance(event, Fact) for event in events)
    return Loaded(state, before.version + facts)
