"""APIs (resource servers): registered under an identifier that is theirs alone in the tenant, changed, deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from libs.edge.management_errors import Conflict, NotFound, NotSupported
from libs.eventstore import Event
from services.token.commands import ChangeResourceServer, DeleteResourceServer, RegisterResourceServer
from services.token.events import ResourceServerChanged, ResourceServerDeleted, ResourceServerRegistered

# What is remembered.


@dataclass(frozen=True)
class NoResourceServer:
    """There is none of this id; `is_taken` tells whether another has the identifier."""

    is_taken: bool = False


@dataclass(frozen=True)
class ResourceServer:
    """An API as the Management API describes it."""

    id: str
    identifier: str
    is_system: bool
    properties: dict[str, Any]


@dataclass(frozen=True)
class DeletedResourceServer:
    """There was one."""


State = NoResourceServer | ResourceServer | DeletedResourceServer


# What a fact changes.


def evolve(state: State, event: Event) -> State:
    """The state after `event`; facts that cannot follow change nothing."""
    match state, event:
        case _, ResourceServerRegistered():
            return ResourceServer(event.id, event.identifier, event.is_system, event.properties)
        case ResourceServer(), ResourceServerChanged():
            merged = {name: value for name, value in (state.properties | event.properties).items() if value is not None}
            return replace(state, identifier=event.identifier, properties=merged)
        case ResourceServer(), ResourceServerDeleted():
            return DeletedResourceServer()
        case _:
            return state


# What a command causes.

DEFAULTS: Final[Mapping[str, Any]] = {
    "allow_offline_access": False,
    "skip_consent_for_verifiable_first_party_clients": False,
    "subject_type_authorization": {
        "user": {"policy": "allow_all"},
        "client": {"policy": "require_client_grant"},
    },
    "token_lifetime": 86_400,
    "signing_alg": "RS256",
}
"""Auth0's; a property that is removed has its default again."""

LONGEST_FOR_WEB: Final = 7200


class IdentifierTaken(Conflict):
    """Another API has this identifier."""

    def __init__(self) -> None:
        super().__init__("A resource server with the same identifier already exists.", "resource_server_conflict")


class NoSuchResourceServer(NotFound):
    """There is no API of this id in the tenant."""

    def __init__(self) -> None:
        super().__init__("The resource server does not exist.", "inexistent_resource_server")


class SystemResourceServer(NotSupported):
    """The Management API is Limen's own."""

    def __init__(self) -> None:
        super().__init__("A system resource server cannot be deleted or changed in this way.")


SYSTEM_NAME: Final = "Auth0 Management API"
"""What the Management API is called: Auth0's deploy tool knows it by this name, and would delete one of another."""

SYSTEM_MAY_CHANGE: Final = frozenset(
    {"token_lifetime", "token_lifetime_for_web", "skip_consent_for_verifiable_first_party_clients"}
)


def register(command: RegisterResourceServer, state: State, _now: datetime) -> Sequence[Event]:
    """Register an API, once; a system API that is there already stays."""
    if isinstance(state, ResourceServer) and command.is_system:
        return []
    if not isinstance(state, NoResourceServer) or state.is_taken:
        raise IdentifierTaken
    return [
        ResourceServerRegistered(
            id=command.id,
            identifier=command.identifier,
            is_system=command.is_system,
            properties=_completed(command.properties),
        )
    ]


def change(command: ChangeResourceServer, state: State, _now: datetime) -> Sequence[Event]:
    """Change what differs."""
    if not isinstance(state, ResourceServer):
        raise NoSuchResourceServer
    identifier = command.identifier or state.identifier
    wanted = {name: DEFAULTS.get(name) if value is None else value for name, value in command.properties.items()}
    changed = {name: value for name, value in wanted.items() if state.properties.get(name) != value}
    if not changed and identifier == state.identifier:
        return []
    # What says what is so changes nothing: a tool that sends back what it read is welcome.
    if state.is_system and command.identifier is None and not set(changed) <= SYSTEM_MAY_CHANGE:
        raise SystemResourceServer
    return [ResourceServerChanged(id=command.id, identifier=identifier, properties=changed)]


def delete(command: DeleteResourceServer, state: State, _now: datetime) -> Sequence[Event]:
    """Delete it, if it is there and not the Management API."""
    if not isinstance(state, ResourceServer):
        return []
    if state.is_system:
        raise SystemResourceServer
    return [ResourceServerDeleted(id=command.id, identifier=state.identifier)]


def _completed(given: Mapping[str, Any]) -> dict[str, Any]:
    properties = {**DEFAULTS, **{name: value for name, value in given.items() if value is not None}}
    return {"token_lifetime_for_web": min(LONGEST_FOR_WEB, properties["token_lifetime"]), **properties}
