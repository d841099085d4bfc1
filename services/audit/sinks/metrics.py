"""The numbers of subscribers; their label is the name the operator gave."""

from prometheus_client import Gauge

BACKLOG = Gauge("limen_subscriber_backlog_events", "Events that wait to be delivered to a subscriber.", ["subscriber"])
UNACKNOWLEDGED = Gauge(
    "limen_subscriber_unacknowledged_events", "Events delivered to a subscriber and not acknowledged.", ["subscriber"]
)
BACKLOG_SECONDS = Gauge(
    "limen_subscriber_lag_seconds",
    "Age of the oldest event that a subscriber has not acknowledged; 0 when there is none.",
    ["subscriber"],
)
