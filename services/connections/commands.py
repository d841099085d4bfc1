"""What can be asked of `connections`: commands for the rules, and the asks `svc.v1.connections.*`."""

from typing import Any, Final, Literal

import msgspec

SERVICE: Final = "connections"

DATABASE: Final = "Username-Password-Authentication"
"""The database connection every tenant begins with, by Auth0's name."""


class CreateConnection(msgspec.Struct, frozen=True, kw_only=True):
    """Make a connection; `enabled` are the applications that may use it."""

    tenant: str
    connection_id: str
    name: str
    strategy: str
    properties: dict[str, Any]
    enabled: list[str]


class ChangeConnection(msgspec.Struct, frozen=True, kw_only=True):
    """Change properties of a connection; a member that is `None` is removed or has its default again.

    `enabled`, when given, are the only applications that may use it from now on.
    """

    tenant: str
    connection_id: str
    properties: dict[str, Any]
    enabled: list[str] | None = None


class DeleteConnection(msgspec.Struct, frozen=True, kw_only=True):
    """Delete a connection; deleting one that is not there changes nothing."""

    tenant: str
    connection_id: str


class EnableConnection(msgspec.Struct, frozen=True, kw_only=True):
    """Say which applications may use a connection: `clients` is by client_id whether it may."""

    tenant: str
    connection_id: str
    clients: dict[str, bool]


class FinishDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """Say how the try number `attempt` of a delivery ended: delivered, or given up for a `reason`."""

    tenant: str
    delivery_id: str
    attempt: int
    outcome: Literal["delivered", "given_up"]
    reason: str = ""


class DeliverMail(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.connections.deliver_mail`, answered by `Accepted`: send a mail, once per `id`.

    `template` is one of `verify_email`, `reset_email`, `welcome_email`, `blocked_account`, `failed_attempts`,
    `password_changed`; `variables` are shown as text, never evaluated: `url` (where the button leads), `name` (of the
    person), `application`, `minutes` (how long the link lives), `address` (where the attempts came from). A sentence
    that needs one which is not there is left out. `locale` is a language tag; the nearest language there is is taken.
    """

    id: str
    tenant: str
    person: str | None
    template: str
    to: str
    locale: str
    variables: dict[str, str]


class DeliverLogout(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.connections.deliver_logout`, answered by `Accepted`: tell an application, once per `id`.

    OpenID Connect Back-Channel Logout section 2.5; the logout token is asked of `token` when it is sent, because it
    lives two minutes.
    """

    id: str
    tenant: str
    client_id: str
    session_id: str
    sub: str


class ConnectionsOf(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.connections.connections_of`: the connections an application may use, after the id `after`.

    `strategies`, when given, are the only kinds that are wanted.
    """

    tenant: str
    client_id: str
    strategies: list[str] | None
    after: str
    take: int


class ConnectionsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: as the Management API shows them, and whether there are more; fewer where they are large."""

    connections: list[dict[str, Any]]
    has_more: bool


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: it is written down and will be tried."""

    id: str
