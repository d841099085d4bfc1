"""Noticing that a log went back to a backup and began a new epoch, also when its new mirror is shorter than the old.

Every envelope of a mirror bears the log's epoch of the day the mirror was filled. A follower therefore opens a stream
at what it knows already, not behind it: the first message tells whether it still is the log it followed.
"""

from libs.bus import Bus, StreamRefused, Streams
from libs.eventstore.envelope import Envelope


class SourceRestored(Exception):
    """The log is in a later epoch than the follower: positions it knows may now hold other events."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"the log is in epoch {epoch} now")
        self.epoch = epoch


async def first_to_read(bus: Bus, stream: str, pos: int) -> int:
    """Where to open `stream` after `pos` was applied: at `pos`, or at its end while it is shorter."""
    state = await Streams(bus).state(stream) if pos else None
    return max(1, pos if state is None else min(pos, state.last))


def require_epoch(known: int, envelope: Envelope) -> None:
    """Refuse an event of another epoch than the one followed; 0 has followed none yet.

    Raises:
        SourceRestored: the log was restored since.
        StreamRefused: the mirror is what an earlier epoch left behind; it is about to be deleted.
    """
    if known in {0, envelope.epoch}:
        return
    if envelope.epoch > known:
        raise SourceRestored(envelope.epoch)
    raise StreamRefused(0, f"the mirror is of epoch {envelope.epoch}, which has ended")
