"""Owns the order of a run: who is measured after whom, and what is kept of it."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.bench import contenders, limen, load, starts
from tests.bench.contenders import Contender
from tests.bench.limen import Kept
from tests.bench.load import Shot
from tests.stack import Stack

PARTS = ("starts", "memory", "tokens")


@dataclass(frozen=True)
class Wanted:
    """What to measure, and for how long."""

    parts: frozenset[str] = frozenset(PARTS)
    rounds: int = 3
    seconds: int = 8
    warm_up: int = 4


@dataclass
class Measured:
    """What came of it; what was not wanted stays empty."""

    cold: float | None = None
    warm: list[float] = field(default_factory=list)
    idle: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    order: list[Contender] = field(default_factory=list)
    shots: dict[str, list[Shot]] = field(default_factory=dict)
    kept: dict[str, list[Kept]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def strangers(self) -> float:
        """The most processors that programs outside the bench used during a load."""
        return max((shot.strangers for shots in self.shots.values() for shot in shots), default=0.0)


def say(line: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(f"{line}\n")


def measured(wanted: Wanted) -> Measured:
    """Measure what is wanted, side by side on this machine."""
    found = Measured()
    with fresh_stack() as stack:
        found.cold = starts.seconds_to_token(stack)
        say(f"cold start to the first token: {found.cold:.2f} s")
        stack.await_ready()
        if "starts" in wanted.parts:
            found.warm = starts.warm(stack, wanted.rounds)
            say("warm starts: " + "  ".join(f"{each:.2f} s" for each in found.warm))
        if "memory" in wanted.parts:
            found.idle = starts.idle_memory(stack)
            say(f"idle: {sum(found.idle.values()) / 2**20:.0f} MB")
        if "tokens" in wanted.parts:
            _tokens(stack, wanted, found)
            found.after = starts.idle_memory(stack) if "memory" in wanted.parts else {}
    return found


@contextmanager
def fresh_stack() -> Iterator[Stack]:
    """A stack of our own that is not started yet; in the end nothing of it is left."""
    stack = Stack()
    try:
        yield stack
    finally:
        stack.remove()


def _tokens(stack: Stack, wanted: Wanted, found: Measured) -> None:
    with ExitStack() as running:
        found.order += running.enter_context(contenders.bare())
        try:
            found.order += running.enter_context(contenders.peer())
        except load.Missing as missing:
            found.missing.append(str(missing))
        found.order += limen.contenders(stack)
        for contender in found.order:
            contenders.ask_once(contender)
            load.fired(contender.target, wanted.warm_up, contender.watched)
        for number in range(wanted.rounds):
            say(f"round {number + 1} of {wanted.rounds}")
            for contender in found.order:
                _measure(stack, contender, wanted.seconds, found)


def _measure(stack: Stack, contender: Contender, seconds: int, found: Measured) -> None:
    since = limen.head(stack)
    shot = load.fired(contender.target, seconds, contender.watched)
    found.shots.setdefault(contender.name, []).append(shot)
    say(f"  {contender.name:32} {shot.rate:9,.0f}/s  p50 {shot.p50:6.1f} ms  p99 {shot.p99:7.1f} ms")
    if not shot.is_clean:
        found.complaints.append(f"{contender.name}: {shot.other} answers were no 200, {shot.broken} broke {shot.first}")
    if contender.who == limen.WHO:
        kept = limen.kept(stack, since)
        found.kept.setdefault(contender.name, []).append(kept)
        if (complaint := limen.complaint(shot, kept)) is not None:
            found.complaints.append(f"{contender.name}: {complaint}")
