"""Owns the settings of `tenants`."""

from dataclasses import dataclass

from libs.settings import Secret


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may say about `tenants`."""

    postgres_url: Secret
    """Postgres, with the role `limen_tenants`."""
    nats_url: Secret
    """NATS, with the user `tenants`."""
    management_slots: int = 32
    """Requests of the Management API answered at once in one process; one more is told to come back."""

    picture_slots: int = 16
    """Logos and other pictures of the pages that are served at once in one process; one more is told to come back."""

    management_requests_per_second: int = 1000
    """Requests of one application to the Management API a second, in one process; one more is answered 429."""
