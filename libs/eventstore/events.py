"""What an event is: a frozen struct with a name on the wire, and the catalogue that finds one by the other.

A name on the wire is for ever. It is derived from the class (`ClientRegistered` of `token` is
`token.client_registered`), so renaming a class would break it: the recorded events in `tests/data/events` notice.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final, TypeAlias

import msgspec

EVENT_LIMIT: Final = 64 * 1024
"""Bytes an event's data may take; what is larger is refused at the append, where somebody can still be told."""


class EventTooLarge(Exception):
    """An event's data is over the limit; nothing was appended."""


class NotUnderstood(Exception):
    """An event that must be understood is of a type this release does not know."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What was decided: kept for ever, with a stream and a version."""

    v: ClassVar[int] = 1
    must_understand: ClassVar[bool] = False


class Activity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What was done: high volume, decides nothing, kept for some days."""

    v: ClassVar[int] = 1
    must_understand: ClassVar[bool] = False


Event: TypeAlias = Fact | Activity


class ProjectionSkipped(Fact, frozen=True, kw_only=True):
    """An operator had a halted follower go past an event it could not apply."""

    name: str
    source: str
    epoch: int
    pos: int
    reason: str


class ActivityMissed(Fact, frozen=True, kw_only=True):
    """A follower of an activity log came too late: what lay between two positions was gone already."""

    name: str
    source: str
    epoch: int
    after: int
    next: int


class LogRestored(Fact, frozen=True, kw_only=True):
    """An operator accepted that a log went back to a backup: `lost` events from `after` + 1 to `until` are given up."""

    log: str
    epoch: int
    after: int
    until: int
    lost: int


OF_EVERY_SERVICE: Final = (ProjectionSkipped, ActivityMissed, LogRestored)
"""Facts every service with a log may record; they belong to its own catalogue and name."""


def snake(name: str) -> str:
    """`JWKSetPublished` as `jwk_set_published`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Catalogue:
    """The events of one service, by class and by name on the wire."""

    def __init__(self, service: str, *events: type[Event]) -> None:
        self.service = service
        self._own = events
        self._classes: dict[str, type[Event]] = {
            f"{service}.{snake(event.__name__)}": event for event in (*events, *OF_EVERY_SERVICE)
        }
        self._names = {event: name for name, event in self._classes.items()}
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {
            name: msgspec.json.Decoder(event) for name, event in self._classes.items()
        }

    def __iter__(self) -> Iterator[tuple[str, type[Event]]]:
        """The service's own events; `OF_EVERY_SERVICE` are known besides."""
        return ((self._names[event], event) for event in self._own)

    def name_of(self, event: type[Event]) -> str:
        """The event's name on the wire."""
        return self._names[event]

    def knows(self, name: str) -> bool:
        """Whether this release has a class for `name`."""
        return name in self._classes

    def decode(self, name: str, data: bytes | str) -> Event | None:
        """The event, or `None` for a type this release does not know.

        Raises:
            msgspec.ValidationError: the data is not of the event's shape.
        """
        decoder = self._decoders.get(name)
        return None if decoder is None else decoder.decode(data)


def encoded(event: Event) -> str:
    """The event's data as JSON text.

    Raises:
        EventTooLarge: over `EVENT_LIMIT` bytes.
    """
    data = msgspec.json.encode(event)
    if len(data) > EVENT_LIMIT:
        raise EventTooLarge(f"{type(event).__name__} takes {len(data)} bytes, the limit is {EVENT_LIMIT}")
    return data.decode()
