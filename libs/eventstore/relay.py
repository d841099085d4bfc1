"""The relay: mirrors a log into its stream so that every message's sequence is its event's position.

The cursor is the stream's own last sequence, so there is nothing to lose and nothing to reconcile. Each read starts
*at* the last mirrored event and compares ids: if they differ, or the stream is ahead of the log, the database is not
the one the mirror was made from, and the service stops appending and says so.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from libs.bus import Bus, BusError, Streams, StreamState, WrongLastSequence
from libs.eventstore.execute import EventStore
from libs.eventstore.forms import FORMS, Placed
from libs.eventstore.level import Level
from libs.eventstore.metrics import POSITION, RELAY_BEHIND, RELAY_SECONDS, RELAYED
from libs.eventstore.names import FACTS, stream_of, subjects_of
from libs.eventstore.waiting import Waiting
from libs.eventstore.wake import POLL_FLOOR
from libs.postgres import DatabaseAway, Locks
from libs.telemetry.logs import log as say
from libs.telemetry.readiness import Readiness

BATCH: Final = 900
GATHER: Final = {"facts": 0.0, "activity": 0.1, "feed": 0.2}
"""Seconds to let activity and the feed pile up after a wake: many messages at once cost the server, and everybody who
follows, a fraction of what they cost one by one, and a follower still hears within a quarter of a second."""

AUDIT: Final = 60.0
"""Seconds between two audits of the stream's first sequence and holes."""

STOPPED: Final = 2.0
"""Seconds between two looks of a stopped service at whether its operator has accepted the loss."""


class MirrorDisagrees(Exception):
    """The stream holds what the log does not; the message says what to do."""


class LossAccepted(Exception):
    """`limen restored` began a new epoch after this service had stopped; it must start anew to compare anew."""


