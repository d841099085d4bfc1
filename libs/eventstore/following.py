"""Following projections: another service's events as rows of ours, exactly once, in order.

One leader by advisory lock reads through a disposable consumer from checkpoint + 1 and writes rows and checkpoint in
one transaction, guarded by the checkpoint it started from. A gap in the sequences means: open again, never skip.
A poison event halts the projection where it stands, loudly; nothing is passed over in silence.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from libs.bus import Bus, BusError, Delivered, StreamRefused, Streams
from libs.eventstore.applied import Saying
from libs.eventstore.checkpoints import (
    GONE,
    Checkpoint,
    CheckpointMoved,
    Progress,
    halt,
    keep_passed,
    read_checkpoint,
    record,
    set_checkpoint,
)
from libs.eventstore.envelope import Envelope, from_wire
from libs.eventstore.epochs import SourceRestored, reader_after, require_epoch
from libs.eventstore.events import ActivityMissed, Catalogue, Event, NotUnderstood
from libs.eventstore.level import Level
from libs.eventstore.metrics import FOLLOWER_BEHIND, FOLLOWER_SECONDS, HALTED, LAG, POSITION
from libs.eventstore.names import FACTS, stream_of
from libs.eventstore.waiting import Waiting
from libs.postgres import NOT_AWAITED, Connection, Database, DatabaseAway, Locks
from libs.runtime.clock import wall
from libs.telemetry.logs import log as say
from libs.telemetry.readiness import Readiness

FETCH: Final = 500
FETCH_WAIT: Final = 5.0
PAUSE: Final = 0.2
HALTED_PAUSE: Final = 1.0

LOOK: Final = 0.05
STANDS_STILL: Final = 30.0
"""Seconds without a step after which a service no longer waits for its read model, and starts with what it has."""

Apply = Callable[[Connection, str, Envelope, Any], Awaitable[None]]
"""Writes one event into `table`; idempotent. Arguments: rows, table, envelope, event."""

Happened = tuple[Envelope, Any]
"""An event with what stands around it."""

ApplyMany = Callable[[Connection, str, Sequence[Happened]], Awaitable[None]]
"""Writes events, in their order, into `table` by a few statements. Arguments: rows, table, what happened."""


def one_by_one(many: ApplyMany) -> Apply:
    """The same for one event."""

    async def one(rows: Connection, table: str, envelope: Envelope, event: Any) -> None:
        await many(rows, table, [(envelope, event)])

    return one


@dataclass(frozen=True)
class Projection:
    """A read model of another service's facts: the table's name with its version, its DDL, a function per fact.

    `ddl` holds `{table}`, because a rebuild fills another table beside this one. `many`, if given, does for a whole
    batch, in a few statements, exactly what `handles` does one by one.
    """

    name: str
    service: str
    source: Catalogue
    ddl: str
    handles: Mapping[type[Event], Apply]
    many: ApplyMany | None = None
    log: str = FACTS
    is_critical: bool = True
    on_applied: Callable[[Sequence[Envelope]], None] = field(default=lambda _envelopes: None)

    @property
    def stream(self) -> str:
        """The stream it follows."""
        return stream_of(self.source.service, self.log)

    @property
    def types(self) -> list[str]:
        """The event types it handles, as names on the wire."""
        return sorted(self.source.name_of(event) for event in self.handles)

    async def apply(self, rows: Connection, table: str, envelopes: Sequence[Envelope]) -> None:
        """Write events into `table`, in their order; unknown and unhandled types change nothing."""
        await self.write(rows, table, self.concerning(envelopes))

    def concerning(self, envelopes: Sequence[Envelope]) -> list[Happened]:
        """Those that are handled, decoded.

        Raises:
            NotUnderstood: one is of an unknown type that must be understood.
        """
        return [(envelope, event) for envelope in envelopes if (event := self.handled(envelope)) is not None]

    async def write(self, rows: Connection, table: str, happened: Sequence[Happened]) -> None:
        """Write handled events into `table`, in their order."""
        if self.many is not None and len(happened) > 1:
            await self.many(rows, table, happened)
            return
        for envelope, event in happened:
            await self.handles[type(event)](rows, table, envelope, event)

    def handled(self, envelope: Envelope) -> Event | None:
        """The event, if it is of a type this projection handles.

        Raises:
            NotUnderstood: it is of an unknown type that must be understood.
        """
        event = self.source.decode(envelope.type, bytes(envelope.data))
        if event is None and envelope.must_understand:
            raise NotUnderstood(envelope.type)
        return event if type(event) in self.handles else None


class Follower:
    """Keeps one projection up to date."""

    def __init__(
        self, projection: Projection, database: Database, bus: Bus, locks: Locks, readiness: Readiness
    ) -> None:
        self._projection = projection
        self._database = database
        self._bus = bus
        self._locks = locks
        self._readiness = readiness
        self._waiting = Waiting(projection=projection.name)
        self._progress: Progress | None = None
        self._known: Checkpoint | None = None  # where it stands, in the process that leads: nobody else moves it
        self._level = Level(FOLLOWER_BEHIND, FOLLOWER_SECONDS, projection.name)
        self._condition = f"projection {projection.name}"
        self._saying = Saying(bus, projection.source.service, projection.log, f"{projection.service}:{projection.name}")

    async def prepare(self) -> None:
        """Create the table and the checkpoint if they are not there."""
        projection = self._projection
        async with self._database.transaction() as rows:
            await rows.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", projection.name)
            if await rows.fetchval("SELECT to_regclass($1) IS NULL", f"{self._database.schema}.{projection.name}"):
                await rows.execute(projection.ddl.format(table=projection.name))
            await self._note_beginning(rows)

    async def _note_beginning(self, rows: Connection) -> None:
        await rows.execute(
            "INSERT INTO checkpoints (name, source, epoch, pos, handles) VALUES ($1, $2, 0, 0, $3) "
            "ON CONFLICT (name) DO NOTHING",
            self._projection.name,
            self._projection.stream,
            self._projection.types,
        )

    async def filled(self) -> None:
        """Return once the read model holds what its source had said by now; `run` runs beside, here or elsewhere.

        A release may bring a read model that is empty at first. Asked before it is filled, it would refuse what was
        long allowed, and an answer to an application is final: requests are taken afterwards. One that is halted, or
        that nobody moves, is not waited for: readiness tells of it, and what it holds can only refuse.
        """
        end = await self._end()
        reached, moved_at = -1, monotonic()
        while (checkpoint := await self._standing()) is None or self._lacks(checkpoint, end):
            if checkpoint is not None and checkpoint.pos > reached:
                reached, moved_at = checkpoint.pos, monotonic()
            elif monotonic() - moved_at > STANDS_STILL:
                say.warning("a projection stands still", projection=self._projection.name, at=reached, end=end)
                return
            await asyncio.sleep(LOOK)

    async def _end(self) -> int:
        while True:
            try:
                state = await Streams(self._bus).state(self._projection.stream)
            except BusError as error:
                self._waiting.because("a projection waits", error)
                await asyncio.sleep(PAUSE)
            else:
                return 0 if state is None else state.last

    async def _standing(self) -> Checkpoint | None:
        try:
            return await self._checkpoint()
        except DatabaseAway:
            return None

    def _lacks(self, checkpoint: Checkpoint, end: int) -> bool:
        if checkpoint.halted is not None:
            return False
        return checkpoint.pos < end or not set(self._projection.types) <= set(checkpoint.handles)

    async def run(self) -> None:
        """Lead and follow for ever (a background task)."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                self._locks.lead(f"follow {self._projection.service} {self._projection.name}", self._lead)
            )
            tasks.create_task(self._watch())

    async def _watch(self) -> None:
        """Tell readiness, on every replica, whether the projection stands."""
        while True:
            try:
                checkpoint = self._known or await self._checkpoint()
            except DatabaseAway:
                pass
            else:
                self._tell(checkpoint)
                await self._compare(checkpoint)
            await asyncio.sleep(HALTED_PAUSE)

    async def _compare(self, checkpoint: Checkpoint) -> None:
        try:
            state = await Streams(self._bus).state(self._projection.stream)
        except BusError:
            self._level.unknown()
        else:
            self._level.behind(0 if state is None else state.last - checkpoint.pos)

    def _tell(self, checkpoint: Checkpoint) -> None:
        HALTED.labels(self._projection.name).set(checkpoint.halted is not None)
        POSITION.labels(self._projection.source.service, f"projection {self._projection.name}").set(checkpoint.pos)
        if checkpoint.halted is None:
            self._readiness.met(self._condition)
        elif self._projection.is_critical:
            self._readiness.lost(self._condition, f"halted after position {checkpoint.pos}: {checkpoint.halted}")

    async def _lead(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._saying.run())
                tasks.create_task(self._follow())
                tasks.create_task(keep_passed(lambda: self._progress))
        finally:
            self._known = None

    async def _follow(self) -> None:
        while True:
            try:
                await self._once()
            except (StreamRefused, CheckpointMoved) as reason:
                self._waiting.because("a projection opens its stream again", reason)
            except (BusError, DatabaseAway) as error:
                self._waiting.because("a projection waits", error)
            await asyncio.sleep(PAUSE)

    async def _once(self) -> None:
        self._known = checkpoint = await self._checkpoint()
        if not set(self._projection.types) <= set(checkpoint.handles):
            await self._rebuild()
        elif checkpoint.halted is None or checkpoint.halted.startswith(GONE):
            try:
                await self._read(checkpoint)
            except SourceRestored as restored:
                await self._start_over(restored.epoch)
        else:
            await asyncio.sleep(HALTED_PAUSE)

    async def _rebuild(self) -> None:
        # An older release may have moved the checkpoint meanwhile and not applied what it does not know, so this is
        # looked at whenever the stream is opened, not only at the first start of a release.
        from libs.eventstore.rebuild import rebuild  # noqa: PLC0415  # it uses this module's Projection

        say.info("a projection handles more than it did and is rebuilt", projection=self._projection.name)
        await rebuild(self._projection, self._database, self._bus, accept_difference=True)

    async def _read(self, checkpoint: Checkpoint) -> None:
        await self._saying.say(checkpoint.epoch, checkpoint.pos)
        self._progress = progress = Progress(self._database, self._projection.name, checkpoint)
        async with await reader_after(self._bus, self._projection.stream, checkpoint.pos) as reader:
            while True:
                fetched = await reader.fetch(FETCH, wait=FETCH_WAIT)
                new = [each for each in fetched if each.sequence > checkpoint.pos]
                if len(new) < len(fetched):
                    require_epoch(checkpoint.epoch, from_wire(fetched[0].payload))
                if new and new[0].sequence != checkpoint.pos + 1:
                    checkpoint = await self._missing(progress, checkpoint, new[0])
                if new:
                    checkpoint = await self._take(progress, checkpoint, new)
                self._known = checkpoint
                if checkpoint.halted is not None:
                    return

    async def _start_over(self, epoch: int) -> None:
        """Empty the table and begin anew: the log was restored, and nobody says how much of what is here it still has.

        `limen restored` spares this to those followers whose checkpoints it can reach.
        """
        say.warning("a projection begins anew: its source was restored", projection=self._projection.name, epoch=epoch)
        async with self._database.transaction() as rows:
            await rows.execute(f"LOCK TABLE {self._projection.name} IN EXCLUSIVE MODE")
            was = await read_checkpoint(rows, self._projection.name)
            await rows.execute(f"DELETE FROM {self._projection.name}")  # noqa: S608
            await set_checkpoint(rows, self._projection.name, was, Checkpoint(epoch, 0, was.handles, None))

    async def _missing(self, progress: Progress, checkpoint: Checkpoint, found: Delivered) -> Checkpoint:
        """What to do about a gap: open again, stop before facts that are gone, go on behind activity that is gone."""
        state = await Streams(self._bus).state(self._projection.stream)
        if state is None or state.first <= checkpoint.pos + 1:
            raise StreamRefused(0, f"{found.sequence} came after {checkpoint.pos}")
        if self._projection.log == FACTS:
            await self._halt(
                progress,
                checkpoint,
                f"{GONE}: {self._projection.stream} begins at {state.first}, {checkpoint.pos + 1} is needed",
            )
            raise StreamRefused(0, GONE)
        say.warning("activity is gone", projection=self._projection.name, after=checkpoint.pos, next=found.sequence)
        return await self._pass_over(progress, checkpoint, found)

    async def _pass_over(self, progress: Progress, checkpoint: Checkpoint, found: Delivered) -> Checkpoint:
        epoch = from_wire(found.payload).epoch
        passed = Checkpoint(epoch, found.sequence - 1, tuple(self._projection.types), None)
        async with progress.moving(passed) as was, self._database.transaction() as rows:
            await set_checkpoint(rows, self._projection.name, was, passed)
            missed = ActivityMissed(
                name=self._projection.name,
                source=self._projection.stream,
                epoch=epoch,
                after=checkpoint.pos,
                next=found.sequence,
            )
            await record(rows, self._projection.service, self._projection.name, missed)
        return passed

    async def _take(self, progress: Progress, checkpoint: Checkpoint, delivered: Sequence[Delivered]) -> Checkpoint:
        try:
            return await self._apply(progress, delivered)
        except (DatabaseAway, BusError, CheckpointMoved, SourceRestored):
            raise
        except Exception:  # noqa: BLE001  # the projector: any event may be the poison one
            return await self._one_by_one(progress, checkpoint, delivered)

    async def _one_by_one(
        self, progress: Progress, checkpoint: Checkpoint, delivered: Sequence[Delivered]
    ) -> Checkpoint:
        """Go as far as the poison event and halt before it."""
        for each in delivered:
            try:
                checkpoint = await self._apply(progress, [each])
            except (DatabaseAway, BusError, CheckpointMoved, SourceRestored):
                raise
            except Exception as poison:  # noqa: BLE001  # the projector: this is the poison event
                return await self._halt(progress, checkpoint, f"the event at {each.sequence}: {poison!r}", poison)
        return checkpoint

    async def _apply(self, progress: Progress, delivered: Sequence[Delivered]) -> Checkpoint:
        envelopes = [from_wire(each.payload) for each in delivered]
        require_epoch(progress.reached.epoch, envelopes[0])
        happened = self._projection.concerning(envelopes)
        reached = Checkpoint(envelopes[-1].epoch, delivered[-1].sequence, tuple(self._projection.types), None)
        if not happened:
            progress.passed(reached)
            self._saying.mention(reached.epoch, reached.pos)
            return reached
        async with progress.moving(reached) as was, self._database.transaction(NOT_AWAITED) as rows:
            await self._projection.write(rows, self._projection.name, happened)
            await set_checkpoint(rows, self._projection.name, was, reached)
        await self._saying.say(reached.epoch, reached.pos)
        self._projection.on_applied(envelopes)
        LAG.labels(self._projection.name).observe(max(0.0, wall() - envelopes[-1].at.timestamp()))
        return reached

    async def _halt(
        self, progress: Progress, checkpoint: Checkpoint, sentence: str, error: Exception | None = None
    ) -> Checkpoint:
        await progress.keep()  # an operator skips what comes behind the position that is written down
        if checkpoint.halted != sentence:
            say.critical("a projection halts", projection=self._projection.name, reason=sentence, exc_info=error)
            async with self._database.transaction() as rows:
                await halt(rows, self._projection.name, sentence)
        return Checkpoint(checkpoint.epoch, checkpoint.pos, checkpoint.handles, sentence)

    async def _checkpoint(self) -> Checkpoint:
        async with self._database.connection() as rows:
            return await read_checkpoint(rows, self._projection.name)
