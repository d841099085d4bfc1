"""Owns the settings of `audit`."""

from dataclasses import dataclass
from datetime import timedelta

from libs.settings import Count, Secret, Size, Span


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may say about `audit`."""

    postgres_url: Secret
    """Postgres, with the role `limen_audit`."""
    nats_url: Secret
    """NATS, with the user `audit`."""
    feed_retention: Span = timedelta(days=30)
    """How long the feed and the logs of the Management API are kept in Postgres, at least."""
    feed_partition_rows: Count = 1_000_000
    """How many events one partition of the feed holds; whole partitions are dropped."""
    feed_stream_age: Span = timedelta(days=7)
    """How long the bus keeps the feed: a subscriber that acknowledges nothing for longer misses what is older."""
    feed_stream_bytes: Size = 4 << 30
    """How much of the feed the bus keeps at most."""
    feed_ack_wait: Span = timedelta(seconds=10)
    """Within how long a subscriber must acknowledge what it was given, or it comes again."""
    management_slots: Count = 16
    """Requests of the Management API answered at once in one process; one more is told to come back."""
    management_requests_per_second: Count = 1000
    """Requests of one application to the Management API a second, in one process; one more is answered 429."""
