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
RELAY_BEHIND = Gauge("limen_relay_lag_events", "Events of a log that its stream lacks.", ["service", "log"])
RELAY_SECONDS = Gauge(
    "limen_relay_lag_seconds", "Seconds since a log's stream was last level with it; 0 while it is.", ["service", "log"]
)
FOLLOWER_BEHIND = Gauge(
    "limen_follower_lag_events", "Events of a stream that a follower has not applied.", ["follower"]
)
FOLLOWER_SECONDS = Gauge(
    "limen_follower_behind_seconds",
    "Seconds since a follower was last level with its stream; 0 while it is.",
    ["follower"],
)
HALTED = Gauge("limen_follower_halted", "1 while a follower stands before an event it cannot apply.", ["follower"])
BATCHES = Histogram(
    "limen_batch_items", "Commands that shared one commit.", ["service"], buckets=(1, 2, 5, 10, 20, 50, 100, 200)
)
