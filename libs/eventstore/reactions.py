"""Reactions: events of this or another service turned into commands, each exactly once.

A reaction has a checkpoint of its own, apart from any projection's: a rebuild replays projections and must never
repeat a reaction. Command and checkpoint commit together, and the ids of what it causes are derived from the event's,
so even a repeat by hand is a no-op.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

from libs.bus import Bus, BusError, Delivered, StreamRefused, Streams
from libs.eventstore.applied import Applied, Saying
from libs.eventstore.checkpoints import (
    Checkpoint,
    CheckpointMoved,
    Progress,
    halt,
    keep_passed,
    read_checkpoint,
    set_checkpoint,
)
from libs.eventstore.deciding import HasTenant, Wanted
from libs.eventstore.envelope import Actor, Context, Envelope, from_wire
from libs.eventstore.epochs import SourceRestored, reader_after, require_epoch
from libs.eventstore.events import Catalogue, Event, NotUnderstood
from libs.eventstore.execute import Also, EventStore
from libs.eventstore.metrics import HALTED
from libs.eventstore.names import FACTS, stream_of
from libs.eventstore.waiting import Waiting
from libs.postgres import AlreadyThere, Connection, Locks
from libs.runtime.errors import Unavailable
from libs.telemetry.logs import log as say
from libs.telemetry.readiness import Readiness

T = TypeVar("T")

FETCH: Final = 100
FETCH_WAIT: Final = 5.0
PAUSE: Final = 0.2
HALTED_PAUSE: Final = 1.0
EVENT_ID: Final = "facts_id_key"
TOGETHER: Final = 32
"""Events at most that are reacted to in one transaction."""

IDS: Final = 16
"""Derived ids per reaction: more events than a command ever causes."""

React = Callable[[Envelope, Any], Awaitable[HasTenant | None]]
"""Turns an event into a command, or into nothing."""


@dataclass(frozen=True)
class Reaction:
    """What a service does about another's events; `name` is a contract with its checkpoint."""

    name: str
    source: Catalogue
    reacts: Mapping[type[Event], React]
    from_start: bool = False
    """Whether it also reacts to what happened before it was first deployed; a new release's reactions do not."""
    together: frozenset[type[Event]] = frozenset()
    """Events of which several may be reacted to in one transaction: what one causes does not depend on another's."""


