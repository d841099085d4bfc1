"""Proves at start that the keyring opens what is stored: a key-encryption key that is missing must be seen now."""

from typing import Any

from libs.postgres import Database
from libs.sealed import Keyring, Tampered, UnknownKeyEncryptionKey, associated_data
from libs.settings import SettingsError
from services.key_rotation import queries
from services.key_rotation.commands import purpose_of


async def prove(keyring: Keyring, database: Database) -> None:
    """Open one stored key of every key-encryption key.

    Raises:
        SettingsError: one is not loaded, or is not the key it was; nothing is generated in its place.
    """
    async with database.connection() as rows:
        stored = await queries.one_of_each_wrapping(rows)
    for row in stored:
        _open(keyring, row)


def _open(keyring: Keyring, row: Any) -> None:
    purpose = associated_data(**purpose_of(row["tenant"], row["kid"], row["alg"]))
    try:
        keyring.unwrap(row["wrapped"], aad=purpose)
    except UnknownKeyEncryptionKey as error:
        raise SettingsError(f"LIMEN_KEY_VAULT: {error}.") from error
    except Tampered as error:
        raise SettingsError(f"LIMEN_KEY_VAULT: the stored key {row['kid']} of {row['tenant']}: {error}.") from error
