"""Owns the answer to: may this process be given work, and if not, what is missing?"""


class Readiness:
    """Named conditions, each met or missing with a reason. Without conditions a process is ready."""

    def __init__(self) -> None:
        self._missing: dict[str, str] = {}

    def require(self, name: str, why: str) -> None:
        """From now on the process is unready until `name` is met; `why` is what an operator reads meanwhile."""
        self._missing[name] = why

    def met(self, name: str) -> None:
        """The condition `name` holds (again)."""
        self._missing.pop(name, None)

    def lost(self, name: str, why: str) -> None:
        """The condition `name` no longer holds."""
        self._missing[name] = why

    def missing(self) -> dict[str, str]:
        """What is missing now, and why."""
        return dict(self._missing)

    @property
    def is_ready(self) -> bool:
        """Whether every condition is met."""
        return not self._missing
