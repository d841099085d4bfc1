"""Owns the settings of `tenants`."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from libs.settings import Authorities, Count, Secret


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may say about `tenants`."""

    postgres_url: Secret
    """Postgres, with the role `limen_tenants`."""
    nats_url: Secret
    """NATS, with the user `tenants`."""
    management_slots: Count = 32
    """Requests of the Management API answered at once in one process; one more is told to come back."""

    picture_slots: Count = 16
    """Logos and other pictures of the pages that are served at once in one process; one more is told to come back."""

    outgoing_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks from which pictures may be fetched although they are not public."""

    outgoing_ca_file: Authorities | None = None
    """Certificates of authorities that are believed beside the system's when a picture is fetched."""

    management_requests_per_second: Count = 1000
    """Requests of one application to the Management API a second, in one process; one more is answered 429."""
