"""Owns the page of public events, for those who subscribe: subjects, headers, and each event with its data."""

from collections.abc import Sequence
from inspect import cleandoc
from typing import Final

from libs.eventstore.names import FEED_STREAM
from services.audit.events.kinds import PublicEvent
from services.cli.docs import markdown
from services.cli.docs.markdown import cell, code, table
from services.cli.docs.published import HEADERS, by_entity, codes_of, fields, type_of

INTRODUCTION: Final = f"""\
What services that are not ours may build on: names are for ever, and fields are only added.
Every event is a [CloudEvent](https://cloudevents.io) in the stream `{FEED_STREAM}`, in binary mode: attributes are headers, data is the payload, in JSON.
It is delivered at least once and in the order of its source service; an event that comes again has the same `ce-id`, `ce-epoch` and `ce-sequence`.
Nothing here identifies a person, and nothing is secret.
For programs there are [asyncapi.json](asyncapi.json) and [a JSON Schema of each event's data](schemas); [Events](events.md) says which of our own events become which of these."""  # noqa: E501  # one sentence per line

SUBJECTS: Final = """\
## Subjects: `auth.v1.<tenant>.<entity>.<id>.<event>`

The id is the entity's own where it may be a token of a subject (up to 64 of `A-Z`, `a-z`, `0-9`, `_` and `-`).
Else it is `x-` and the beginning of its SHA-256 in hexadecimal, and `unknown` where we know nobody.
What a stranger claims is in no subject.
In a subscriber's filter `*` stands for one of them and `>` at the end for all the rest: `auth.v1.*.client.>`."""

AROUND: Final = """\
NATS may put headers of its own beside them (`Nats-…`); more attributes may come.
A value outside printable ASCII is percent-encoded, as are the quotation mark and the percent sign."""

CODES: Final = """\
The last column is the code under which the event is in the tenant's log (`/api/v2/logs`), where it is."""


def page() -> str:
    """The page."""
    entities = (_section(entity, events) for entity, events in by_entity().items())
    return markdown.page("Public events", INTRODUCTION, SUBJECTS, _headers(), f"## Events\n\n{CODES}", *entities)


def _headers() -> str:
    rows = [(code(each.name), "always" if each.always else "where known", cell(each.meaning)) for each in HEADERS]
    return f"## Headers\n\n{table(('header', 'is there', 'meaning'), rows)}\n\n{AROUND}"


def _section(entity: str, events: Sequence[type[PublicEvent]]) -> str:
    keys = ", ".join(code(key) for key in dict.fromkeys(event.key for event in events))
    head = ("type", "what happened", "data", "Auth0's code")
    return f"### `{entity}`, by its {keys}\n\n{table(head, map(_row, events))}"


def _row(event: type[PublicEvent]) -> tuple[str, str, str, str]:
    data = ", ".join(f"`{name}` {kind}" for name, kind in fields(event))
    return _linked(event), cell(cleandoc(event.__doc__ or "")), data, ", ".join(map(code, codes_of(event)))


def _linked(event: type[PublicEvent]) -> str:
    """The type, leading to its schema."""
    return f"[{code(type_of(event))}](schemas/{type_of(event)}.json)"
