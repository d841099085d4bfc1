"""An application's public keys: which there are, which of them count when it authenticates, when each ends.

As in Auth0 a key is registered first and counts from when the application says so; until then it proves nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from libs.eventstore import Event
from services.token.commands import ChangeClientCredential, DeleteClientCredential, NewCredential
from services.token.events import (
    ClientCredentialAdded,
    ClientCredentialChanged,
    ClientCredentialDisabled,
    ClientCredentialEnabled,
    ClientCredentialRemoved,
)
from services.token.rules.client_reasons import (
    MOST_CREDENTIALS,
    CredentialExpiresInThePast,
    LastCredential,
    NoSuchCredential,
    SameKeyTwice,
    TooManyCredentials,
    UnknownCredential,
)

# What is remembered.


@dataclass(frozen=True)
class Credential:
    """A public key for `private_key_jwt`; one that does not count exists and proves nothing."""

    credential_type: str
    name: str | None
    alg: str
    kid: str
    jwk: dict[str, Any]
    expires_at: datetime | None
    created_at: datetime
    counts: bool = True
    changed_at: datetime | None = None


Credentials = Mapping[str, Credential]


def counting(credentials: Credentials) -> tuple[str, ...]:
    """The ids of those that count."""
    return tuple(each for each, credential in credentials.items() if credential.counts)


# What a fact changes.


def evolve(credentials: Credentials, event: Event) -> Credentials:
    """The credentials after `event`; facts that cannot follow change nothing."""
    match event:
        case ClientCredentialAdded():
            return {**credentials, event.credential_id: _credential(event)}
        case ClientCredentialRemoved():
            return {each: credential for each, credential in credentials.items() if each != event.credential_id}
        case ClientCredentialEnabled():
            return _with(credentials, event.credential_id, counts=True)
        case ClientCredentialDisabled():
            return _with(credentials, event.credential_id, counts=False)
        case ClientCredentialChanged():
            return _with(credentials, event.credential_id, expires_at=event.expires_at, changed_at=event.changed_at)
        case _:
            return credentials


def _credential(event: ClientCredentialAdded) -> Credential:
    return Credential(
        event.credential_type,
        event.name,
        event.alg,
        event.kid,
        event.jwk,
        event.expires_at,
        event.created_at,
        event.counts,
    )


def _with(credentials: Credentials, credential_id: str, **changes: Any) -> Credentials:
    if credential_id not in credentials:
        return credentials
    return {**credentials, credential_id: replace(credentials[credential_id], **changes)}


# What a command causes.


def added(
    client_id: str, there: Credentials, new: Sequence[NewCredential], now: datetime, *, counts: bool
) -> list[Event]:
    """Register keys beside those that are there.

    Raises:
        TooManyCredentials: the application would have more than it may.
        SameKeyTwice: two have the same key or the same `kid`.
        CredentialExpiresInThePast: one would never count.
    """
    if len(there) + len(new) > MOST_CREDENTIALS:
        raise TooManyCredentials
    _require_different_keys([*there.values(), *new])
    return [_added(client_id, each, now, counts=counts) for each in new]


def chosen(client_id: str, there: Credentials, wanted: Sequence[NewCredential | str], now: datetime) -> Iterator[Event]:
    """Let those count that are named by id or new, and no other.

    A list that brings new keys is the list of all keys, so those it does not name are removed; a list of ids says only
    which of them count.
    """
    named = {each for each in wanted if isinstance(each, str)}
    new = [each for each in wanted if not isinstance(each, str)]
    if not named <= set(there):
        raise NoSuchCredential
    stay = {each: credential for each, credential in there.items() if each in named or not new}
    for credential_id in there:
        if credential_id not in stay:
            yield ClientCredentialRemoved(client_id=client_id, credential_id=credential_id)
        elif credential_id in named and not there[credential_id].counts:
            yield ClientCredentialEnabled(client_id=client_id, credential_id=credential_id)
        elif credential_id not in named and there[credential_id].counts:
            yield ClientCredentialDisabled(client_id=client_id, credential_id=credential_id)
    yield from added(client_id, stay, new, now, counts=True)


def changed(command: ChangeClientCredential, there: Credentials, now: datetime) -> list[Event]:
    """Let a key end at another time; a time that has passed ends it at once.

    Raises:
        UnknownCredential: there is none of this id.
    """
    credential = there.get(command.credential_id)
    if credential is None:
        raise UnknownCredential
    expires_at = _time(command.expires_at)
    if expires_at == credential.expires_at:
        return []
    return [
        ClientCredentialChanged(
            client_id=command.client_id, credential_id=command.credential_id, expires_at=expires_at, changed_at=now
        )
    ]


def removed(command: DeleteClientCredential, there: Credentials) -> list[Event]:
    """Delete a key, if it is there.

    Raises:
        LastCredential: no other counts, so that the application's old secret would count again, unasked.
    """
    if command.credential_id not in there:
        return []
    if counting(there) == (command.credential_id,) and not command.even_the_last:
        raise LastCredential
    return [ClientCredentialRemoved(client_id=command.client_id, credential_id=command.credential_id)]


def _added(client_id: str, new: NewCredential, now: datetime, *, counts: bool) -> Event:
    expires_at = _time(new.expires_at)
    if expires_at is not None and expires_at <= now:
        raise CredentialExpiresInThePast
    return ClientCredentialAdded(
        client_id=client_id,
        credential_id=new.credential_id,
        credential_type=new.credential_type,
        name=new.name,
        alg=new.alg,
        kid=new.kid,
        jwk=new.jwk,
        expires_at=expires_at,
        created_at=now,
        counts=counts,
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _require_different_keys(credentials: Sequence[Credential | NewCredential]) -> None:
    # One key for two algorithms, or two keys under one name, would let a signature mean two things (RFC 8725 §3.1).
    kids = {each.kid for each in credentials}
    keys = {tuple(each.jwk.get(name) for name in ("n", "x", "y")) for each in credentials}
    if len(kids) < len(credentials) or len(keys) < len(credentials):
        raise SameKeyTwice
