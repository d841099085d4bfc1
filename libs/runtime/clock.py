"""Owns the time: the wall clock, and the clock that follows the database's.

One clock decides, the database's (DESIGN section 6). Between two readings of it this process goes on with
its monotonic clock plus the offset that was measured, so that a step of the machine's own clock moves nothing.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

TRUSTED_WITHIN = 5.0
"""Seconds by which the measured clock may differ from the machine's before the process is unready."""

WORTHLESS_ROUND_TRIP = 1.0
"""Seconds a measurement may take; a slower one says too little about now."""


def wall() -> float:
    """The machine's own clock, in Unix seconds: for log lines and leases, not for decisions."""
    return time.time()  # noqa: TID251 - the one place where it may be read


class Clock:
    """A monotonic clock plus a measured offset."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = wall) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._offset = wall() - monotonic()

    def unix(self) -> float:
        """Unix seconds."""
        return self._monotonic() + self._offset

    def now(self) -> datetime:
        """The same moment as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.unix(), UTC)

    def measured(self, at: datetime, *, round_trip: float) -> None:
        """Take in what the database said: `at`, received after `round_trip` seconds.

        The true time lies within half a round trip of the middle, so a reading that agrees so far changes nothing
        and the clock does not tremble.
        """
        if round_trip > WORTHLESS_ROUND_TRIP:
            return
        drift = at.timestamp() + round_trip / 2 - self.unix()
        if abs(drift) > round_trip / 2:
            self._offset += drift

    @property
    def is_trusted(self) -> bool:
        """Whether the database's clock and the machine's agree within five seconds."""
        return abs(self.unix() - self._wall()) <= TRUSTED_WITHIN
