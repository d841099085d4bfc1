"""Owns how personal fields of events are sealed, so that forgetting a person is deleting one key (DESIGN §8).

A field is encrypted with AES-256-SIV (RFC 5297), which is deterministic: the same value of the same field of the same
person gives the same text, so a row can be compared with its facts, and nothing is told of two different people.
"""

import base64
import secrets
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from libs.sealed.aead import Tampered

PERSON_KEY_BYTES: Final = 64


class Sealed(msgspec.Struct, frozen=True, array_like=True):
    """A personal field of an event: ciphertext in base64url, readable with its person's data key alone."""

    ciphertext: str


class Erased(msgspec.Struct, frozen=True):
    """What a sealed field says once its person's key is gone: nothing."""


ERASED: Final = Erased()


class PersonKey:
    """The data key of one person; `None` in its place is a person who was erased."""

    def __init__(self, tenant: str, person: str, key: bytes) -> None:
        self._siv = AESSIV(key)
        self._place = [tenant.encode(), person.encode()]

    def seal(self, field: str, value: Any) -> Sealed:
        """Seal a value that JSON can hold; `field` is part of what is authenticated."""
        plain = msgspec.json.encode(value, order="sorted")
        sealed = self._siv.encrypt(plain, [*self._place, field.encode()])
        return Sealed(base64.urlsafe_b64encode(sealed).decode().rstrip("="))

    def open(self, field: str, sealed: Sealed) -> Any:
        """What was sealed.

        Raises:
            Tampered: it was sealed for another person or field, or changed.
        """
        text = sealed.ciphertext
        try:
            blob = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            return msgspec.json.decode(self._siv.decrypt(blob, [*self._place, field.encode()]))
        except (InvalidTag, ValueError) as error:
            raise Tampered(f"the sealed field {field} is not this person's") from error


def new_person_key() -> bytes:
    """A fresh data key, to be wrapped by a keyring and kept beside its person's rows."""
    return secrets.token_bytes(PERSON_KEY_BYTES)


def opened(key: PersonKey | None, field: str, sealed: Sealed) -> Any:
    """What was sealed, or `ERASED` when its key is gone."""
    return ERASED if key is None else key.open(field, sealed)
