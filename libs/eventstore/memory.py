"""A read model in memory: every replica reads a facts log from its first event and keeps up.

For what is small, public and needed at each request: hosts, public keys. It knows how long ago it was last level with
the stream, so that whoever serves from it can say when it has become too old.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

from libs.bus import Bus, BusError, Delivered, Reader, StreamRefused, Streams
from libs.eventstore.applied import Saying
from libs.eventstore.envelope import Envelope, from_wire
from libs.eventstore.epochs import reader_after
from libs.eventstore.events import OF_EVERY_SERVICE, Catalogue, Event, NotUnderstood
from libs.eventstore.metrics import HALTED, LAG, POSITION
from libs.eventstore.names import FACTS, stream_of
from libs.eventstore.waiting import Waiting
from libs.runtime.clock import wall
from libs.runtime.ids import text
from libs.telemetry.logs import log as say
from libs.telemetry.readiness import Readiness

FETCH: Final = 500
FETCH_WAIT: Final = 5.0
PAUSE: Final = 0.2
SETTLED: Final = 0.3
"""Seconds a stream must stand still before the first word that one is level: its lost tail may be being refilled."""

LEVEL_EVERY: Final = 1.0
"""Seconds between two looks at whether the stream has more than was applied."""


class EpochChanged(Exception):
    """The log was restored from a backup: what is in memory may never have happened, so the process starts anew."""


class MemoryFollower:
    """Applies every fact of `source` to memory, in order, once."""

    def __init__(
        self,
        bus: Bus,
        source: Catalogue,
        apply: Callable[[Envelope, Event], None],
        *,
        name: str,
        readiness: Readiness,
    ) -> None:
        self._bus = bus
        self._source = source
        self._stream = stream_of(source.service)
        self._apply = apply
        self._who = f"{name}/{text(6)}"
        self._follower = f"{name} of {source.service}"
        self._readiness = readiness
        HALTED.labels(self._follower).set(0)
        self._waiting = Waiting(stream=self._stream)
        self._condition = f"follows {source.service}"
        self._saying = Saying(bus, source.service, FACTS, self._who)
        self._pos = 0
        self._epoch = 0
        self.halted: str | None = None
        self._was_level = asyncio.Event()
        self.synced_at = float("-inf")
        readiness.require(self._condition, "has not read the log yet")

    @property
    def silent_for(self) -> float:
        """Seconds since this was last known to be level with the stream."""
        return monotonic() - self.synced_at

    async def level(self) -> None:
        """Return once this was level with the stream; before that, memory holds how things were some time ago."""
        await self._was_level.wait()

    async def run(self) -> None:
        """Follow for ever (a background task)."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._saying.run())
            tasks.create_task(self._keep_level())
            tasks.create_task(self._follow())

    async def _follow(self) -> None:
        while self.halted is None:
            try:
                async with await reader_after(self._bus, self._stream, self._pos) as reader:
                    while await self._step(reader):
                        pass
            except StreamRefused as refusal:
                self._waiting.because("a stream is not there yet", refusal)
            except BusError as error:
                self._waiting.because("a follower waits", error)
            await asyncio.sleep(PAUSE)

    def _halt(self, delivered: Delivered, error: Exception) -> None:
        self.halted = f"halted after position {self._pos}: the event at {delivered.sequence}: {error!r}"
        say.critical("a follower halts", stream=self._stream, reason=self.halted, exc_info=error)
        HALTED.labels(self._follower).set(1)
        self._readiness.lost(self._condition, self.halted)

    async def _step(self, reader: Reader) -> bool:
        """Apply one fetch; whether the reader is still good."""
        for delivered in await reader.fetch(FETCH, wait=FETCH_WAIT):
            if delivered.sequence <= self._pos:
                self._require_epoch(from_wire(delivered.payload))
                continue  # a refilled stream repeats what is already known
            if delivered.sequence != self._pos + 1:
                return False
            try:
                self._take(from_wire(delivered.payload))
            except EpochChanged:
                raise
            except Exception as error:  # noqa: BLE001  # the projector: any event may be the poison one
                self._halt(delivered, error)
                return False
        self._saying.mention(self._epoch, self._pos)
        return True

    def _take(self, envelope: Envelope) -> None:
        self._require_epoch(envelope)
        event = self._source.decode(envelope.type, bytes(envelope.data))
        if event is None and envelope.must_understand:
            raise NotUnderstood(envelope.type)
        if event is not None and not isinstance(event, OF_EVERY_SERVICE):
            self._apply(envelope, event)
        self._pos, self._epoch = envelope.pos, envelope.epoch
        LAG.labels(self._follower).observe(max(0.0, wall() - envelope.at.timestamp()))

    def _require_epoch(self, envelope: Envelope) -> None:
        if self._epoch not in (0, envelope.epoch):
            raise EpochChanged(self._stream)

    async def _keep_level(self) -> None:
        streams = Streams(self._bus)
        last, since = -1, 0.0
        while True:
            try:
                state = await streams.state(self._stream)
            except BusError:
                state = None
            if state is not None and state.last != last:
                last, since = state.last, monotonic()
            is_settled = self.synced_at > 0 or monotonic() - since > SETTLED
            if state is not None and max(state.last, state.due) <= self._pos and is_settled and self.halted is None:
                self.synced_at = monotonic()
                POSITION.labels(self._source.service, self._follower).set(self._pos)
                self._readiness.met(self._condition)
                self._was_level.set()
            await asyncio.sleep(LEVEL_EVERY if self.synced_at > 0 else 0.05)
