"""Owns the settings of `connections`."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Final
from urllib.parse import urlsplit

from libs.edge.formats import is_email
from libs.settings import Authorities, Count, Secret, Span

SMTP_SCHEMES: Final = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
"""How a mail server is spoken to, with the port that is not said."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of `limen serve connections`, from `LIMEN_*` variables."""

    postgres_url: Secret
    """Where this service's schema is, with its role's password; `LIMEN_CONNECTIONS_POSTGRES_URL` goes before it."""

    nats_url: Secret
    """Where NATS is, with this service's password; `LIMEN_CONNECTIONS_NATS_URL` goes before it."""

    management_slots: Count = 32
    """Management API requests under way at once in one process; one more is answered 503."""

    management_requests_per_second: Count = 1000
    """Requests of one application to the Management API a second, in one process; one more is answered 429."""

    activity_retention: Span = timedelta(days=30)
    """How long activity is kept."""

    activity_partition_rows: Count = 1_000_000
    """Events per partition of the activity log; what is dropped is dropped a partition at a time."""

    smtp_url: Secret | None = None
    """The mail server: `smtp://user:password@host:587` (STARTTLS, always), `smtps://host:465` (TLS from the start), or
    `smtp+plain://host:25`, which sends words and password for everybody on the way to read."""

    mail_from: str = "no-reply@localhost"
    """The address that mails come from; the name beside it is the tenant's."""

    dev_mailbox: bool = False
    """Whether mails are shown at `/dev/mailbox` instead of sent, for development; `limen up` turns it on when no mail
    server is given."""

    mail_slots: Count = 4
    """Mails being sent at once by one process."""

    logout_slots: Count = 16
    """Applications being told of a logout at once by one process."""

    delivery_attempts: Count = 12
    """How often a mail or a logout is tried before it is given up."""

    delivery_backoff: Span = timedelta(seconds=5)
    """How long after the first try the second one is; each further wait is twice as long, up to an hour."""

    deliveries_waiting: Count = 100_000
    """How many mails and logouts may wait; one more is not accepted, and whoever asked keeps it and asks again."""

    outgoing_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that are not public and to which logouts may be delivered all the same, without TLS too; `limen up`
    names the loopbacks."""

    outgoing_ca_file: Authorities | None = None
    """Certificates of authorities that are believed beside the system's: of the mail server, and of applications that
    are told of a logout."""

    def __post_init__(self) -> None:
        """Refuse a wrong address of the mail server before the first mail is lost to it."""
        if self.smtp_url is not None:
            require_smtp_url(self.smtp_url.reveal())
            if not is_email(self.mail_from):
                raise ValueError("LIMEN_MAIL_FROM must be an address like no-reply@example.com where mails are sent.")


def require_smtp_url(url: str) -> None:
    """Refuse what no mail server can be reached by; the message shows no password.

    Raises:
        ValueError: one line for the operator.
    """
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in SMTP_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError("LIMEN_SMTP_URL must be smtp://, smtps:// or smtp+plain:// with a host.")
