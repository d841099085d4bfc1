"""The numbers of the log; their labels are names from this code, never from a request."""

from prometheus_client import Counter, Gauge, Histogram

RELAYED = Counter("limen_relayed_events_total", "Events mirrored into their stream.", ["service", "log"])
POSITION = Gauge("limen_log_position", "Position in a log, by who has come there.", ["service", "who"])
LAG = Histogram(
    "limen_follower_lag_seconds",
    "Seconds from an event's commit until it was applied here.",
    ["follower"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
HALTED = Gauge("limen_follower_halted", "1 while a follower stands before an event it cannot apply.", ["follower"])
BATCHES = Histogram(
    "limen_batch_items", "Commands that shared one commit.", ["service"], buckets=(1, 2, 5, 10, 20, 50, 100, 200)
)
