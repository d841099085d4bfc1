"""How logs are called on the bus: streams, subjects, nudges, and the word of followers that have applied."""

from typing import Final

FACTS: Final = "facts"
ACTIVITY: Final = "activity"
FEED: Final = "feed"
"""What of all this is public; the one log of its kind, `audit`'s."""

LOGS: Final = (FACTS, ACTIVITY, FEED)

FEED_OWNER: Final = "audit"
FEED_STREAM: Final = "AUTH"
FEED_SUBJECT: Final = "auth.v1"


def logs_of(service: str) -> tuple[str, ...]:
    """The logs a service may have."""
    return LOGS if service == FEED_OWNER else (FACTS, ACTIVITY)


def stream_of(service: str, log: str = FACTS) -> str:
    """The JetStream stream that mirrors a log; lane 0."""
    return FEED_STREAM if log == FEED else f"{'EVT' if log == FACTS else 'ACT'}_{service.upper()}_0"


def subjects_of(service: str, log: str) -> list[str]:
    """The subjects of a log's events.

    `evt.<service>.<event>` for facts, `act.<service>.<event>` for activity, for the feed
    `auth.v1.<tenant>.<entity>.<id>.<event>`.
    """
    return [f"{FEED_SUBJECT}.>" if log == FEED else f"{_prefix(log)}.{service}.>"]


def subject_of(log: str, type_name: str) -> str:
    """The subject of one event; its type already begins with the service."""
    return f"{_prefix(log)}.{type_name}"


def nudge_of(service: str, log: str) -> str:
    """Said by a replica that committed, for the relay that leads elsewhere."""
    return f"nudge.v1.{service}.{log}"


def applied_of(service: str, log: str) -> str:
    """Said by followers of a service's log: how far they have applied it."""
    return f"applied.v1.{service}.{log}"


def _prefix(log: str) -> str:
    return "evt" if log == FACTS else "act"
