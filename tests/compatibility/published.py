"""What subscribers get of a recorded event: it is read, put through the table and made the message of a row."""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from libs.bus import Outgoing
from libs.eventstore import Envelope, Event, cloudevents
from libs.eventstore.envelope import from_wire
from libs.eventstore.feeding import Public, _meta
from services.audit.rules.publishing import PUBLISHED, publishes
from services.audit.rules.said import Private
from tests.compatibility.record import CATALOGUES, FOLDER

EPOCH: Final = 1


class Told(NamedTuple):
    """A public event with its message."""

    public: Public
    message: Outgoing

    @property
    def structured(self) -> dict[str, Any]:
        """As one JSON object, which is how public events are recorded."""
        found: dict[str, Any] = json.loads(cloudevents.structured(self.message.headers, self.message.payload))
        return found


def recorded() -> list[Path]:
    """The files of recorded events, of every version."""
    return sorted(FOLDER.glob("*/*.json"))


def read(file: Path) -> tuple[Envelope, Event]:
    """A recorded event."""
    envelope = from_wire(file.read_bytes())
    catalogue = next(each for each in CATALOGUES if each.knows(envelope.type))
    event = catalogue.decode(envelope.type, bytes(envelope.data))
    assert event is not None
    return envelope, event


def told(envelope: Envelope, event: Event) -> Told | None:
    """What subscribers get of it; nothing, where it is private."""
    says = PUBLISHED[type(event)]
    if isinstance(says, Private):
        return None
    public = publishes(says)(envelope, event)
    return Told(public, cloudevents.message(_row(envelope, public), EPOCH))


def _row(envelope: Envelope, public: Public) -> dict[str, Any]:
    return {
        "pos": envelope.pos,
        "tenant": envelope.tenant,
        "id": envelope.id,
        "type": public.type,
        "v": public.v,
        "entity": public.entity,
        "source": envelope.type.partition(".")[0],
        "data": public.data.decode(),
        "meta": _meta(envelope),
        "at": envelope.at,
    }
