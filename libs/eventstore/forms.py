"""How a log's events stand in their stream: one form per kind of log.

Facts and activity travel as envelopes, for other services of ours. The feed travels as CloudEvents, for everybody's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from libs.bus import Delivered, Outgoing, Stored
from libs.eventstore import cloudevents
from libs.eventstore.envelope import from_row, to_wire
from libs.eventstore.names import ACTIVITY, FACTS, FEED, subject_of


class Identity(NamedTuple):
    """Which event a message is, and of which epoch of its log."""

    id: UUID
    epoch: int


class Placed(NamedTuple):
    """An event of a log, ready for its stream."""

    pos: int
    id: UUID
    message: Outgoing


@dataclass(frozen=True)
class Form:
    """How to read events of a log from position $1 on, at most $2, and what they look like on the bus."""

    read: str
    placed: Callable[[Any, int], Placed]
    """The message of a row, in an epoch."""
    identity: Callable[[Delivered | Stored], Identity]
    """Which event a message is."""


class _Identity(msgspec.Struct):
    id: UUID
    epoch: int


_IDENTITY: Final = msgspec.json.Decoder(_Identity)
"""Decodes of an envelope only this; the rest is passed over unread."""


def _enveloped(log: str) -> Callable[[Any, int], Placed]:
    def placed(row: Any, epoch: int) -> Placed:
        envelope = from_row(row, log=log, epoch=epoch)
        return Placed(envelope.pos, envelope.id, Outgoing(subject_of(log, envelope.type), to_wire(envelope), {}))

    return placed


def _of_envelope(message: Delivered | Stored) -> Identity:
    found = _IDENTITY.decode(message.payload)
    return Identity(found.id, found.epoch)


def _public(row: Any, epoch: int) -> Placed:
    return Placed(row["pos"], row["id"], cloudevents.message(row, epoch))


def _of_cloud_event(message: Delivered | Stored) -> Identity:
    return Identity(*cloudevents.identity(message.headers))


FORMS: Final[Mapping[str, Form]] = {
    FACTS: Form(
        "SELECT pos, tenant, stream, version, id, type, v, data, meta, at FROM facts "
        "WHERE pos >= $1 ORDER BY pos LIMIT $2",
        _enveloped(FACTS),
        _of_envelope,
    ),
    ACTIVITY: Form(
        "SELECT pos, tenant, id, type, v, data, meta, at FROM activity WHERE pos >= $1 ORDER BY pos LIMIT $2",
        _enveloped(ACTIVITY),
        _of_envelope,
    ),
    FEED: Form(
        "SELECT pos, tenant, id, type, v, entity, source, data, meta, at FROM feed "
        "WHERE pos >= $1 ORDER BY pos LIMIT $2",
        _public,
        _of_cloud_event,
    ),
}
"""By log."""
