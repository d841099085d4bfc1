"""What happens to connections and to what was delivered: the catalogue of `connections`."""

from typing import Any

from libs.eventstore import Activity, Catalogue, Fact


class ConnectionCreated(Fact, frozen=True, kw_only=True):
    """There is another way to sign in; `properties` are those the Management API was given, without secrets."""

    connection_id: str
    name: str
    strategy: str
    properties: dict[str, Any]


class ConnectionChanged(Fact, frozen=True, kw_only=True):
    """Properties of a connection were changed; `null` removes one."""

    connection_id: str
    properties: dict[str, Any]


class ConnectionDeleted(Fact, frozen=True, kw_only=True):
    """A connection was deleted; nobody signs in by it any more."""

    connection_id: str
    name: str


class ConnectionEnabled(Fact, frozen=True, kw_only=True):
    """An application may sign people in by a connection."""

    connection_id: str
    client_id: str


class ConnectionDisabled(Fact, frozen=True, kw_only=True):
    """An application may not sign people in by a connection any more."""

    connection_id: str
    client_id: str


class MailSent(Activity, frozen=True, kw_only=True):
    """A mail server took a mail; `kind` is its template."""

    delivery_id: str
    kind: str
    person: str | None


class MailFailed(Activity, frozen=True, kw_only=True):
    """A mail was given up, after its retries or because it can never be sent."""

    delivery_id: str
    kind: str
    person: str | None
    reason: str


class LogoutDelivered(Activity, frozen=True, kw_only=True):
    """An application was told that a session is over (OpenID Connect Back-Channel Logout)."""

    delivery_id: str
    client_id: str
    session_id: str


class LogoutUndelivered(Activity, frozen=True, kw_only=True):
    """An application could not be told that a session is over, and will not be tried again."""

    delivery_id: str
    client_id: str
    session_id: str
    reason: str


CATALOGUE = Catalogue(
    "connections",
    ConnectionCreated,
    ConnectionChanged,
    ConnectionDeleted,
    ConnectionEnabled,
    ConnectionDisabled,
    MailSent,
    MailFailed,
    LogoutDelivered,
    LogoutUndelivered,
)
