"""Owns what the pages of public events say alike: what an event becomes, its codes, its schema, its headers."""

import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Any, Final, NamedTuple

import msgspec

from libs.eventstore import Event
from libs.eventstore.names import FEED_SUBJECT
from services.audit.events.kinds import PublicEvent
from services.audit.events.public import PUBLIC, name_of
from services.audit.rules import codes
from services.audit.rules.publishing import PUBLISHED
from services.audit.rules.said import Private

Schema = dict[str, Any]

NUMBER: Final = {"type": "string", "pattern": "^[1-9][0-9]*$"}


class Header(NamedTuple):
    """A header of every message, or where it is not `always` there, of those that have something to say."""

    name: str
    schema: Mapping[str, Any]
    meaning: str
    always: bool = True


HEADERS: Final = (
    Header("ce-specversion", {"const": "1.0"}, "Version of CloudEvents."),
    Header("ce-id", {"type": "string", "format": "uuid"}, "The event's id; delivered again it has the same."),
    Header("ce-source", {"type": "string", "pattern": "^urn:limen:[a-z_]+$"}, "The service it happened in."),
    Header(
        "ce-type",
        {"type": "string", "pattern": r"^auth\.v1\.[a-z_]+\.[a-z_]+$"},
        "`auth.v1.<entity>.<event>`, for ever.",
    ),
    Header(
        "ce-subject",
        {"type": "string", "pattern": "^[a-z_]+/[A-Za-z0-9_-]{1,64}$"},
        "`<entity>/<id>`: what it is about, with the id that is in the subject.",
    ),
    Header("ce-time", {"type": "string", "format": "date-time"}, "When it happened."),
    Header("ce-sequence", NUMBER, "Its position in the feed, which is its sequence in the stream; ascending."),
    Header("ce-sequencetype", {"const": "Integer"}, "How sequences compare."),
    Header("ce-epoch", NUMBER, "Goes up when the feed went back to a backup: then positions are given again."),
    Header("ce-tenant", {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, "The tenant it happened in."),
    Header("ce-dataversion", NUMBER, "Version of the data's schema."),
    Header("content-type", {"const": "application/json"}, "What the payload is."),
    Header(
        "ce-actor",
        {"type": "string", "pattern": "^[a-z_]+/.+$"},
        "Who did it: `client/<id>`, `operator/<id>` or `service/<name>`.",
        always=False,
    ),
    Header(
        "traceparent",
        {"type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"},
        "The trace of the request that caused it (W3C Trace Context).",
        always=False,
    ),
    Header("ce-requestid", {"type": "string"}, "The request that caused it, as our logs name it.", always=False),
    Header("ce-correlationid", {"type": "string"}, "What it belongs to, across several requests.", always=False),
)
"""What `libs.eventstore.cloudevents` writes."""


def headers() -> Schema:
    """The schema of a message's headers; NATS may put its own beside them."""
    return {
        "title": "Headers",
        "description": "CloudEvents 1.0 in binary mode; what is not printable ASCII is percent-encoded.",
        "type": "object",
        "properties": {each.name: {**each.schema, "description": each.meaning} for each in HEADERS},
        "required": [each.name for each in HEADERS if each.always],
    }


def type_of(event: type[PublicEvent]) -> str:
    """The event's `ce-type`."""
    return f"{FEED_SUBJECT}.{name_of(event)}"


def by_entity() -> Mapping[str, list[type[PublicEvent]]]:
    """The public events, by what they are about."""
    found: dict[str, list[type[PublicEvent]]] = {}
    for event in PUBLIC:
        found.setdefault(event.entity, []).append(event)
    return found


def fields(event: type[PublicEvent]) -> Iterator[tuple[str, str]]:
    """The names of an event's data, each with its kind in words."""
    own = msgspec.json.schema(event)["$defs"][event.__name__]
    return ((name, _kind(schema)) for name, schema in own["properties"].items())


def _kind(schema: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"array of {_kind(schema['items'])}"
    return str(schema.get("format") or schema.get("type", "anything"))


def codes_of(event: type[PublicEvent]) -> list[str]:
    """Auth0's codes that an event may bear in the tenant's log."""
    deciding = {name: codes.DECIDING[name] for name in event.__struct_fields__ if name in codes.DECIDING}
    empty: dict[str, Any] = dict.fromkeys(event.__struct_fields__)
    known = (empty | dict(zip(deciding, values, strict=True)) for values in product(*deciding.values()))
    found = (codes.code_of(name_of(event), event(**each)) for each in known)
    return sorted({code for code in found if code is not None})


def becomes(event: type[Event]) -> Private | list[type[PublicEvent]]:
    """Why an event is private, or which public events its row of the table makes of it."""
    says = PUBLISHED[event]
    return says if isinstance(says, Private) else [each for each in PUBLIC if each in set(_named(says))]


def _named(says: Callable[..., Any]) -> Iterable[object]:
    """The public events that the code of a row names, and those it was given."""
    assert isinstance(says, types.FunctionType), "a row of the table is a function"
    by_name = {each.__name__: each for each in PUBLIC}
    yield from (by_name[name] for name in says.__code__.co_names if name in by_name)
    yield from (cell.cell_contents for cell in says.__closure__ or ())
