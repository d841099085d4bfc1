"""Owns how people's passwords are hashed and compared: argon2id in a pool of its own (DESIGN §6, RFC 9106).

Hashing takes a processor for about thirty milliseconds, so a process has as many threads for it as cores, a bounded
queue before them, and says that it is full. Every comparison costs one argon2, whatever the answer and whyever: who is
unknown, blocked or without a password is compared with a hash that nobody's password gives.
"""

import asyncio
import os
import re
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw

from libs.runtime.errors import Unavailable

T = TypeVar("T")

LONGEST: Final = 1024
"""Characters of a password; a longer one is refused, never cut."""

MEMORY_KIB: Final = 19_456
ROUNDS: Final = 2
LANES: Final = 1
SALT_BYTES: Final = 16
TAG_BYTES: Final = 32

MOST_MEMORY_KIB: Final = 262_144
MOST_ROUNDS: Final = 16
MOST_LANES: Final = 16
"""What an imported hash may cost: its writer chose, and one login must not take the machine's memory."""

NICENESS: Final = 15
"""Of the threads that hash: beside a full processor they get about a thirtieth of it, beside an idle one all of it."""

QUEUE: Final = 100
"""Hashes that may wait in one process: at seventy a second, the last one waits less than two seconds."""

_PHC: Final = re.compile(
    r"\$argon2(?:id|i|d)\$v=19\$m=(?P<m>[1-9]\d{0,8}),t=(?P<t>[1-9]\d{0,4}),p=(?P<p>[1-9]\d{0,3})"
    r"\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,172}"
)


class PasswordTooLong(ValueError):
    """A password of more than 1024 characters is not hashed: to cut it would let another one in."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether a password was right, and whether its hash should be made anew with today's cost."""

    is_right: bool
    needs_upgrade: bool = False


class Passwords:
    """The pool. `hashed` counts argon2 runs, so that a test compares work and not time."""

    def __init__(self, *, threads: int | None = None, queue: int = QUEUE) -> None:
        self._threads = threads or len(os.sched_getaffinity(0))
        self._most = self._threads + queue
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="argon2", initializer=_give_way)
        self._hasher = PasswordHasher(ROUNDS, MEMORY_KIB, LANES, TAG_BYTES, SALT_BYTES, type=Type.ID)
        self._under_way = 0
        self.hashed = 0

    async def hashed_of(self, password: str) -> str:
        """The PHC text of a new password.

        Raises:
            PasswordTooLong: over 1024 characters.
            Unavailable: the queue is full.
        """
        if len(password) > LONGEST:
            raise PasswordTooLong
        return str(await self._run(partial(self._hasher.hash, _bytes(password))))

    async def verified(self, password: str, phc: str | None) -> Verified:
        """Whether `password` is the one that `phc` was made of; `None` is nobody's hash, and costs the same.

        Exact: nothing is trimmed, cut or normalised; any character counts, NUL too. A password that is empty or too
        long is never right and costs the same.

        Raises:
            Unavailable: the queue is full.
        """
        is_possible = phc is not None and 0 < len(password) <= LONGEST and is_supported(phc)
        if phc is None or not is_possible:
            await self._run(_decoy)
            return Verified(is_right=False)
        is_right = await self._run(partial(self._compared, _bytes(password), phc))
        return Verified(is_right, is_right and self.needs_upgrade(phc))

    def needs_upgrade(self, phc: str) -> bool:
        """Whether a hash was made with another cost than today's."""
        return self._hasher.check_needs_rehash(phc)

    def close(self) -> None:
        """Take no more work; what runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _compared(self, password: bytes, phc: str) -> bool:
        try:
            return self._hasher.verify(phc, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Any) -> Any:
        if self._under_way >= self._most:
            raise Unavailable("too many passwords wait to be compared", retry_after=2)
        self._under_way += 1
        self.hashed += 1
        # The slot is given back when the thread is done, not when the asker has gone: the work goes on without it.
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, future: "asyncio.Future[Any]") -> None:
        self._under_way -= 1
        if not future.cancelled():
            future.exception()  # seen: an asker that went away does not come back for it


def _give_way() -> None:
    """Let whoever answers requests go first: a storm of passwords may take what is left, not everybody's turn."""
    if hasattr(os, "setpriority"):
        # On Linux each thread has a niceness of its own; one that was started nicer may not, and need not, come back.
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


def is_supported(phc: str) -> bool:
    """Whether a hash is argon2's and costs no more than is allowed here."""
    found = _PHC.fullmatch(phc)
    return found is not None and (
        int(found["m"]) <= MOST_MEMORY_KIB and int(found["t"]) <= MOST_ROUNDS and int(found["p"]) <= MOST_LANES
    )


def _decoy() -> None:
    """As much work as a comparison, with nothing to compare."""
    hash_secret_raw(
        secrets.token_bytes(TAG_BYTES), secrets.token_bytes(SALT_BYTES), ROUNDS, MEMORY_KIB, LANES, TAG_BYTES, Type.ID
    )


def _bytes(password: str) -> bytes:
    # A lone surrogate, which no UTF-8 text holds, came from a broken JSON escape: it must not be an error of ours.
    return password.encode("utf-8", "surrogatepass")