class Relay:
    """Mirrors one log of one service."""

    def __init__(
        self, store: EventStore, bus: Bus, locks: Locks, readiness: Readiness, *, log: str, **limits: int
    ) -> None:
        self._store = store
        self._service = store.catalogue.service
        self._log = log
        self._form = FORMS[log]
        self._stream = stream_of(self._service, log)
        self._streams = Streams(bus)
        self._locks = locks
        self._readiness = readiness
        self._limits = limits
        self._level = Level(RELAY_BEHIND, RELAY_SECONDS, self._service, log)
        self._condition = f"mirror of {self._service} {log}"
        self._audited = float("-inf")
        self._goes_alone = False
        self._waiting = Waiting(log=self._log)
        self._compared = asyncio.Event()
        self._epoch = 0
        self._stopped_in = 0
        self._has_stopped = asyncio.Event()
        bus.on_reconnect(self._audit_soon)
        readiness.require(self._condition, "not compared with its stream yet")

    def _audit_soon(self) -> None:
        # The server that came back may have lost its streams, and an idle log would not notice.
        self._audited = float("-inf")
        self._store.wake.now(self._log)

    async def run(self) -> None:
        """Lead and mirror for ever (a background task); replicas that do not lead watch.

        Raises:
            LossAccepted: inside a group, to end the process of a service that had stopped.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._locks.lead(f"relay {self._service} {self._log}", self._lead))

    async def agreed(self) -> None:
        """Return once log and stream were compared and agree: before that nothing may be appended, or asked for.

        Never returns while they disagree; readiness says why.
        """
        await self._compared.wait()

    async def _watch(self) -> None:
        # Every replica compares before it becomes ready, leader or not: each of them appends.
        while True:
            try:
                await self._compare()
            except (BusError, DatabaseAway) as error:
                say.info("the mirror cannot be compared yet", log=self._log, reason=repr(error))
                await asyncio.sleep(POLL_FLOOR)
            except MirrorDisagrees as disagreement:
                self._stop(str(disagreement))
                await asyncio.sleep(STOPPED)
            else:
                if self._has_stopped.is_set() and self._epoch > self._stopped_in:
                    raise LossAccepted(self._stream)
                self._agrees()
                self._compared.set()
                await self._until_next_audit()

    async def _until_next_audit(self) -> None:
        if self._has_stopped.is_set():
            await asyncio.sleep(STOPPED)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(AUDIT):
                await self._has_stopped.wait()

    async def _compare(self) -> None:
        state = await self._streams.state(self._stream)
        epoch, head, _ = await self._head()
        if state is None or state.last < state.first:
            return
        if state.last > head:
            # The head may have moved between the two questions; the stream cannot be ahead of a later head.
            epoch, head, _ = await self._head()
        self._require_not_ahead(state, head)
        rows = await self._read(state.last, 1)
        if rows and rows[0]["pos"] == state.last:
            await self._require_same(state, self._form.placed(rows[0], epoch), epoch)

    async def _lead(self) -> None:
        listening = None
        while True:
            try:
                listening = listening or await self._store.wake.listen(self._log)
                await self._mirror()
            except WrongLastSequence:
                # Of many messages the last alone is answered, and one before it may have been refused for any reason:
                # the next one goes alone and is told.
                self._goes_alone = True
            except (BusError, DatabaseAway) as error:
                self._level.unknown()
                self._waiting.because("the relay waits", error)
                await asyncio.sleep(POLL_FLOOR)
            except MirrorDisagrees as disagreement:
                self._level.unknown()
                self._stop(str(disagreement))
                await asyncio.sleep(AUDIT)
            except asyncio.CancelledError:
                self._store.wake.leads_no_more(self._log)
                self._level.gone()
                if listening is not None:
                    await listening.stop()
                raise

    async def _mirror(self) -> None:
        """Bring the stream level again and again, from its own last sequence."""
        self._audited = monotonic()
        state = await self._prepared()
        last, last_id = state.last, None
        while monotonic() - self._audited < AUDIT:
            epoch, head, _ = await self._head()
            self._require_not_ahead(StreamState(state.first, last, 0, 0), head)
            self._level.behind(head - last)
            if head > last:
                before = last
                last, last_id = await self._advance(last, last_id, epoch)
                self._level.behind(head - last)
                if before < last < head:
                    continue
            POSITION.labels(self._service, f"relay {self._log}").set(last)
            self._agrees()
            await self._store.wake.wait(self._log, self._audited + AUDIT - monotonic())
            await asyncio.sleep(GATHER[self._log])

    async def _advance(self, last: int, last_id: object, epoch: int) -> tuple[int, object]:
        most = 1 if self._goes_alone else BATCH
        events = [self._form.placed(row, epoch) for row in await self._read(last, most + 1)]
        if events and events[0].pos == last:
            first, *events = events
            if last_id is None:
                await self._require_same(StreamState(1, last, 0, 0), first, epoch)
            elif last_id != first.id:
                raise MirrorDisagrees(self._sentence(f"position {last} holds another event than was mirrored"))
        if not events:
            return last, last_id
        if events[0].pos != last + 1:
            if self._log == FACTS:
                raise MirrorDisagrees(self._sentence(f"after position {last} the database has {events[0].pos}"))
            # What is below the floor is gone: move the stream up to where the log begins.
            await self._streams.purge(self._stream, up_to=events[0].pos)
            return events[0].pos - 1, None
        await self._streams.append([event.message for event in events], expected_last=last)
        self._goes_alone = False
        RELAYED.labels(self._service, self._log).inc(len(events))
        return events[-1].pos, events[-1].id

    async def _prepared(self) -> StreamState:
        """The stream, created if it is missing, made anew if it is damaged."""
        _, head, floor = await self._head()
        state = await self._streams.state(self._stream)
        if state is not None and self._is_damaged(state, floor):
            say.error("the mirror is damaged and is made anew", stream=self._stream, first=state.first, floor=floor)
            await self._streams.delete(self._stream)
            state = None
        if state is None:
            subjects = subjects_of(self._service, self._log)
            await self._streams.create(self._stream, subjects, first=floor, due=head, **self._limits)
            state = StreamState(floor, floor - 1, 0, 0)
        return state

    def _is_damaged(self, state: StreamState, floor: int) -> bool:
        if state.deleted:
            return True
        return self._log == FACTS and state.first != floor

    async def _head(self) -> tuple[int, int, int]:
        async with self._store.database.connection() as rows:
            row = await rows.fetchrow("SELECT epoch, pos, floor FROM head WHERE log = $1", self._log)
        assert row is not None, "the migration inserts one row per log"
        self._epoch = row["epoch"]
        return row["epoch"], row["pos"], row["floor"]

    async def _read(self, start: int, most: int) -> Sequence[Any]:
        async with self._store.database.connection() as rows:
            return await rows.fetch(self._form.read, start, most)

    def _require_not_ahead(self, state: StreamState, head: int) -> None:
        if state.last > head:
            raise MirrorDisagrees(
                self._sentence(f"its stream {self._stream} reaches {state.last}, the database only {head}")
            )

    async def _require_same(self, state: StreamState, event: Placed, epoch: int) -> None:
        message = await self._streams.message(self._stream, state.last)
        if message is None:
            return
        mirrored = self._form.identity(message)
        if mirrored.id != event.id:
            raise MirrorDisagrees(self._sentence(f"position {state.last} holds another event than was mirrored"))
        if mirrored.epoch > epoch:
            raise MirrorDisagrees(
                self._sentence(f"the mirror is of epoch {mirrored.epoch}, the database only of {epoch}")
            )

    def _sentence(self, difference: str) -> str:
        return (
            f"The {self._log} of {self._service} and their mirror disagree: {difference}. "
            "The database is older than NATS, as after a restored backup. Restore a newer backup, or accept the loss: "
            "run `limen restored` while Postgres and NATS run; the services start anew by themselves."
        )

    def _agrees(self) -> None:
        if self._store.halted is None:  # once stopped, only a restart compares anew
            self._readiness.met(self._condition)

    def _stop(self, sentence: str) -> None:
        if not self._has_stopped.is_set():
            self._stopped_in = self._epoch
            self._has_stopped.set()
            say.critical("appends are stopped", log=self._log, reason=sentence)
        self._store.halt(sentence)
        self._readiness.lost(self._condition, sentence)
