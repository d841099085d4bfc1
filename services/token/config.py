"""With what the token service runs; each field's docstring is its entry in the reference."""

from dataclasses import dataclass
from datetime import timedelta

from libs.settings import Count, Secret, Span


@dataclass(frozen=True)
class Settings:
    """Settings of `limen serve token`, from `LIMEN_*` variables."""

    postgres_url: Secret
    """Where this service's schema is, with its role's password; `LIMEN_TOKEN_POSTGRES_URL` goes before it."""

    nats_url: Secret
    """Where NATS is, with this service's password; `LIMEN_TOKEN_NATS_URL` goes before it."""

    token_slots: Count = 256
    """Token requests under way at once in one process; one more is answered 503."""

    management_slots: Count = 32
    """Management API requests under way at once in one process; one more is answered 503."""

    management_requests_per_second: Count = 1000
    """Requests of one application to the Management API a second, in one process; one more is answered 429."""

    failures_per_minute: Count = 100
    """Failed client authentications per client and address in a minute, before the address is told to wait."""

    activity_retention: Span = timedelta(days=30)
    """How long activity (issued and refused tokens) is kept."""

    activity_partition_rows: Count = 1_000_000
    """Events per partition of the activity log; what is dropped is dropped a partition at a time."""
