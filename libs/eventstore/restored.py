"""Accepting that a log went back to a backup: where its mirror went on without it, and the epoch that begins after it.

Log and mirror are prefixes of one history that diverge once, so the last common position is found by halving. Every
step may be repeated: an interrupted `limen restored` is finished by running it again.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_OID, UUID, uuid5

from libs.bus import Bus, Delivered, Reader, StreamRefused, Streams
from libs.eventstore import cloudevents
from libs.eventstore.append import append_script, entries
from libs.eventstore.checkpoints import TENANT
from libs.eventstore.envelope import Context, Envelope, from_wire
from libs.eventstore.events import Catalogue, LogRestored
from libs.eventstore.forms import FORMS
from libs.eventstore.names import FEED, stream_of
from libs.postgres import AlreadyThere, Connection, Database
from libs.postgres.database import commit

BATCH: Final = 1000
PATIENCE: Final = 5.0
"""Seconds the mirror may take to deliver what it says it has."""


@dataclass(frozen=True)
class Loss:
    """What a log lost against its mirror: everything after `common` up to `last`.

    `epoch` is the one that begins now: later than any that log or mirror has known.
    """

    service: str
    log: str
    common: int
    last: int
    head: int
    epoch: int

    @property
    def stream(self) -> str:
        """The mirror."""
        return stream_of(self.service, self.log)


@dataclass(frozen=True)
class Lost:
    """One event the database does not have any more, as it was mirrored; one of the feed has no envelope."""

    payload: bytes
    """As one line of JSON."""
    id: UUID
    type: str
    envelope: Envelope | None


async def loss_of(database: Database, bus: Bus, service: str, log: str) -> Loss | None:
    """What `log` lost, or `None` when its mirror is level with it, behind it or gone."""
    streams = Streams(bus)
    state = await streams.state(stream_of(service, log))
    if state is None or state.last < state.first:
        return None
    async with database.connection() as rows:
        head = await rows.fetchrow("SELECT epoch, pos, floor FROM head WHERE log = $1", log)
        assert head is not None, "the migration inserts one row per log"
        common = await _common(
            rows, streams, service, log, max(state.first, head["floor"]) - 1, state.last, head["pos"]
        )
    newest = await streams.message(stream_of(service, log), state.last)
    mirrored = FORMS[log].identity(newest).epoch if newest else head["epoch"]
    if common == state.last and mirrored <= head["epoch"]:
        return None
    # An epoch past the mirror's was begun by a run that was interrupted before it deleted the mirror.
    epoch = head["epoch"] if head["epoch"] > mirrored else mirrored + 1
    return Loss(service, log, common, state.last, head["pos"], epoch)


async def _common(rows: Connection, streams: Streams, service: str, log: str, low: int, last: int, head: int) -> int:
    """The last position at which both hold the same event; `low` is taken as common."""
    high = min(last, head)
    while low < high:
        middle = (low + high + 1) // 2
        mirrored = await streams.message(stream_of(service, log), middle)
        here = await rows.fetchval(f"SELECT id FROM {log} WHERE pos = $1", middle)  # noqa: S608
        if mirrored is not None and FORMS[log].identity(mirrored).id == here:
            low = middle
        else:
            high = middle - 1
    return high


async def tail(database: Database, bus: Bus, loss: Loss) -> AsyncIterator[list[Lost]]:
    """What was lost, batch by batch, in order.

    Raises:
        StreamRefused: the mirror does not deliver what it says it has.
    """
    reached = loss.common
    if reached == loss.last:
        return
    async with Reader(bus, loss.stream, start=reached + 1) as reader:
        while reached < loss.last:
            batch = await reader.fetch(BATCH, wait=PATIENCE)
            if not batch:
                raise StreamRefused(0, f"{loss.stream} delivers nothing after {reached}")
            yield await _not_here(database, loss, batch)
            reached = batch[-1].sequence


async def _not_here(database: Database, loss: Loss, batch: list[Delivered]) -> list[Lost]:
    # A mirror with holes may agree again behind one: what the database has is not lost.
    async with database.connection() as rows:
        found = await rows.fetch(
            f"SELECT id FROM {loss.log} WHERE pos BETWEEN $1 AND $2",  # noqa: S608
            batch[0].sequence,
            batch[-1].sequence,
        )
    here = {row["id"] for row in found}
    lost = [_lost(loss.log, each) for each in batch if each.sequence <= loss.last]
    return [each for each in lost if each.id not in here]


def _lost(log: str, mirrored: Delivered) -> Lost:
    if log == FEED:
        event = cloudevents.structured(mirrored.headers, mirrored.payload)
        return Lost(event, FORMS[log].identity(mirrored).id, mirrored.headers["ce-type"], None)
    envelope = from_wire(mirrored.payload)
    return Lost(mirrored.payload, envelope.id, envelope.type, envelope)


def derived(lost: UUID, number: int) -> UUID:
    """The id of the fact that reapplies a lost one, so that a repeated run finds it there."""
    return uuid5(lost, f"limen restored {number}")


async def record(database: Database, loss: Loss, lost: int, context: Context) -> None:
    """Append to the service's facts that `lost` events were given up; once."""
    fact = LogRestored(log=loss.log, epoch=loss.epoch, after=loss.common, until=loss.last, lost=lost)
    stream = f"log-{loss.log}"
    ids = [uuid5(NAMESPACE_OID, f"limen restored {loss.service} {loss.log} {loss.epoch} {loss.common}")]
    try:
        async with database.transaction() as rows:
            version = await rows.fetchval(
                "SELECT coalesce(max(version), 0) FROM facts WHERE tenant = $1 AND stream = $2", TENANT, stream
            )
            now = await rows.fetchval("SELECT clock_timestamp()")
            catalogue = Catalogue(loss.service)
            await commit(rows, append_script(entries(catalogue, TENANT, stream, version, [fact], context, now, ids)))
    except AlreadyThere:
        return


