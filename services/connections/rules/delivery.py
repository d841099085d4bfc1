"""Deliveries: how one ends. They have no facts: what happened to them is activity, and their row is the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.eventstore import Event
from services.connections.commands import FinishDelivery
from services.connections.events import LogoutDelivered, LogoutUndelivered, MailFailed, MailSent

# What is remembered.


@dataclass(frozen=True)
class Nothing:
    """There is none, it is done, or another try of it has begun meanwhile."""


@dataclass(frozen=True)
class Mail:
    """A mail on its way."""

    template: str
    person: str | None


@dataclass(frozen=True)
class Logout:
    """An application that is being told."""

    client_id: str
    session_id: str


State = Nothing | Mail | Logout


# What a command causes.


def finish(command: FinishDelivery, state: State, _now: datetime) -> Sequence[Event]:
    """Say how it ended, once."""
    id_, is_delivered = command.delivery_id, command.outcome == "delivered"
    match state:
        case Nothing():
            return []
        case Mail(template=kind, person=person) if is_delivered:
            return [MailSent(delivery_id=id_, kind=kind, person=person)]
        case Mail(template=kind, person=person):
            return [MailFailed(delivery_id=id_, kind=kind, person=person, reason=command.reason)]
        case Logout(client_id=client, session_id=session) if is_delivered:
            return [LogoutDelivered(delivery_id=id_, client_id=client, session_id=session)]
        case Logout(client_id=client, session_id=session):
            return [LogoutUndelivered(delivery_id=id_, client_id=client, session_id=session, reason=command.reason)]
