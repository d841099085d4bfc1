"""A subscriber's life: added with the subjects it may see, removed; one of the same name may come later."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from libs.eventstore import Event
from services.audit.commands import AddSubscriber, RemoveSubscriber
from services.audit.events import SubscriberAdded, SubscriberRemoved

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_TOKEN: Final = r"(?:\*|[A-Za-z0-9_-]{1,64})"  # noqa: S105  # of a subject
_EVENTS: Final = re.compile(rf"auth\.v1(?:\.{_TOKEN}){{0,4}}(?:\.>|\.{_TOKEN})")
_DEPTH: Final = 6
"""Tokens of a subject: `auth.v1.<tenant>.<entity>.<id>.<event>`."""


# What is remembered


@dataclass(frozen=True)
class Subscriber:
    """Who may read which subjects, from which position on."""

    events: str
    start: int
    is_removed: bool = False


@dataclass(frozen=True)
class Entry:
    """The register's entry of one name, and where the feed is now."""

    subscriber: Subscriber | None = None
    head: int = 0


# What a fact changes


def evolve(state: Entry, event: Event) -> Entry:
    """The entry after `event`."""
    match event, state.subscriber:
        case SubscriberAdded(events=events, start=start), _:
            return Entry(Subscriber(events, start), state.head)
        case SubscriberRemoved(), Subscriber(events=events, start=start):
            return Entry(Subscriber(events, start, is_removed=True), state.head)
        case _:
            return state


# What a command causes


class Refused(Exception):
    """The register says no; the message is for the operator."""


class BadName(Refused):
    """A name that could not be a durable consumer's."""


class BadEvents(Refused):
    """No subjects of the feed."""


class SubscriberExists(Refused):
    """The name is taken by one that sees other events."""


class NoSuchSubscriber(Refused):
    """There is none of this name."""


def add(command: AddSubscriber, state: Entry, _now: datetime) -> Sequence[Event]:
    """Add a subscriber; the same again changes nothing.

    Raises:
        BadName, BadEvents, SubscriberExists.
    """
    if not _NAME.fullmatch(command.name):
        raise BadName("a subscriber's name is up to 32 of a-z, 0-9, _ and -, beginning with a letter or digit")
    if not _EVENTS.fullmatch(command.events) or not _reaches(command.events):
        raise BadEvents(
            f"{command.events!r} are no subjects of the feed, auth.v1.<tenant>.<entity>.<id>.<event>; "
            "`*` stands for one of them, `>` at the end for all the rest"
        )
    there = state.subscriber
    if there is not None and there.is_removed and command.unless_removed:
        return []
    if there is not None and not there.is_removed:
        if there.events != command.events:
            raise SubscriberExists(f"there is a subscriber {command.name} already, for {there.events}")
        return []
    start = state.head + 1 if command.start is None else command.start
    return [SubscriberAdded(name=command.name, events=command.events, start=max(1, start))]


def remove(command: RemoveSubscriber, state: Entry, _now: datetime) -> Sequence[Event]:
    """Remove a subscriber; one that is removed already stays so.

    Raises:
        NoSuchSubscriber: there never was one.
    """
    if state.subscriber is None:
        raise NoSuchSubscriber(f"there is no subscriber {command.name}")
    return [] if state.subscriber.is_removed else [SubscriberRemoved(name=command.name)]


def _reaches(events: str) -> bool:
    """Whether an event's subject can be among these."""
    return events.endswith(".>") or events.count(".") == _DEPTH - 1
