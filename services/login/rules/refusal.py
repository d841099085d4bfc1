"""What is told of a refused authorization request: activity alone, for nothing was decided."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from libs.eventstore import Event
from services.login.commands import NoteRefusal
from services.login.events import AuthorizationRefused


def note(command: NoteRefusal, _state: None, _now: datetime) -> Sequence[Event]:
    """That it was refused."""
    said = asdict(command)
    del said["tenant"]
    return [AuthorizationRefused(**said)]
