"""Owns the key-encryption keys a process has loaded: the first wraps, each unwraps what bears its id."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from libs.sealed.aead import KEY_BYTES, decrypt, encrypt, kek_id_of
from libs.sealed.derive import DerivedKey, RootKey, derive

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class UnknownKeyEncryptionKey(Exception):
    """A blob was wrapped with a key that is not loaded; to start without it, or with a new one, loses it."""

    def __init__(self, kek_id: str, loaded: Iterable[str]) -> None:
        """Says which key is needed and which are here; `kek_id` comes from a stored blob and is shown escaped."""
        self.kek_id = kek_id
        super().__init__(
            f"a stored key is wrapped with the key-encryption key {kek_id!a}, which is not loaded"
            f" (loaded: {', '.join(loaded)}); load it again, after the one that wraps"
        )


class MalformedKeyring(ValueError):
    """The key-encryption keys cannot be read; the sentence never quotes them."""


@dataclass(frozen=True, slots=True, eq=False)
class KeyEncryptionKey:
    """32 secret bytes and the id by which blobs name them; `eq` is left out, since it would not take constant time."""

    id: str
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuses an id that does not fit a blob or a configuration line, and a key of another size."""
        if not _ID.fullmatch(self.id):
            raise MalformedKeyring("the id of a key-encryption key is 1 to 64 of A-Z a-z 0-9 _ -")
        if len(self.key) != KEY_BYTES:
            raise MalformedKeyring(f"the key-encryption key {self.id} is not {KEY_BYTES} bytes")


class Keyring:
    """Several key-encryption keys: to replace one, put the new one first, keep the old while any blob bears its id."""

    def __init__(self, keys: Iterable[KeyEncryptionKey]) -> None:
        listed = tuple(keys)
        self._keys = {key.id: key for key in listed}
        if not listed:
            raise MalformedKeyring("there is no key-encryption key")
        if len(self._keys) != len(listed):
            raise MalformedKeyring("two key-encryption keys share an id")
        self._wrapping = listed[0]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the loaded keys, the one that wraps first."""
        return tuple(self._keys)

    def wrap(self, plain: bytes, *, aad: bytes) -> bytes:
        """The blob of `plain` under the first key, for the purpose named by `aad` (see `associated_data`)."""
        return encrypt(self._wrapping.key, self._wrapping.id, plain, aad)

    def unwrap(self, blob: bytes, *, aad: bytes) -> bytes:
        """What `wrap` was given.

        Raises:
            UnknownKeyEncryptionKey: the key it names is not loaded.
            Tampered: the blob or `aad` is not the one it was wrapped with.
        """
        kek_id = kek_id_of(blob)
        key = self._keys.get(kek_id)
        if key is None:
            raise UnknownKeyEncryptionKey(kek_id, self.ids)
        return decrypt(key.key, blob, aad)

    def derived(self, label: str, **context: str) -> list[DerivedKey]:
        """The key of each loaded root for `label`, that of the wrapping key first (see `libs.sealed.derive`).

        HKDF's labels keep what is derived apart from the keys that wrap.
        """
        return [derive(RootKey(each.id, each.key), label, **context) for each in self._keys.values()]


def keyring_from_text(text: str) -> Keyring:
    """The keyring written `id:base64url of 32 bytes`, several parted by commas or line ends, the one that wraps first.

    Raises:
        MalformedKeyring: with a sentence for the operator that quotes no key.
    """
    return Keyring(_key(entry.strip(), place) for place, entry in enumerate(_entries(text), start=1))


def keyring_text(keys: Iterable[KeyEncryptionKey]) -> str:
    """`keys` as `keyring_from_text` reads them, for a vault that writes its file; the result is secret."""
    return ",".join(f"{key.id}:{base64.urlsafe_b64encode(key.key).decode().rstrip('=')}" for key in keys)


def _entries(text: str) -> list[str]:
    return [entry for entry in re.split(r"[,\n]", text) if entry.strip()]


def _key(entry: str, place: int) -> KeyEncryptionKey:
    kek_id, colon, spelt = entry.partition(":")
    if not colon:
        raise MalformedKeyring(f"key-encryption key number {place} is not written id:base64url")
    try:
        key = base64.b64decode(spelt.rstrip("=") + "=" * (-len(spelt.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except ValueError:
        # Without its cause: that one could quote the key.
        raise MalformedKeyring(f"key-encryption key number {place} is not base64url after its id") from None
    return KeyEncryptionKey(kek_id, key)