class Reactor:
    """Runs one reaction."""

    def __init__(
        self,
        reaction: Reaction,
        store: EventStore,
        bus: Bus,
        locks: Locks,
        readiness: Readiness,
        *,
        applied: Applied | None = None,
    ) -> None:
        self._reaction = reaction
        self._store = store
        self._bus = bus
        self._locks = locks
        self._readiness = readiness
        self._applied = applied
        self._waiting = Waiting(reaction=reaction.name)
        self._progress: Progress | None = None
        self._stream = stream_of(reaction.source.service)
        self._service = store.catalogue.service
        # What a waited-for reaction causes is waited for one by one.
        together = frozenset[type[Event]]() if applied else reaction.together
        self._alone = {reaction.source.name_of(event) for event in reaction.reacts if event not in together}
        self._saying = Saying(bus, reaction.source.service, FACTS, f"{self._service}:{reaction.name}")

    async def prepare(self) -> None:
        """Create the checkpoint when the reaction is deployed for the first time: at the head, unless `from_start`."""
        start = 0 if self._reaction.from_start else await self._head()
        async with self._store.database.connection() as rows:
            await rows.execute(
                "INSERT INTO checkpoints (name, source, epoch, pos, handles) VALUES ($1, $2, 0, $4, $3) "
                "ON CONFLICT (name) DO NOTHING",
                self._reaction.name,
                self._stream,
                sorted(self._reaction.source.name_of(event) for event in self._reaction.reacts),
                start,
            )

    async def _head(self) -> int:
        state = await Streams(self._bus).state(self._stream)
        return state.last if state else 0

    async def run(self) -> None:
        """Lead and react for ever (a background task)."""
        await self._locks.lead(f"react {self._service} {self._reaction.name}", self._lead)

    async def _lead(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._saying.run())
            tasks.create_task(self._follow())
            tasks.create_task(keep_passed(lambda: self._progress))

    async def _follow(self) -> None:
        while True:
            try:
                checkpoint = await self._checkpoint()
                if checkpoint.halted is None:
                    await self._read_or_start_over(checkpoint)
                else:
                    self._tell(checkpoint)
                    await asyncio.sleep(HALTED_PAUSE)
            except (StreamRefused, CheckpointMoved) as reason:
                self._waiting.because("a reaction opens its stream again", reason)
            except Unavailable as error:
                self._waiting.because("a reaction waits", error)
            await asyncio.sleep(PAUSE)

    async def _read_or_start_over(self, checkpoint: Checkpoint) -> None:
        try:
            await self._read(checkpoint)
        except SourceRestored as restored:
            # Nobody says which of the positions behind us hold other events now. Reacting to all of them is right,
            # because what an event caused already is there under its derived id; `limen restored` spares us this.
            say.warning("a reaction begins anew: its source was restored", reaction=self._reaction.name)
            async with self._store.database.transaction() as rows:
                was = await read_checkpoint(rows, self._reaction.name)
                pos = 0 if self._reaction.from_start else was.pos
                await set_checkpoint(rows, self._reaction.name, was, Checkpoint(restored.epoch, pos, was.handles, None))

    async def _read(self, checkpoint: Checkpoint) -> None:
        self._tell(checkpoint)
        await self._saying.say(checkpoint.epoch, checkpoint.pos)
        self._progress = progress = Progress(self._store.database, self._reaction.name, checkpoint)
        async with await reader_after(self._bus, self._stream, checkpoint.pos) as reader:
            while checkpoint.halted is None:
                fetched = await reader.fetch(FETCH, wait=FETCH_WAIT)
                new = [each for each in fetched if each.sequence > checkpoint.pos]
                if len(new) < len(fetched):
                    require_epoch(checkpoint.epoch, from_wire(fetched[0].payload))
                if [each.sequence for each in new] != [*range(checkpoint.pos + 1, checkpoint.pos + 1 + len(new))]:
                    return
                for run in self._runs(new):
                    checkpoint = await self._take_run(progress, run)
                    if checkpoint.halted is not None:
                        return

    def _runs(self, delivered: Sequence[Delivered]) -> Iterator[list[Envelope]]:
        """Events that may be reacted to in one transaction, and one by one those that may not."""
        run: list[Envelope] = []
        for each in delivered:
            envelope = from_wire(each.payload)
            if run and not self._may_share(run, envelope):
                yield run
                run = []
            run.append(envelope)
        if run:
            yield run

    def _may_share(self, run: Sequence[Envelope], envelope: Envelope) -> bool:
        last = run[-1]
        is_alone = not self._alone.isdisjoint({envelope.type, last.type})
        # Where an epoch ends is looked at event by event.
        return len(run) < TOGETHER and envelope.epoch == last.epoch and not is_alone

    async def _take_run(self, progress: Progress, run: Sequence[Envelope]) -> Checkpoint:
        if len(run) > 1 and (reached := await self._together(progress, run)) is not None:
            return reached
        checkpoint = progress.reached
        for envelope in run:
            checkpoint = await self._take(progress, envelope)
            if checkpoint.halted is not None:
                break
        return checkpoint

    async def _together(self, progress: Progress, run: Sequence[Envelope]) -> Checkpoint | None:
        """React to all of them in one transaction; `None` where that failed and one after the other is to be tried."""
        reached = Checkpoint(run[-1].epoch, run[-1].pos, progress.reached.handles, None)
        try:
            require_epoch(progress.reached.epoch, run[0])
            caused = await _all(self._caused(envelope) for envelope in run)
            wanted = [
                self._wanted(envelope, command)
                for envelope, command in zip(run, caused, strict=True)
                if command is not None
            ]
            if not wanted:
                return self._passed(progress, reached)
            async with progress.moving(reached) as was:
                await self._store.execute_together(wanted, also=self._advancing(was, reached))
        except (Unavailable, BusError, CheckpointMoved, SourceRestored):
            raise
        except Exception:  # noqa: BLE001  # the reaction loop: any of the events may be the poison one
            return None
        await self._saying.say(reached.epoch, reached.pos)
        return reached

    async def _take(self, progress: Progress, envelope: Envelope) -> Checkpoint:
        try:
            return await self._advance(progress, envelope)
        except (Unavailable, BusError, CheckpointMoved, SourceRestored):
            raise
        except Exception as error:  # noqa: BLE001  # the reaction loop: any event may be the poison one
            return await self._halt(progress, envelope, error)

    async def _advance(self, progress: Progress, envelope: Envelope) -> Checkpoint:
        require_epoch(progress.reached.epoch, envelope)
        reached = Checkpoint(envelope.epoch, envelope.pos, progress.reached.handles, None)
        command = await self._caused(envelope)
        if command is None:
            return self._passed(progress, reached)
        async with progress.moving(reached) as was:
            advance = self._advancing(was, reached)
            try:
                await self._react(self._wanted(envelope, command), advance)
            except AlreadyThere as there:
                if there.constraint != EVENT_ID:
                    raise
                # What it causes was appended by an earlier run: somebody moved the checkpoint back by hand.
                async with self._store.database.transaction() as rows:
                    await advance(rows, None)
        await self._saying.say(reached.epoch, reached.pos)
        return reached

    def _passed(self, progress: Progress, reached: Checkpoint) -> Checkpoint:
        progress.passed(reached)
        self._saying.mention(reached.epoch, reached.pos)
        return reached

    def _advancing(self, was: Checkpoint, reached: Checkpoint) -> Also:
        async def advance(rows: Connection, _: object) -> None:
            await set_checkpoint(rows, self._reaction.name, was, reached)

        return advance

    async def _caused(self, envelope: Envelope) -> HasTenant | None:
        """The command that follows from an event, if any does."""
        event = self._reaction.source.decode(envelope.type, bytes(envelope.data))
        if event is None and envelope.must_understand:
            raise NotUnderstood(envelope.type)
        react = self._reaction.reacts.get(type(event)) if event is not None else None
        return await react(envelope, event) if react is not None else None

    def _wanted(self, envelope: Envelope, command: HasTenant) -> Wanted:
        context = Context(
            actor=Actor("service", self._service),
            trace=envelope.trace,
            causation_id=str(envelope.id),
            correlation_id=envelope.correlation_id or str(envelope.id),
        )
        return Wanted(command, context, self._ids(envelope))

    async def _react(self, wanted: Wanted, advance: Also) -> None:
        is_waited_for = self._applied is not None
        committed = await self._store.execute(
            wanted.command, wanted.context, also=advance, ids=wanted.ids, placed=is_waited_for
        )
        if self._applied is not None and committed.pos:
            # Whoever waits for this reaction waits for what it caused as well.
            await self._applied.settled(committed.epoch, committed.pos)

    def _ids(self, envelope: Envelope) -> list[UUID]:
        return [uuid5(envelope.id, f"{self._service} {self._reaction.name} {number}") for number in range(IDS)]

    async def _halt(self, progress: Progress, envelope: Envelope, error: Exception) -> Checkpoint:
        await progress.keep()  # an operator skips what comes behind the position that is written down
        checkpoint = progress.reached
        sentence = f"the event at {envelope.pos}: {error!r}"
        say.critical("a reaction halts", reaction=self._reaction.name, reason=sentence, exc_info=error)
        async with self._store.database.connection() as rows:
            await halt(rows, self._reaction.name, sentence)
        halted = Checkpoint(checkpoint.epoch, checkpoint.pos, checkpoint.handles, sentence)
        self._tell(halted)
        return halted

    def _tell(self, checkpoint: Checkpoint) -> None:
        HALTED.labels(self._reaction.name).set(checkpoint.halted is not None)
        if checkpoint.halted is None:
            self._readiness.met(f"reaction {self._reaction.name}")
        else:
            self._readiness.lost(
                f"reaction {self._reaction.name}", f"halted after position {checkpoint.pos}: {checkpoint.halted}"
            )

    async def _checkpoint(self) -> Checkpoint:
        async with self._store.database.connection() as rows:
            return await read_checkpoint(rows, self._reaction.name)


async def _all(asked: Iterable[Awaitable[T]]) -> list[T]:
    """What all of them answer, asked at the same time; the first error is raised when the last one is done."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]
