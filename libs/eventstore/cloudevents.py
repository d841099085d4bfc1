"""The feed's events as CloudEvents 1.0 in NATS's binary mode: attributes as headers, data as the payload.

Source: the CloudEvents specification 1.0.2 with its NATS protocol binding (attributes bear the prefix `ce-`, values
outside printable ASCII are percent-encoded), and its extensions for sequence and distributed tracing.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, unquote
from uuid import UUID

import msgspec

from libs.bus import Outgoing
from libs.eventstore.envelope import Meta
from libs.eventstore.names import FEED_SUBJECT

_META: Final = msgspec.json.Decoder(Meta)

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@=+-]*").fullmatch

SAFE: Final = " !#$&'()*+,-./:;<=>?@[]^_`{|}~"
"""What of printable ASCII stands as it is; the binding asks to encode the quotation mark and the percent sign too."""


def subject(tenant: str, type_name: str, entity: str) -> str:
    """`auth.v1.<tenant>.<entity>.<id>.<event>` of an event of `type_name` (`<entity>.<event>`)."""
    kind, _, event = type_name.partition(".")
    return f"{FEED_SUBJECT}.{tenant}.{kind}.{entity}.{event}"


def message(row: Any, epoch: int) -> Outgoing:
    """The message of a row of `feed`."""
    meta = _META.decode(row["meta"])
    tenant, name, entity = row["tenant"], row["type"], row["entity"]
    headers = {
        "ce-specversion": "1.0",
        "ce-id": str(row["id"]),
        "ce-source": f"urn:limen:{row['source']}",
        "ce-type": f"{FEED_SUBJECT}.{name}",
        "ce-subject": f"{name.partition('.')[0]}/{entity}",
        "ce-time": _time(meta.occurred_at or row["at"]),
        "ce-sequence": str(row["pos"]),
        "ce-sequencetype": "Integer",
        "ce-epoch": str(epoch),
        "ce-tenant": tenant,
        "ce-dataversion": str(row["v"]),
        "content-type": "application/json",
    }
    if meta.actor is not None:
        headers["ce-actor"] = encoded(f"{meta.actor.kind}/{meta.actor.id}")
    if meta.trace is not None:
        headers["traceparent"] = encoded(meta.trace)
    if meta.request_id is not None:
        headers["ce-requestid"] = encoded(meta.request_id)
    if meta.correlation_id is not None:
        headers["ce-correlationid"] = encoded(meta.correlation_id)
    return Outgoing(subject(tenant, name, entity), row["data"].encode(), headers)


def encoded(value: str) -> str:
    """A header's value: itself where it may be one, else percent-encoded."""
    return value if _PLAIN(value) else quote(value, SAFE)


def identity(headers: Mapping[str, str]) -> tuple[UUID, int]:
    """Id and epoch of an event, from its headers."""
    return UUID(headers["ce-id"]), int(headers["ce-epoch"])


def structured(headers: Mapping[str, str], payload: bytes) -> bytes:
    """The event as one JSON object (the specification's JSON format)."""
    attributes = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    attributes |= {"traceparent": headers["traceparent"]} if "traceparent" in headers else {}
    return msgspec.json.encode({**attributes, "data": msgspec.Raw(payload)})


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
