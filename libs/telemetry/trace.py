"""Owns the trace context that travels through HTTP, NATS and events (W3C Trace Context, level 1)."""

import random
import re
from typing import NamedTuple

# Version 00 alone is accepted: what a later version means cannot be known, and the header is not worth a guess.
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_chance = random.Random()  # noqa: S311 - ids of traces must differ, nobody gains by guessing one


class Trace(NamedTuple):
    """A `traceparent` taken apart (section 3.2): all three in lower-case hexadecimal."""

    trace_id: str
    parent_id: str
    flags: str

    @staticmethod
    def start() -> str:
        """The `traceparent` of a new, sampled trace."""
        return f"00-{_chance.getrandbits(128) or 1:032x}-{_chance.getrandbits(64) or 1:016x}-01"


def parse(traceparent: str) -> Trace | None:
    """What a `traceparent` says, or None for one that is not exactly right (section 3.2.2)."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or found[1] == _NO_TRACE or found[2] == _NO_SPAN:
        return None
    return Trace(found[1], found[2], found[3])


def child(traceparent: str) -> str:
    """The `traceparent` of a step inside `traceparent`; a malformed one starts a new trace."""
    trace = parse(traceparent)
    if trace is None:
        return Trace.start()
    return f"00-{trace.trace_id}-{_chance.getrandbits(64) or 1:016x}-{trace.flags}"
