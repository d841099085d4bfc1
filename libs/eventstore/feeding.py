"""Feeding: what is public of another service's log, appended to a log of our own, exactly once and in order.

It follows as a projection does, but what it fills is a log: nothing in it is ever written anew. Checkpoint, head and
events move in one statement, which is its own transaction, so that no client holds `head` across a round trip.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from libs.bus import Bus, Delivered, StreamRefused
from libs.eventstore.checkpoints import Checkpoint, CheckpointMoved, Progress
from libs.eventstore.envelope import Envelope, Meta, from_wire
from libs.eventstore.epochs import require_epoch
from libs.eventstore.events import Catalogue, Event
from libs.eventstore.execute import EventStore
from libs.eventstore.following import Follower, Projection
from libs.eventstore.metrics import LAG
from libs.eventstore.names import FEED, stream_of
from libs.postgres import Connection, Locks
from libs.postgres.errors import translated
from libs.runtime.clock import wall
from libs.telemetry.logs import log as say
from libs.telemetry.readiness import Readiness

APPEND: Final = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($7::text[], $8::uuid[], $9::text[], $10::smallint[], $11::text[], $12::text[], $13::text[],
                         $14::text[], $15::text[], $16::text[], $17::text[])
    WITH ORDINALITY AS given(tenant, id, type, v, entity, source, data, meta, code, client_id, private, n)
), came AS (
    UPDATE checkpoints SET epoch = $4, pos = $5, handles = $6, halted = NULL, updated_at = now()
    WHERE name = $1 AND epoch = $2 AND pos = $3 RETURNING pos
), moved AS (
    UPDATE head SET pos = pos + (SELECT count(*) FROM given) WHERE log = 'feed' AND EXISTS (SELECT FROM came)
    RETURNING pos - (SELECT count(*) FROM given) AS base
), written AS (
    INSERT INTO feed (pos, tenant, id, type, v, entity, source, data, meta, code, client_id, private, at)
    SELECT moved.base + n, tenant, id, type, v, entity, source, data::json, meta::json, code, client_id, private::json,
           clock_timestamp()
    FROM given, moved ORDER BY n
)
SELECT count(*)::int FROM came
"""


class Public(NamedTuple):
    """An event of the feed: what everybody may read of an event, and what the tenant's own log of it says besides."""

    type: str
    """`<entity>.<event>`."""
    v: int
    entity: str
    """The id of what it is about, as a token of a subject."""
    data: bytes
    code: str | None
    client_id: str | None
    private: bytes | None


Publish = Callable[[Envelope, Any], Public | None]
"""What is public of an event; nothing, for one that is not."""


class Feeder(Follower):
    """Appends what is public of one log to the feed."""

    def __init__(
        self,
        source: Catalogue,
        log: str,
        publishes: Mapping[type[Event], Publish],
        store: EventStore,
        bus: Bus,
        locks: Locks,
        readiness: Readiness,
    ) -> None:
        """`publishes` holds a function for each public event of `source` that is in its `log`."""
        projection = Projection(
            name=f"feed_{stream_of(source.service, log).lower()}",
            service=store.catalogue.service,
            source=source,
            ddl="",
            handles=dict.fromkeys(publishes, _applies_nothing),
            log=log,
            is_critical=False,
        )
        super().__init__(projection, store.database, bus, locks, readiness)
        self._publishes = publishes
        self._store = store
        self._source = source.service

    async def prepare(self) -> None:
        """Create the checkpoint if it is not there."""
        async with self._database.connection() as rows:
            await self._note_beginning(rows)

    async def _rebuild(self) -> None:
        # What an older release passed over as unknown stays unpublished: the feed only ever goes on.
        projection = self._projection
        say.warning("the feed publishes more from here on", source=projection.stream, types=projection.types)
        async with self._database.connection() as rows:
            await rows.execute("UPDATE checkpoints SET handles = $2 WHERE name = $1", projection.name, projection.types)

    async def _start_over(self, epoch: int) -> None:
        # `limen restored` brings this checkpoint along; without it nobody says what was published already.
        raise StreamRefused(0, f"{self._projection.stream} is in epoch {epoch}: run `limen restored`")

    async def _apply(self, progress: Progress, delivered: Sequence[Delivered]) -> Checkpoint:
        envelopes = [from_wire(each.payload) for each in delivered]
        require_epoch(progress.reached.epoch, envelopes[0])
        reached = Checkpoint(envelopes[-1].epoch, delivered[-1].sequence, tuple(self._projection.types), None)
        columns = self._columns(envelopes)
        if self._store.halted is not None:
            raise StreamRefused(0, self._store.halted)  # wait: no event is at fault
        if not columns[0]:
            progress.passed(reached)
            self._saying.mention(reached.epoch, reached.pos)
            return reached
        async with progress.moving(reached) as was, self._database.connection() as rows:
            with translated():
                came = await rows.fetchval(APPEND, *self._moves(was, reached), *columns)
            if not came:
                raise CheckpointMoved(self._projection.name)
        await self._saying.say(reached.epoch, reached.pos)
        await self._store.wake.appended(FEED)
        LAG.labels(self._projection.name).observe(max(0.0, wall() - envelopes[-1].at.timestamp()))
        return reached

    def _moves(self, was: Checkpoint, is_now: Checkpoint) -> Sequence[Any]:
        return self._projection.name, was.epoch, was.pos, is_now.epoch, is_now.pos, list(is_now.handles)

    def _columns(self, envelopes: Sequence[Envelope]) -> Sequence[list[Any]]:
        """The events' columns, in the order of `APPEND`."""
        happened = [
            (envelope, event) for envelope in envelopes if (event := self._projection.handled(envelope)) is not None
        ]
        public = [row for each in happened if (row := self._row(*each)) is not None]
        return [list(column) for column in zip(*public, strict=True)] or [[] for _ in range(11)]

    def _row(self, envelope: Envelope, event: Event) -> tuple[Any, ...] | None:
        public = self._publishes[type(event)](envelope, event)
        if public is None:
            return None
        return (
            envelope.tenant,
            envelope.id,
            public.type,
            public.v,
            public.entity,
            self._source,
            public.data.decode(),
            _meta(envelope),
            public.code,
            public.client_id,
            None if public.private is None else public.private.decode(),
        )


def _meta(envelope: Envelope) -> str:
    """Who, through what, because of what, and when: as it was."""
    return msgspec.json.encode(
        Meta(
            actor=envelope.actor,
            act=envelope.act,
            client_id=envelope.client_id,
            session_id=envelope.session_id,
            grant_id=envelope.grant_id,
            request_id=envelope.request_id,
            trace=envelope.trace,
            causation_id=envelope.causation_id,
            correlation_id=envelope.correlation_id,
            occurred_at=envelope.occurred_at,
        )
    ).decode()


async def _applies_nothing(_rows: Connection, _table: str, _envelope: Envelope, _event: Any) -> None:
    """A feeder writes by its own statement."""
