"""Owns the gateway's settings."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from libs.settings import Secret


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may say about the public side."""

    nats_url: Secret
    """NATS, with the user `gateway`."""
    host: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses to listen on, separated by commas."""
    port: int = 8080
    """The public port."""
    tls_certificate: Path | None = None
    """A PEM file with the certificate chain; with it the gateway speaks https."""
    tls_key: Path | None = None
    """A PEM file with the private key of the certificate."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks whose `X-Forwarded-For`, `X-Forwarded-Proto` and `traceparent` are believed."""
    jwks_max_age: timedelta = timedelta(minutes=10)
    """How long others may keep the JWKS and the discovery documents."""
    request_deadline: timedelta = timedelta(seconds=5)
    """How long a service may take for an answer."""
    receive_timeout: timedelta = timedelta(seconds=10)
    """How long a client may take for a request's header, and again for its body."""
    keep_alive: timedelta = timedelta(seconds=75)
    """How long an idle connection stays open."""
    max_connections: int = 4096
    """Open connections; past it the oldest idle one is closed, or the new one refused."""
    max_in_flight: int = 1024
    """Requests that services are answering; past it the answer is 503."""
    drain_delay: timedelta = timedelta(0)
    """How long the gateway goes on after it became unready, so that a load balancer can notice."""
    drain_timeout: timedelta = timedelta(seconds=30)
    """How long requests under way may take when the gateway stops."""
    log_requests: bool = True
    """Whether every request is one line in the log."""

    def __post_init__(self) -> None:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("LIMEN_TLS_CERTIFICATE and LIMEN_TLS_KEY go together: set both or neither.")
