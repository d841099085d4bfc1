"""What can be asked of `audit`: commands for the rules, and the questions and answers of `svc.v1.audit.*`."""

from datetime import datetime
from typing import Any, Final

import msgspec

SERVICE: Final = "audit"

OPERATORS_TENANT: Final = "default"
"""Whose facts those about subscribers are: of the operator's own tenant. What a subscriber sees, its filter says."""

MOST_FOUND: Final = 1000
"""Entries of a search that can be paged through and are counted, as in Auth0; a walk has no end."""


class AddSubscriber(msgspec.Struct, frozen=True, kw_only=True):
    """Let a subscriber read the subjects `events`, from `start` on or from now; a repeat changes nothing.

    With `unless_removed` one that was removed stays so.

    As an ask: `svc.v1.audit.add`, answered by `SubscriberAnswer` once its durable consumer is there.
    """

    name: str
    events: str
    start: int | None = None
    unless_removed: bool = False
    tenant: str = OPERATORS_TENANT


class RemoveSubscriber(msgspec.Struct, frozen=True, kw_only=True):
    """Let a subscriber read no more, and delete its durable consumer. As an ask: `svc.v1.audit.remove`."""

    name: str
    tenant: str = OPERATORS_TENANT


class ListSubscribers(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.audit.list`: every subscriber, with how far it is."""


class SubscriberAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A subscriber, and how far it is: everything up to `acked` is acknowledged.

    `pending` events wait for it, `unacknowledged` were delivered and not acknowledged yet, and the oldest of both is
    `lag_seconds` old; all three are `None` while its durable consumer cannot be asked.
    """

    name: str
    events: str
    acked: int
    acked_at: datetime
    stream: str
    pending: int | None = None
    unacknowledged: int | None = None
    lag_seconds: float | None = None
    is_removed: bool = False


class SubscribersAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every subscriber, by name, and the feed's last position."""

    subscribers: list[SubscriberAnswer]
    head: int


class LogsOf(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.audit.logs_of`: the entries of a tenant's log that concern a person, by the opaque id.

    `limit` of them behind `start` others, the newest first unless told otherwise; `counts` asks how many there are.
    """

    tenant: str
    person: str
    start: int
    limit: int
    is_newest_first: bool = True
    counts: bool = False


class LogsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The entries, as `/api/v2/logs` shows them, and how many there are in all, up to `MOST_FOUND`; 0 if not asked."""

    entries: list[dict[str, Any]]
    total: int = 0
