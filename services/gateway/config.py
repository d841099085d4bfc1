"""Owns the gateway's settings."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from libs.settings import Count, Pause, Port, Secret, Span


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may say about the public side."""

    nats_url: Secret
    """NATS, with the user `gateway`."""
    host: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses to listen on, separated by commas."""
    port: Port = 8080
    """The public port."""
    tls_certificate: Path | None = None
    """A PEM file with the certificate chain; with it the gateway speaks https."""
    tls_key: Path | None = None
    """A PEM file with the private key of the certificate."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks whose `X-Forwarded-For`, `X-Forwarded-Proto` and `traceparent` are believed."""
    jwks_max_age: Span = timedelta(minutes=10)
    """How long others may keep the JWKS and the discovery documents."""
    request_deadline: Span = timedelta(seconds=5)
    """How long a service may take for an answer."""
    receive_timeout: Span = timedelta(seconds=10)
    """How long a client may take for a request's header, and again for its body."""
    keep_alive: Span = timedelta(seconds=75)
    """How long an idle connection stays open."""
    max_connections: Count = 4096
    """Open connections; past it the oldest idle one is closed, or the new one refused."""
    max_in_flight: Count = 1024
    """Requests that services are answering; past it the answer is 503."""
    drain_delay: Pause = timedelta(0)
    """How long the gateway goes on after it became unready, so that a load balancer can notice."""
    drain_timeout: Pause = timedelta(seconds=30)
    """How long requests under way may take when the gateway stops."""
    log_requests: bool = True
    """Whether every request is one line in the log."""

    def __post_init__(self) -> None:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("LIMEN_TLS_CERTIFICATE and LIMEN_TLS_KEY go together: set both or neither.")
