"""Owns base64url without padding, with exactly one spelling for each value (RFC 7515 §2)."""

import binascii
from typing import Final

_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_PLAIN: Final = bytes.maketrans(b"-_", b"+/")


def encode(data: bytes) -> bytes:
    """The unpadded URL-safe spelling of `data`, as ASCII bytes."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=\n").translate(_URL_SAFE)


def decode(text: str) -> bytes:
    """The bytes that `text` spells.

    Raises:
        ValueError: `text` is not how `encode` would have spelt them. Padding, whitespace, `+`, `/` and non-zero
        trailing
            bits would give one signed token many spellings, and whoever remembers a token by its text would be fooled.
    """
    spelt = text.encode("ascii")
    data = binascii.a2b_base64(spelt.translate(_PLAIN) + b"=" * (-len(spelt) % 4))
    if encode(data) != spelt:
        raise ValueError("not canonical base64url")
    return data
