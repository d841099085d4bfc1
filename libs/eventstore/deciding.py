"""Load → decide → save, for the commands of one transaction: what an aggregate is, and how several go at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from libs.eventstore.append import Entry, entries
from libs.eventstore.envelope import Context
from libs.eventstore.events import Catalogue, Event, Fact
from libs.postgres import Connection

S = TypeVar("S")

Place = tuple[str, str]
"""Whose stream, and which."""


@dataclass(frozen=True)
class Loaded(Generic[S]):
    """An aggregate as its rows say: the state, and the version of its stream (0 before the first fact)."""

    state: S
    version: int


class HasTenant(Protocol):
    """Every command names its tenant."""

    @property
    def tenant(self) -> str:
        """Whose command it is."""


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


@dataclass(frozen=True)
class Change(Generic[S]):
    """What the commands of one transaction made of one stream."""

    commands: Sequence[Any]
    before: Loaded[S]
    after: Loaded[S]


class Several(Protocol[S]):
    """How the rows of several commands of one kind are read and written: what one by one would do, but at once."""

    async def load_all(self, rows: Connection, commands: Sequence[Any]) -> Mapping[Place, Loaded[S]]:
        """Lock and read what `decide` needs to know of any of them, by stream."""

    async def save_all(self, rows: Connection, changes: Sequence[Change[S]]) -> None:
        """Write the rows of every stream that changed."""


@dataclass(frozen=True)
class Handler(Generic[S]):
    """What runs one kind of command."""

    aggregate: Aggregate[S]
    decide: Callable[[Any, S, datetime], Sequence[Event]]
    shares: bool = False
    """Whether commands of this kind that come at the same time share a transaction.

    For commands that lock no row which somebody else could hold: the first of an aggregate whose id is new.
    """
    several: Several[S] | None = None
    """How several of this kind in one transaction are loaded and saved; without it, one after the other."""


@dataclass(frozen=True)
class Wanted:
    """A command, what it brings to its events, and their ids where the caller derived them."""

    command: HasTenant
    context: Context
    ids: Sequence[UUID] = ()


@dataclass(frozen=True)
class Committed:
    """What came of a command: the state it left, its events, and the position of its last fact (0 without one)."""

    state: Any
    events: tuple[Event, ...]
    epoch: int
    pos: int
    now: datetime


@dataclass(frozen=True)
class Decided:
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


class Refused(Exception):
    """A command was refused, by its rule or because an event is too large, before anything of it was written."""

    def __init__(self, refusal: Exception) -> None:
        super().__init__(repr(refusal))
        self.refusal = refusal


class Deciding:
    """The commands of one transaction on `rows`, which share its moment."""

    def __init__(self, rows: Connection, catalogue: Catalogue, handlers: Mapping[type, Handler[Any]]) -> None:
        self._rows = rows
        self._catalogue = catalogue
        self._handlers = handlers
        self._now: datetime | None = None

    async def all(self, wanted: Sequence[Wanted], refusals: dict[int, Exception] | None) -> list[Decided]:
        """Load, decide and save each; those that are refused are put into `refusals`, by their number.

        Raises:
            Refused: the first that was, where `refusals` are not wanted.
        """
        handler = self._handlers[type(wanted[0].command)]
        if handler.several is not None and len({type(each.command) for each in wanted}) == 1 < len(wanted):
            return await self._at_once(wanted, handler, handler.several, refusals)
        decided: list[Decided] = []
        for number, each in enumerate(wanted):
            try:
                decided.append(await self._alone(each))
            except Refused as refused:
                _note(refused, number, refusals)
        return decided

    async def _alone(self, wanted: Wanted) -> Decided:
        handler = self._handlers[type(wanted.command)]
        before = await handler.aggregate.load(self._rows, wanted.command)
        decided, after = self._decide(handler, wanted, before, await self._moment())
        if decided.events:
            await handler.aggregate.save(self._rows, wanted.command, before, after)
        return decided

    async def _at_once(
        self,
        wanted: Sequence[Wanted],
        handler: Handler[Any],
        several: Several[Any],
        refusals: dict[int, Exception] | None,
    ) -> list[Decided]:
        """What one finds is what those before it left."""
        before = await several.load_all(self._rows, [each.command for each in wanted])
        now, after = await self._moment(), dict(before)
        decided: list[Decided] = []
        changing: dict[Place, list[Any]] = {}
        for number, each in enumerate(wanted):
            place = (each.command.tenant, handler.aggregate.stream(each.command))
            try:
                one, left = self._decide(handler, each, after[place], now)
            except Refused as refused:
                _note(refused, number, refusals)
                continue
            decided.append(one)
            if one.events:
                after[place] = left
                changing.setdefault(place, []).append(each.command)
        if changing:
            changes = [Change(commands, before[place], after[place]) for place, commands in changing.items()]
            await several.save_all(self._rows, changes)
        return decided

    def _decide(
        self, handler: Handler[Any], wanted: Wanted, before: Loaded[Any], now: datetime
    ) -> tuple[Decided, Loaded[Any]]:
        command = wanted.command
        try:
            events = tuple(handler.decide(command, before.state, now))
            stream = handler.aggregate.stream(command)
            appended = entries(
                self._catalogue, command.tenant, stream, before.version, events, wanted.context, now, wanted.ids
            )
        except Exception as refusal:
            raise Refused(refusal) from refusal
        after = _folded(handler, before, events)
        return Decided(after.state, events, appended, now), after

    async def _moment(self) -> datetime:
        if self._now is None:
            self._now = await self._rows.fetchval("SELECT clock_timestamp()")
        return self._now


def _note(refused: Refused, number: int, refusals: dict[int, Exception] | None) -> None:
    if refusals is None:
        raise refused
    refusals[number] = refused.refusal


def _folded(handler: Handler[Any], before: Loaded[Any], events: Sequence[Event]) -> Loaded[Any]:
    state = before.state
    for event in events:
        state = handler.aggregate.evolve(state, event)
    facts = sum(isinstance(event, Fact) for event in events)
    return Loaded(state, before.version + facts)
