"""Looking back along one stream: the facts it holds, each with its cause, and what stood at a time or version.

Facts never change, so nothing here needs a lock or a snapshot; it is read from Postgres, the record, alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

from libs.eventstore.envelope import Actor, Envelope, from_row
from libs.eventstore.events import Catalogue, Event
from libs.eventstore.names import FACTS
from libs.postgres import Connection

S = TypeVar("S")

STREAM: Final = """
SELECT f.pos, f.tenant, f.stream, f.version, f.id, f.type, f.v, f.data, f.meta, f.at, head.epoch
FROM facts f, head
WHERE head.log = 'facts' AND f.tenant = $1 AND f.stream = $2 AND f.version > $3
ORDER BY f.version LIMIT $4
"""

# A stream's versions are in order whatever a clock did: what stood at a time is a beginning of it, never a selection.
LAST: Final = """
SELECT version, coalesce((meta->>'occurred_at')::timestamptz, at) AS occurred_at
FROM facts
WHERE tenant = $1 AND stream = $2 AND ($3::int IS NULL OR version <= $3)
    AND ($4::timestamptz IS NULL OR coalesce((meta->>'occurred_at')::timestamptz, at) <= $4)
ORDER BY version DESC LIMIT 1
"""

SPAN: Final = """
SELECT type, data FROM facts WHERE tenant = $1 AND stream = $2 AND version > $3 AND version <= $4 ORDER BY version
"""

BATCH: Final = 2000
"""Facts that are folded at a time: a stream may be longer than fits into memory."""

CAUSES: Final = ("client_id", "session_id", "grant_id", "request_id", "trace", "causation_id", "correlation_id")
"""Members of an envelope that say how a fact came about; only those that are known are told."""


@dataclass(frozen=True)
class Stood(Generic[S]):
    """An aggregate as it was behind `version` of its stream, which was decided at `changed_at`."""

    version: int
    changed_at: datetime
    state: S


async def facts_of(rows: Connection, tenant: str, stream: str, *, after: int, limit: int) -> list[Envelope]:
    """The facts of a stream behind a version, the oldest first, `limit` at most."""
    found = await rows.fetch(STREAM, tenant, stream, after, limit)
    return [from_row(row, log=FACTS, epoch=row["epoch"]) for row in found]


async def stood(
    rows: Connection,
    catalogue: Catalogue,
    key: tuple[str, str],
    initial: S,
    evolve: Callable[[S, Event], S],
    *,
    at: datetime | None = None,
    version: int | None = None,
) -> Stood[S] | None:
    """Fold the stream `key` (tenant and stream) up to a time, a version, or its end; `None` where nothing was yet."""
    last = await rows.fetchrow(LAST, *key, version, at)
    if last is None:
        return None
    state, until = initial, last["version"]
    for start in range(0, until, BATCH):
        for name, data in await rows.fetch(SPAN, *key, start, min(start + BATCH, until)):
            event = catalogue.decode(name, data)
            state = state if event is None else evolve(state, event)
    return Stood(until, last["occurred_at"], state)


def told(envelope: Envelope) -> dict[str, Any]:
    """A fact as the history of its aggregate tells it: what, when, by whom, through and because of what, and where."""
    causes = {name: getattr(envelope, name) for name in CAUSES}
    return {
        "id": str(envelope.id),
        "version": envelope.version,
        "type": envelope.type,
        "occurred_at": time(envelope.occurred_at),
        "actor": None if envelope.actor is None else _actor(envelope.actor),
        **({"act": [_actor(each) for each in envelope.act]} if envelope.act else {}),
        **{name: value for name, value in causes.items() if value is not None},
        "position": position(envelope),
        "data": msgspec.json.decode(envelope.data),
    }


def position(envelope: Envelope) -> str:
    """The place of an event among those of its service; opaque, to be compared for equality alone (DESIGN §4)."""
    return f"{envelope.log}-{envelope.lane}-{envelope.epoch}-{envelope.pos}"


def time(moment: datetime) -> str:
    """A moment, to the microsecond: what was decided at it is in the state at it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _actor(actor: Actor) -> Mapping[str, str]:
    return {"kind": actor.kind, "id": actor.id}
