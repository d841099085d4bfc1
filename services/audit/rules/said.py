"""Owns what a row of the table of publishing is: what is said in public and to the tenant, or why nothing is."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from libs.eventstore import Envelope, Event
from services.audit.events.kinds import PublicEvent


class Said(NamedTuple):
    """A public event, and what the tenant's log says besides."""

    event: PublicEvent
    private: Mapping[str, Any] | None = None


Says = Callable[[Envelope, Any], Said]


class Private:
    """Why an event is not public."""

    def __init__(self, why: str) -> None:
        self.why = why


SEEN: Final = ("address", "user_agent", "host", "client_name")
"""What is seen of a request, as far as an event has it."""


def seen(event: Event) -> dict[str, Any]:
    """What of a request the tenant's log says besides."""
    return {name: getattr(event, name) for name in SEEN if hasattr(event, name)}