async def begin_epoch(database: Database, loss: Loss) -> None:
    """Put the log into its new epoch."""
    async with database.connection() as rows:
        await rows.execute("UPDATE head SET epoch = $2 WHERE log = $1 AND epoch < $2", loss.log, loss.epoch)


async def bring_along(database: Database, loss: Loss) -> list[str]:
    """Bring a service's followers of the log into its new epoch; the names of those that go back.

    Who knows only what is common goes on. A projection that applied what is lost is emptied and begins anew; a
    reaction goes back to what is common, and reacts to what is decided from there.
    """
    gone_back = []
    async with database.connection() as rows:
        found = await rows.fetch(
            "SELECT name, pos FROM checkpoints WHERE source = $1 AND epoch <> $2 ORDER BY name", loss.stream, loss.epoch
        )
    for row in found:
        async with database.transaction() as rows:
            if await _brought_back(rows, database.schema, row["name"], loss):
                gone_back.append(row["name"])
    return gone_back


async def _brought_back(rows: Connection, schema: str, name: str, loss: Loss) -> bool:
    is_projection = await rows.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{schema}.{name}")
    if is_projection:  # the table before the checkpoint, as its follower locks them
        await rows.execute(f"LOCK TABLE {name} IN EXCLUSIVE MODE")
    pos = await rows.fetchval("SELECT pos FROM checkpoints WHERE name = $1 FOR UPDATE", name)
    if pos <= loss.common:
        await rows.execute("UPDATE checkpoints SET epoch = $2 WHERE name = $1", name, loss.epoch)
        return False
    if is_projection:
        await rows.execute(f"DELETE FROM {name}")  # noqa: S608
    await rows.execute(
        "UPDATE checkpoints SET epoch = $2, pos = $3, halted = NULL, updated_at = now() WHERE name = $1",
        name,
        loss.epoch,
        0 if is_projection else loss.common,
    )
    return True
