"""What is told to the activity log and changes no row of an aggregate."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from libs.eventstore import Event, Loaded
from libs.postgres import Connection
from services.login.commands import Note


class Notes:
    """An aggregate that remembers nothing."""

    def stream(self, _command: Any) -> str:
        """No fact is written, so no stream is."""
        return "notes"

    def evolve(self, state: None, _event: Event) -> None:
        """Nothing changes."""
        return state

    async def load(self, _rows: Connection, _command: Any) -> Loaded[None]:
        """Nothing is read."""
        return Loaded(None, 0)

    async def save(self, rows: Connection, command: Any, before: Loaded[None], after: Loaded[None]) -> None:
        """Nothing is written beside the events."""


def noted(command: Note, _state: None, _now: datetime) -> Sequence[Event]:
    """As the command says."""
    return command.events
