"""Names of the entries of a tenant's log: epoch and position in the feed, as digits that sort as the log does.

A feed that was restored from a backup gives some positions a second time, in its next epoch. What both histories have
keeps its name; whoever stands behind an entry that was lost goes on where they part.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

EPOCH_DIGITS: Final = 10
POS_DIGITS: Final = 19

DIGITS: Final = EPOCH_DIGITS + POS_DIGITS
FIRST_EPOCH: Final = 1
LAST_POS: Final = 2**63 - 1

_LOG_ID: Final = re.compile(rf"[0-9]{{{DIGITS}}}")


class Place(NamedTuple):
    """A position of the feed, and the epoch in which it was given."""

    epoch: int
    pos: int


def log_id_of(place: Place) -> str:
    """The name of the entry there."""
    return f"{place.epoch:0{EPOCH_DIGITS}}{place.pos:0{POS_DIGITS}}"


def place_of(log_id: str) -> Place | None:
    """Where the entry of this name is; `None` for what names none."""
    if not _LOG_ID.fullmatch(log_id):
        return None
    place = Place(int(log_id[:EPOCH_DIGITS]), int(log_id[EPOCH_DIGITS:]))
    return place if place.epoch >= FIRST_EPOCH and 1 <= place.pos <= LAST_POS else None


class Epochs:
    """The epochs of the feed; each later one goes on behind a position that all before it have."""

    def __init__(self, later: Sequence[Place] = ()) -> None:
        """`later` says of every epoch but the first behind which position it began."""
        self._later = tuple(later)

    def at(self, pos: int) -> Place:
        """The place of a position as the feed has it now."""
        return Place(max((each.epoch for each in self._later if each.pos < pos), default=FIRST_EPOCH), pos)

    def is_lost(self, place: Place) -> bool:
        """Whether a later epoch gave the position, or will give it, to another event."""
        return any(each.epoch > place.epoch and each.pos < place.pos for each in self._later)

    def reached(self, place: Place) -> int:
        """The last position that the feed has now and that is not behind `place`."""
        return min([place.pos, *(each.pos for each in self._later if each.epoch > place.epoch)])
