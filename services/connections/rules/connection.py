"""Connections: what they are, and which applications may use them, in one stream."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from libs.edge.management_errors import Conflict, NotFound
from libs.eventstore import Event
from services.connections.commands import ChangeConnection, CreateConnection, DeleteConnection, EnableConnection
from services.connections.events import (
    ConnectionChanged,
    ConnectionCreated,
    ConnectionDeleted,
    ConnectionDisabled,
    ConnectionEnabled,
)
from services.connections.rules.defaults import completed, default_of, first_connection

# What is remembered.


@dataclass(frozen=True)
class NoConnection:
    """There is none of this id; `is_taken` tells whether another has the name."""

    is_taken: bool = False


@dataclass(frozen=True)
class Connection:
    """A way to sign in; of `enabled`, a loaded one knows only those its command concerns."""

    connection_id: str
    name: str
    strategy: str
    properties: Mapping[str, Any]
    enabled: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class DeletedConnection:
    """There was one; its id is never used again."""

    name: str
    strategy: str


State = NoConnection | Connection | DeletedConnection


# What a fact changes.


def evolve(state: State, event: Event) -> State:
    """The state after `event`; facts that cannot follow change nothing."""
    match state, event:
        case _, ConnectionCreated():
            return Connection(event.connection_id, event.name, event.strategy, event.properties)
        case Connection(), ConnectionChanged():
            return replace(state, properties=merged(state.properties, event.properties))
        case Connection(), ConnectionEnabled():
            return replace(state, enabled=state.enabled | {event.client_id})
        case Connection(), ConnectionDisabled():
            return replace(state, enabled=state.enabled - {event.client_id})
        case Connection(), ConnectionDeleted():
            return DeletedConnection(state.name, state.strategy)
        case _:
            return state


def merged(properties: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """The properties after a change, in which `None` removes one."""
    return {name: value for name, value in {**properties, **changed}.items() if value is not None}


# What a command causes.


class NameTaken(Conflict):
    """Another connection of the tenant has this name."""

    def __init__(self) -> None:
        super().__init__("A connection with the same name already exists.", "connection_conflict")


class NoSuchConnection(NotFound):
    """There is no connection of this id in the tenant."""

    def __init__(self) -> None:
        super().__init__("The connection does not exist", "inexistent_connection")


def create(command: CreateConnection, state: State, _now: datetime) -> Sequence[Event]:
    """Make a connection, once: the one a tenant begins with is not made again, even after it was deleted."""
    if not isinstance(state, NoConnection):
        return []
    if state.is_taken:
        if command.connection_id == first_connection(command.tenant):
            return []  # an administrator was faster
        raise NameTaken
    properties = completed(command.name, command.properties)
    made = ConnectionCreated(
        connection_id=command.connection_id, name=command.name, strategy=command.strategy, properties=properties
    )
    return [made, *_enabled(command.connection_id, command.enabled)]


def change(command: ChangeConnection, state: State, _now: datetime) -> Sequence[Event]:
    """Change what differs; what is said of a property takes the place of all it was."""
    connection = _existing(state)
    wanted = {
        member: default_of(connection.name, member) if value is None else value
        for member, value in command.properties.items()
    }
    changed = {member: value for member, value in wanted.items() if connection.properties.get(member) != value}
    said: list[Event] = []
    if changed:
        said.append(ConnectionChanged(connection_id=command.connection_id, properties=changed))
    if command.enabled is not None:
        wanted_clients = frozenset(command.enabled)
        said += _enabled(command.connection_id, wanted_clients - connection.enabled)
        said += _disabled(command.connection_id, connection.enabled - wanted_clients)
    return said


def delete(command: DeleteConnection, state: State, _now: datetime) -> Sequence[Event]:
    """Delete it, if it is there."""
    if not isinstance(state, Connection):
        return []
    return [ConnectionDeleted(connection_id=command.connection_id, name=state.name)]


def enable(command: EnableConnection, state: State, _now: datetime) -> Sequence[Event]:
    """Let applications use it, or no longer, where that differs."""
    connection = _existing(state)
    may = {client for client, is_enabled in command.clients.items() if is_enabled}
    may_not = set(command.clients) - may
    return [
        *_enabled(command.connection_id, may - connection.enabled),
        *_disabled(command.connection_id, may_not & connection.enabled),
    ]


def _existing(state: State) -> Connection:
    if not isinstance(state, Connection):
        raise NoSuchConnection
    return state


def _enabled(connection_id: str, clients: Iterable[str]) -> list[Event]:
    return [ConnectionEnabled(connection_id=connection_id, client_id=each) for each in sorted(set(clients))]


def _disabled(connection_id: str, clients: Iterable[str]) -> list[Event]:
    return [ConnectionDisabled(connection_id=connection_id, client_id=each) for each in sorted(set(clients))]
