"""Owns identifiers and secrets made of chance: RFC 9562 version 7 UUIDs and Auth0's formats."""

import secrets
import string
import time
from uuid import UUID

ALPHANUMERICS = string.ascii_letters + string.digits

_EVEN = 256 - 256 % len(ALPHANUMERICS)
_LETTERS = bytes(ord(ALPHANUMERICS[byte % len(ALPHANUMERICS)]) for byte in range(256))
_UNEVEN = bytes(range(_EVEN, 256))
"""Bytes past the last whole alphabet are thrown away, or the first letters would come up more often."""

_last_tick = 0


def uuid7() -> UUID:
    """A UUID of version 7, strictly increasing within this process (RFC 9562 section 6.2, method 3).

    The 12 bits after the milliseconds hold their fraction; a second id within one tick takes the next.
    """
    global _last_tick  # noqa: PLW0603 - the order of ids is a property of the process
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    tick = max((milliseconds << 12) | (rest * 4096 // 1_000_000), _last_tick + 1)
    _last_tick = tick
    high = (tick >> 12 << 16) | 0x7000 | (tick & 0xFFF)
    return UUID(int=(high << 64) | (0b10 << 62) | secrets.randbits(62))


def text(length: int) -> str:
    """`length` letters and digits, each drawn evenly: 5.95 bits a character."""
    drawn = b""
    while len(drawn) < length:
        drawn += secrets.token_bytes(length + 16).translate(_LETTERS, _UNEVEN)
    return drawn[:length].decode()


def client_id() -> str:
    """An application's id, in Auth0's format: 32 letters and digits."""
    return text(32)


def client_secret() -> str:
    """An application's secret: 64 letters and digits, 381 bits."""
    return text(64)


def prefixed(prefix: str, length: int) -> str:
    """An id such as `cgr_` with 16 letters and digits."""
    return f"{prefix}_{text(length)}"


def hex24() -> str:
    """An API's id, in Auth0's format: 24 hexadecimal digits."""
    return secrets.token_hex(12)
