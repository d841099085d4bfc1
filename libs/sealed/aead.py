"""Owns the shape of a wrapped secret and its encryption with AES-256-GCM (NIST SP 800-38D).

    version (1 byte) | length of kek_id (1 byte) | kek_id | nonce (12 bytes) | ciphertext and tag (16 bytes)

Everything before the nonce is authenticated together with the caller's associated data.
"""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION: Final = 1
KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_PREFIX_BYTES: Final = 2  # Version and length of kek_id.


class Tampered(Exception):
    """The blob is not what was wrapped here for this purpose: damaged, moved to another place, or not a blob at all."""


def associated_data(**parts: str) -> bytes:
    """Names what a blob is for, so that it cannot be opened as anything else: `associated_data(tenant=…, kid=…)`.

    Each name and value is preceded by its length, so no two sets of parts look alike; the order counts.
    """
    return b"".join(_measured(name) + _measured(value) for name, value in parts.items())


def encrypt(key: bytes, kek_id: str, plain: bytes, aad: bytes) -> bytes:
    """The blob of `plain` under `key`, which is 32 bytes and known as `kek_id`.

    The nonce is drawn here and cannot be given: the same one twice would give the key away. Random ones are safe for
    2^32 blobs of one key.
    """
    name = kek_id.encode("ascii")
    prefix = bytes((VERSION, len(name))) + name
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return prefix + nonce + AESGCM(key).encrypt(nonce, plain, prefix + aad)


def kek_id_of(blob: bytes) -> str:
    """The id of the key that `blob` says it is wrapped with; believed only once `decrypt` succeeds.

    Raises:
        Tampered: not a blob of a version we know.
    """
    if len(blob) < _PREFIX_BYTES or blob[0] != VERSION or len(blob) < _body_at(blob) + _NONCE_BYTES + _TAG_BYTES:
        raise Tampered(f"not a wrapped secret of version {VERSION}")
    try:
        return blob[_PREFIX_BYTES : _body_at(blob)].decode("ascii")
    except UnicodeDecodeError as error:
        raise Tampered("the id of the key-encryption key is not text") from error


def decrypt(key: bytes, blob: bytes, aad: bytes) -> bytes:
    """What was wrapped in `blob` under `key` for `aad`.

    Raises:
        Tampered: the blob, the key or the associated data is not the one it was wrapped with.
    """
    kek_id_of(blob)
    start = _body_at(blob)
    nonce, ciphertext = blob[start : start + _NONCE_BYTES], blob[start + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, blob[:start] + aad)
    except InvalidTag as error:
        raise Tampered("the wrapped secret was changed, moved, or wrapped with another key of the same id") from error


def _body_at(blob: bytes) -> int:
    return _PREFIX_BYTES + blob[1]


def _measured(text: str) -> bytes:
    octets = text.encode()
    return len(octets).to_bytes(4, "big") + octets
