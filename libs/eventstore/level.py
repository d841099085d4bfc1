"""How far somebody is behind a log: in events, and in seconds since it was last level with it."""

from time import monotonic

from prometheus_client import Gauge


class Level:
    """Two numbers of one relay or follower; of a process that does not lead there are none."""

    def __init__(self, events: Gauge, seconds: Gauge, *labels: str) -> None:
        self._events, self._gauge, self._labels = events, seconds, labels
        self._since: float | None = None
        self._is_shown = False

    def behind(self, events: int) -> None:
        """So many events are ahead of it; none means it is level."""
        self._show()
        self._events.labels(*self._labels).set(max(0, events))
        self._since = None if events <= 0 else (self._since or monotonic())

    def unknown(self) -> None:
        """It cannot go on, and how many are ahead is not known."""
        self._show()
        self._since = self._since or monotonic()

    def gone(self) -> None:
        """Somebody else leads now."""
        if self._is_shown:
            self._is_shown = False
            self._since = None
            self._events.remove(*self._labels)
            self._gauge.remove(*self._labels)

    def _show(self) -> None:
        if not self._is_shown:
            self._is_shown = True
            self._gauge.labels(*self._labels).set_function(self._seconds)

    def _seconds(self) -> float:
        return 0.0 if self._since is None else monotonic() - self._since
