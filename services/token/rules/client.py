"""Applications (clients): their properties, secrets, credentials and grants live and end together, in one stream.

Because a grant belongs to its client's stream, one version says whether a copy of all of it is current, and deleting
the client ends its grants with the same fact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from libs.eventstore import Event
from services.token.commands import (
    AddClientCredential,
    ChangeClient,
    ChangeClientCredential,
    ChangeClientGrant,
    DeleteClient,
    DeleteClientCredential,
    DeleteClientGrant,
    GrantClient,
    RegisterClient,
    RotateClientSecret,
)
from services.token.events import (
    ClientChanged,
    ClientCredentialAdded,
    ClientCredentialChanged,
    ClientCredentialDisabled,
    ClientCredentialEnabled,
    ClientCredentialRemoved,
    ClientDeleted,
    ClientGrantChanged,
    ClientGrantCreated,
    ClientGrantDeleted,
    ClientRegistered,
    ClientSecretIssued,
)
from services.token.rules import client_credentials, client_properties
from services.token.rules.client_credentials import Credential
from services.token.rules.client_reasons import (
    MOST_METADATA,
    ClientIdTaken,
    ClientUsesNoSecret,
    GrantExists,
    InvalidGrantTypes,
    NoSuchAudience,
    NoSuchClient,
    NoSuchGrant,
    ScopeUnknown,
    TooMuchMetadata,
    TwoMethods,
)

MOST_SECRETS = 2
"""Secrets that may live at once: the new one and the one it replaces."""

LONGEST_OVERLAP = timedelta(days=30)


# What is remembered.


@dataclass(frozen=True)
class Grant:
    """What the client may ask of one API."""

    resource_server_id: str
    audience: str
    scope: tuple[str, ...]
    properties: dict[str, Any]


@dataclass(frozen=True)
class Target:
    """The API that a command about a grant names, as its row says."""

    resource_server_id: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class NoClient:
    """There is none of this id."""

    target: Target | None = None


@dataclass(frozen=True)
class Client:
    """An application; `secrets` tells when each ends. `target` is no memory but what was read beside it."""

    client_id: str
    properties: dict[str, Any]
    secrets: Mapping[str, datetime | None] = field(default_factory=dict)
    credentials: Mapping[str, Credential] = field(default_factory=dict)
    grants: Mapping[str, Grant] = field(default_factory=dict)
    target: Target | None = None


@dataclass(frozen=True)
class DeletedClient:
    """There was one; its id is never used again."""

    target: Target | None = None


State = NoClient | Client | DeletedClient


# What a fact changes.


def evolve(state: State, event: Event) -> State:  # noqa: PLR0911  # one line per fact
    """The state after `event`; facts that cannot follow change nothing."""
    match state, event:
        case _, ClientRegistered():
            return Client(event.client_id, event.properties, target=state.target)
        case Client(), ClientChanged():
            properties = _merged(state.properties, event.properties)
            # What became public has no secret that could count again one day.
            secrets = {} if client_properties.is_public(properties) else state.secrets
            return replace(state, properties=properties, secrets=secrets)
        case Client(), ClientDeleted():
            return DeletedClient()
        case Client(), ClientSecretIssued():
            return replace(state, secrets=_secrets_after(state.secrets, event))
        case (
            Client(),
            ClientCredentialAdded()
            | ClientCredentialChanged()
            | ClientCredentialDisabled()
            | ClientCredentialEnabled()
            | ClientCredentialRemoved(),
        ):
            return replace(state, credentials=client_credentials.evolve(state.credentials, event))
        case Client(), ClientGrantCreated():
            grant = Grant(event.resource_server_id, event.audience, tuple(event.scope), event.properties)
            return replace(state, grants={**state.grants, event.grant_id: grant})
        case Client(), ClientGrantChanged() if event.grant_id in state.grants:
            was = state.grants[event.grant_id]
            properties = _merged(was.properties, event.properties)
            changed = replace(was, scope=tuple(event.scope), properties=properties)
            return replace(state, grants={**state.grants, event.grant_id: changed})
        case Client(), ClientGrantDeleted():
            return replace(state, grants=_without(state.grants, event.grant_id))
        case _:
            return state


def _secrets_after(secrets: Mapping[str, datetime | None], event: ClientSecretIssued) -> dict[str, datetime | None]:
    if event.previous_expires_at is None:
        return {event.secret_id: None}
    # Only the secret before this one lives on; older ones end now.
    newest = list(secrets)[-(MOST_SECRETS - 1) :]
    kept = {each: min(secrets[each] or event.previous_expires_at, event.previous_expires_at) for each in newest}
    return {**kept, event.secret_id: None}


def _merged(properties: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**properties, **changed}.items() if value is not None}


def _without(entries: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {each: value for each, value in entries.items() if each != key}


# What a command causes.


def register(command: RegisterClient, state: State, now: datetime) -> Sequence[Event]:
    """Register an application with its first secret and credentials; a public one gets no secret."""
    if not isinstance(state, NoClient):
        raise ClientIdTaken
    properties = client_properties.of_new(command.properties, has_credentials=bool(command.credentials))
    _require_one_method(properties, has_credentials=bool(command.credentials))
    _require_grant_types(command.properties, properties)
    _require_metadata(properties)
    events: list[Event] = [ClientRegistered(client_id=command.client_id, properties=properties)]
    if command.secret is not None and not command.credentials and not client_properties.is_public(properties):
        events.append(ClientSecretIssued(client_id=command.client_id, secret_id=command.secret.secret_id))
    return [*events, *client_credentials.added(command.client_id, {}, command.credentials, now, counts=True)]


def change(command: ChangeClient, state: State, now: datetime) -> Sequence[Event]:
    """Change what differs."""
    client = _existing(state)
    properties = client_properties.changed(client.properties, command.properties)
    counting = client_credentials.counting(client.credentials)
    credentials = counting if command.credentials is None else command.credentials
    _require_one_method(properties, has_credentials=bool(credentials))
    _require_grant_types(command.properties, properties)
    _require_metadata(properties)
    events: list[Event] = []
    if changed := _differences(client.properties, properties):
        events.append(ClientChanged(client_id=command.client_id, properties=changed))
    if command.credentials is not None:
        events.extend(client_credentials.chosen(command.client_id, client.credentials, command.credentials, now))
    return events


def delete(command: DeleteClient, state: State, _now: datetime) -> Sequence[Event]:
    """Delete it, if it is there."""
    return [ClientDeleted(client_id=command.client_id)] if isinstance(state, Client) else []


def rotate_secret(command: RotateClientSecret, state: State, now: datetime) -> Sequence[Event]:
    """Issue a new secret, or a first one, and let the old one end, at once or later."""
    client = _existing(state)
    if client_credentials.counting(client.credentials) or client_properties.is_public(client.properties):
        raise ClientUsesNoSecret
    ends = None if not command.previous_lifetime else now + min(command.previous_lifetime, LONGEST_OVERLAP)
    return [
        ClientSecretIssued(client_id=command.client_id, secret_id=command.secret.secret_id, previous_expires_at=ends)
    ]


def add_credential(command: AddClientCredential, state: State, now: datetime) -> Sequence[Event]:
    """Register a public key that does not count yet."""
    client = _existing(state)
    return client_credentials.added(command.client_id, client.credentials, [command.credential], now, counts=False)


def change_credential(command: ChangeClientCredential, state: State, now: datetime) -> Sequence[Event]:
    """Let a public key end at another time, if it differs."""
    return client_credentials.changed(command, _existing(state).credentials, now)


def delete_credential(command: DeleteClientCredential, state: State, _now: datetime) -> Sequence[Event]:
    """Delete a public key, if it is there."""
    return client_credentials.removed(command, state.credentials) if isinstance(state, Client) else []


def grant(command: GrantClient, state: State, _now: datetime) -> Sequence[Event]:
    """Let the client ask tokens of the API, within the scopes that the API has."""
    client = _existing(state)
    if client.target is None:
        raise NoSuchAudience
    if any(each.resource_server_id == client.target.resource_server_id for each in client.grants.values()):
        raise GrantExists
    _require_scopes(client.target, command.scope)
    return [
        ClientGrantCreated(
            client_id=command.client_id,
            grant_id=command.grant_id,
            resource_server_id=client.target.resource_server_id,
            audience=command.audience,
            scope=list(command.scope),
            properties=_merged({}, command.properties),
        )
    ]


def change_grant(command: ChangeClientGrant, state: State, _now: datetime) -> Sequence[Event]:
    """Change the scopes or properties, if they differ."""
    client = _existing(state)
    was = client.grants.get(command.grant_id)
    if was is None or client.target is None:
        raise NoSuchGrant
    scope = was.scope if command.scope is None else command.scope
    changed = _differences(was.properties, _merged(was.properties, command.properties))
    if scope == was.scope and not changed:
        return []
    _require_scopes(client.target, command.scope or ())
    return [
        ClientGrantChanged(
            client_id=command.client_id, grant_id=command.grant_id, scope=list(scope), properties=changed
        )
    ]


def delete_grant(command: DeleteClientGrant, state: State, _now: datetime) -> Sequence[Event]:
    """Delete it, if it is there."""
    if not isinstance(state, Client) or command.grant_id not in state.grants:
        return []
    return [ClientGrantDeleted(client_id=command.client_id, grant_id=command.grant_id)]


def _existing(state: State) -> Client:
    if not isinstance(state, Client):
        raise NoSuchClient
    return state


def _require_one_method(properties: Mapping[str, Any], *, has_credentials: bool) -> None:
    if has_credentials and properties.get("token_endpoint_auth_method") is not None:
        raise TwoMethods


def _require_grant_types(given: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
    if impossible := client_properties.impossible_grants(given, properties):
        raise InvalidGrantTypes(impossible)


def _require_metadata(properties: Mapping[str, Any]) -> None:
    if len(properties.get("client_metadata", ())) > MOST_METADATA:
        raise TooMuchMetadata


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What a fact must say so that `_merged` leads from one to the other."""
    return {name: after.get(name) for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)}


def _require_scopes(target: Target, scopes: Sequence[str]) -> None:
    for scope in scopes:
        if scope not in target.scopes:
            raise ScopeUnknown(scope)
