"""The data keys of people, wrapped by the keyring; whoever deletes one has forgotten a person (DESIGN §8)."""

from typing import Final

from libs.postgres import Connection
from libs.sealed import Keyring, PersonKey, associated_data

INSERT: Final = "INSERT INTO person_keys (tenant, person, wrapped) VALUES ($1, $2, $3)"
SELECT: Final = "SELECT wrapped FROM person_keys WHERE tenant = $1 AND person = $2"


async def keep(rows: Connection, keyring: Keyring, tenant: str, person: str, key: bytes) -> None:
    """Write a new person's key."""
    await rows.execute(INSERT, tenant, person, keyring.wrap(key, aad=_place(tenant, person)))


async def key_of(rows: Connection, keyring: Keyring, tenant: str, person: str) -> PersonKey | None:
    """A person's key; `None` when they are forgotten."""
    wrapped = await rows.fetchval(SELECT, tenant, person)
    if wrapped is None:
        return None
    return PersonKey(tenant, person, keyring.unwrap(wrapped, aad=_place(tenant, person)))


def _place(tenant: str, person: str) -> bytes:
    return associated_data(purpose="person key", tenant=tenant, person=person)
