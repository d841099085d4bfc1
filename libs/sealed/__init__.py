"""Secrets at rest: wrapped, derived or hashed, never stored in the clear.

Owns the wrapped blob and the keyring of key-encryption keys, keys derived for registered labels, hashes of client
secrets, and the sealing of personal fields under each person's own key.Leaves to its neighbours: where
key-encryption keys come from (the vaults of `key_rotation`), what a private key is (`libs.jose`), and how a setting
hides its value (`libs.settings.Secret`).
"""

from libs.sealed.aead import Tampered, associated_data
from libs.sealed.client_secrets import hash_of_secret, is_secret_of, known_hash
from libs.sealed.derive import LABELS, DerivedKey, RootKey, UnregisteredLabel, derive
from libs.sealed.keyring import (
    KeyEncryptionKey,
    Keyring,
    MalformedKeyring,
    UnknownKeyEncryptionKey,
    keyring_from_text,
    keyring_text,
)
from libs.sealed.personal import ERASED, Erased, PersonKey, Sealed, new_person_key, opened

__all__ = [
    "ERASED",
    "LABELS",
    "DerivedKey",
    "Erased",
    "KeyEncryptionKey",
    "Keyring",
    "MalformedKeyring",
    "PersonKey",
    "RootKey",
    "Sealed",
    "Tampered",
    "UnknownKeyEncryptionKey",
    "UnregisteredLabel",
    "associated_data",
    "derive",
    "hash_of_secret",
    "is_secret_of",
    "keyring_from_text",
    "keyring_text",
    "known_hash",
    "new_person_key",
    "opened",
]
