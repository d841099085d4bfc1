"""Owns how client secrets are stored and compared: SHA-256, in constant time.

A client secret is 64 random characters of our own making, so there is nothing to guess and a slow hash would only
cost: the token endpoint checks one with each request. Passwords of people are another matter and not here.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

_NOBODYS: Final = bytes(hashlib.sha256().digest_size)


def hash_of_secret(secret: str) -> bytes:
    """The 32 bytes to store; never raises, whatever characters a stranger sent."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def is_secret_of(secret: str, hashes: Iterable[bytes]) -> bool:
    """Whether `secret` is one of those stored as `hashes` (two while a secret is being rotated).

    All are compared, and one more that nobody has, so that the time tells neither which one fitted nor whether there
    are any: for an unknown client, ask with no hashes.
    """
    return known_hash(secret, hashes) is not None


def known_hash(secret: str, hashes: Iterable[bytes]) -> bytes | None:
    """The one of `hashes` that is `secret`'s, found as `is_secret_of` does."""
    presented = hash_of_secret(secret)
    is_known = False
    for stored in (*hashes, _NOBODYS):
        is_known |= hmac.compare_digest(presented, stored)
    return presented if is_known else None
