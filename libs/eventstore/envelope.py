"""What stands around an event: where it is in the log, who caused it, through what, because of what."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class Actor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who did it: `kind` is `client`, `operator`, `service` or `user`; `id` is opaque."""

    kind: str
    id: str


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a request brings to every event it causes; stored as the event's `meta`."""

    actor: Actor | None = None
    act: list[Actor] | None = None
    client_id: str | None = None
    session_id: str | None = None
    grant_id: str | None = None
    request_id: str | None = None
    trace: str | None = None
    causation_id: str | None = None
    correlation_id: str | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it stands in a log and on the bus (DESIGN §4). `pos` with `epoch` and `lane` names its place."""

    id: UUID
    tenant: str
    stream: str | None
    version: int | None
    log: str
    lane: int = 0
    epoch: int
    pos: int
    type: str
    v: int
    occurred_at: datetime
    at: datetime
    actor: Actor | None = None
    act: list[Actor] | None = None
    client_id: str | None = None
    session_id: str | None = None
    grant_id: str | None = None
    request_id: str | None = None
    trace: str | None = None
    causation_id: str | None = None
    correlation_id: str | None = None
    must_understand: bool = False
    prev_hash: str | None = None
    data: msgspec.Raw


class Meta(Context, frozen=True, kw_only=True, omit_defaults=True):
    """The `meta` column: the context, and what else of the envelope is not a column."""

    occurred_at: datetime | None = None
    must_understand: bool = False


_META = msgspec.json.Decoder(Meta)
_ENVELOPE = msgspec.json.Decoder(Envelope)


def meta(context: Context, occurred_at: datetime, *, must_understand: bool = False) -> str:
    """The `meta` column's JSON text."""
    fields = {name: getattr(context, name) for name in Context.__struct_fields__}
    return msgspec.json.encode(Meta(**fields, occurred_at=occurred_at, must_understand=must_understand)).decode()


def from_row(row: Any, *, log: str, epoch: int) -> Envelope:
    """The envelope of a row of `facts` or `activity`."""
    kept = _META.decode(row["meta"])
    is_fact = log == "facts"
    return Envelope(
        id=row["id"],
        tenant=row["tenant"],
        stream=row["stream"] if is_fact else None,
        version=row["version"] if is_fact else None,
        log=log,
        epoch=epoch,
        pos=row["pos"],
        type=row["type"],
        v=row["v"],
        occurred_at=kept.occurred_at or row["at"],
        at=row["at"],
        actor=kept.actor,
        act=kept.act,
        client_id=kept.client_id,
        session_id=kept.session_id,
        grant_id=kept.grant_id,
        request_id=kept.request_id,
        trace=kept.trace,
        causation_id=kept.causation_id,
        correlation_id=kept.correlation_id,
        must_understand=kept.must_understand,
        data=msgspec.Raw(row["data"].encode()),
    )


def to_wire(envelope: Envelope) -> bytes:
    """The envelope as JSON."""
    return msgspec.json.encode(envelope)


def from_wire(payload: bytes) -> Envelope:
    """The envelope from JSON.

    Raises:
        msgspec.MsgspecError: the payload is no envelope.
    """
    return _ENVELOPE.decode(payload)
