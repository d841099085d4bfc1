"""Moving `head` and inserting events, as SQL text that carries its own COMMIT.

The text goes by the simple query protocol, which runs several statements in one round trip but takes no parameters.
The events therefore travel as one JSON literal, quoted by the SQL standard's rule; `standard_conforming_strings` is on
by default and the connection's own. What is done with them is in functions of the schema, whose plans are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from libs.eventstore.envelope import Context, meta
from libs.eventstore.events import Catalogue, Event, Fact, encoded
from libs.eventstore.names import ACTIVITY, FACTS
from libs.runtime.ids import uuid7

APPEND: Final = {FACTS: "SELECT append_facts({events}::jsonb);", ACTIVITY: "SELECT append_activity({events}::jsonb);"}


@dataclass(frozen=True)
class Entry:
    """One event, ready to be appended; `stream` and `version` are `None` in the activity log."""

    tenant: str
    stream: str | None
    version: int | None
    id: UUID
    type: str
    v: int
    data: str
    meta: str

    def plain(self) -> dict[str, Any]:
        """As a member of the JSON literal."""
        return {
            "tenant": self.tenant,
            "stream": self.stream,
            "version": self.version,
            "id": self.id,
            "type": self.type,
            "v": self.v,
            "data": msgspec.Raw(self.data.encode()),
            "meta": msgspec.Raw(self.meta.encode()),
        }


def entries(
    catalogue: Catalogue,
    tenant: str,
    stream: str,
    version: int,
    events: Sequence[Event],
    context: Context,
    now: datetime,
    ids: Sequence[UUID] = (),
) -> list[Entry]:
    """Events as entries behind `version` of `stream`; `ids` name the first of them when the caller derived ids.

    Raises:
        EventTooLarge: one event's data is over the limit.
    """
    made = []
    for number, event in enumerate(events):
        is_fact = isinstance(event, Fact)
        version += is_fact
        made.append(
            Entry(
                tenant=tenant,
                stream=stream if is_fact else None,
                version=version if is_fact else None,
                id=ids[number] if number < len(ids) else uuid7(),
                type=catalogue.name_of(type(event)),
                v=event.v,
                data=encoded(event),
                meta=meta(context, now, must_understand=event.must_understand),
            )
        )
    return made


def append_script(appended: Sequence[Entry]) -> str:
    """The text that appends and commits; facts before activity, as everywhere, so that no two wait for each other."""
    facts = [entry.plain() for entry in appended if entry.stream is not None]
    activity = [entry.plain() for entry in appended if entry.stream is None]
    script = ""
    if facts:
        script += APPEND[FACTS].format(events=_literal(facts))
    if activity:
        script += APPEND[ACTIVITY].format(events=_literal(activity))
    return script + "COMMIT"


def _literal(events: list[dict[str, Any]]) -> str:
    return "'" + msgspec.json.encode(events).decode().replace("'", "''") + "'"


def lock_shared(service: str) -> str:
    """The statement that holds off the exclusive lock under which `limen rebuild` compares and swaps folded columns."""
    return f"SELECT pg_advisory_xact_lock_shared(hashtextextended('rebuild {service}', 0))"
