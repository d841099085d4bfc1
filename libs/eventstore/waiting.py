"""Says why a follower waits: once per reason, and again each minute, not five times a second."""

from time import monotonic
from typing import Final

from libs.telemetry.logs import log as say

AGAIN: Final = 60.0
"""Seconds after which the same reason is said again."""


class Waiting:
    """The reasons of one follower."""

    def __init__(self, **who: str) -> None:
        self._who = who
        self._said: dict[str, float] = {}

    def because(self, what: str, reason: BaseException) -> None:
        """It does `what` because of `reason`."""
        now = monotonic()
        self._said = {each: at for each, at in self._said.items() if now - at < AGAIN}
        if repr(reason) not in self._said:
            self._said[repr(reason)] = now
            say.info(what, **self._who, reason=str(reason) or repr(reason))
