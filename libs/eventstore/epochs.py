"""Noticing that a log went back to a backup and began a new epoch, also when its new mirror is shorter than the old.

Every envelope of a mirror bears the log's epoch of the day the mirror was filled. A follower therefore opens a stream
at what it knows already, not behind it: the first message tells whether it still is the log it followed.
"""

from libs.bus import STREAM_NOT_FOUND, Bus, Reader, StreamRefused, Streams
from libs.eventstore.envelope import Envelope


class SourceRestored(Exception):
    """The log is in a later epoch than the follower: positions it knows may now hold other events."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"the log is in epoch {epoch} now")
        self.epoch = epoch


async def reader_after(bus: Bus, stream: str, pos: int) -> Reader:
    """A reader of `stream` after `pos` was applied: from `pos` on, or from its end while it is shorter.

    Raises:
        StreamRefused: the stream is not there, and how short the next one is will only be known then.
    """
    if not pos:
        return Reader(bus, stream, start=1)
    state = await Streams(bus).state(stream)
    if state is None:
        raise StreamRefused(STREAM_NOT_FOUND, f"{stream} is not there")
    start = max(1, min(pos, state.last))
    return Reader(bus, stream, start=start, holds_start=state.first <= start <= state.last)


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
