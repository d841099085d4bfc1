"""Owns identifiers and secrets made of chance: RFC 9562 version 7 UUIDs and Auth0's formats."""

import os
import secrets
import string
import threading
import time
from uuid import UUID

ALPHANUMERICS = string.ascii_letters + string.digits

_EVEN = 256 - 256 % len(ALPHANUMERICS)
_LETTERS = bytes(ord(ALPHANUMERICS[byte % len(ALPHANUMERICS)]) for byte in range(256))
_UNEVEN = bytes(range(_EVEN, 256))
"""Bytes past the last whole alphabet are thrown away, or the first letters would come up more often."""

POOL = 4096
_pool = bytearray()
_drawing = threading.Lock()
"""Held while the pool is read and shortened: two threads must not take the same bytes."""


def _forked() -> None:
    _pool.clear()  # or parent and child would draw the same
    _drawing.release()


os.register_at_fork(before=_drawing.acquire, after_in_parent=_drawing.release, after_in_child=_forked)

_last_tick = 0


def _drawn(count: int) -> bytes:
    """`count` bytes of the system's randomness, which is asked for many at a time: each question is a system call."""
    with _drawing:
        if len(_pool) < count:
            _pool.extend(secrets.token_bytes(max(POOL, count)))
        taken = bytes(_pool[-count:])
        del _pool[-count:]
        return taken


def uuid7() -> UUID:
    """A UUID of version 7, strictly increasing within this process (RFC 9562 section 6.2, method 3)."""
    return UUID(int=_uuid7())


def uuid7_text() -> str:
    """The text of a `uuid7`, at half the cost of making the object first."""
    digits = f"{_uuid7():032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _uuid7() -> int:
    """The number of the next one.

    The 12 bits after the milliseconds hold their fraction; a second id within one tick takes the next.
    """
    global _last_tick  # noqa: PLW0603 - the order of ids is a property of the process
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    tick = max((milliseconds << 12) | (rest * 4096 // 1_000_000), _last_tick + 1)
    _last_tick = tick
    high = (tick >> 12 << 16) | 0x7000 | (tick & 0xFFF)
    return (high << 64) | (0b10 << 62) | int.from_bytes(_drawn(8)) >> 2


def text(length: int) -> str:
    """`length` letters and digits, each drawn evenly: 5.95 bits a character."""
    drawn = b""
    while len(drawn) < length:
        drawn += _drawn(length + 16).translate(_LETTERS, _UNEVEN)
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
