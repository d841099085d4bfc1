"""How logs are called on the bus: streams, subjects, nudges, and the word of followers that have applied."""

FACTS = "facts"
ACTIVITY = "activity"


def stream_of(service: str, log: str = FACTS) -> str:
    """The JetStream stream that mirrors a log; lane 0."""
    return f"{'EVT' if log == FACTS else 'ACT'}_{service.upper()}_0"


def subjects_of(service: str, log: str) -> list[str]:
    """The subjects of a log's events: `evt.<service>.<event>` for facts, `act.<service>.<event>` for activity."""
    return [f"{_prefix(log)}.{service}.>"]


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
