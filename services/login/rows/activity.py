"""What is told to the activity log alone: there is no row and no stream."""

from typing import Any

from libs.eventstore import Event, Loaded
from libs.postgres import Connection


class ActivityRows:
    """An aggregate that remembers nothing."""

    def stream(self, _command: Any) -> str:
        """No fact is written, so no stream is."""
        return "activity"

    def evolve(self, state: None, _event: Event) -> None:
        """Nothing changes."""
        return state

    async def load(self, _rows: Connection, _command: Any) -> Loaded[None]:
        """Nothing is read."""
        return Loaded(None, 0)

    async def save(self, rows: Connection, command: Any, before: Loaded[None], after: Loaded[None]) -> None:
        """Nothing is written beside the event."""
