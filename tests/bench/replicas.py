"""Owns what a second replica of `token` does, shown by giving processes their processors.

With four processors or more each replica has one of its own, and everything else shares two others: then the rate
should nearly double until something else is full. With fewer, each replica is held to the same small part of a
processor (`quota`), so that it is they who are full and nothing else: what a second adds shows the same. Where the
kernel does not let us, the replicas share one processor and everything else has the other. Then the rate cannot grow,
and what can be seen is whether the requests are split evenly, and what a token costs when two write to the same log.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.bench import limen, load, processes, quota
from tests.bench.contenders import Contender, ask_once
from tests.bench.load import Shot
from tests.stack import Stack

ENOUGH: Final = 4
ALL: Final = tuple(sorted(os.sched_getaffinity(0)))
"""The processors of this machine, as they were before the bench kept itself to two."""


@dataclass
class Replicated:
    """Loads of one number of replicas."""

    count: int
    shots: list[Shot] = field(default_factory=list)
    shares: list[list[float]] = field(default_factory=list)
    """Processor seconds of each replica in each load."""

    @property
    def costs(self) -> list[float]:
        """Microseconds of the replicas' processor time a token, load by load."""
        return [sum(each) / max(1, shot.good) * 1e6 for each, shot in zip(self.shares, self.shots, strict=True)]

    @property
    def evenness(self) -> float:
        """The least share of a replica beside the largest."""
        return min(min(each) / max(*each, 0.01) for each in self.shares)


def has_room() -> bool:
    """Whether each replica can have a processor of its own."""
    return len(ALL) >= ENOUGH


def is_held() -> bool:
    """Whether each replica is held to a part of a processor instead."""
    return not has_room() and quota.is_possible()


def is_fair() -> bool:
    """Whether a second replica adds a processor, or a part of one."""
    return has_room() or quota.is_possible()


def measured(count: int, rounds: int, seconds: int) -> Replicated:
    """A stack of its own with so many replicas of `token`, pinned and loaded."""
    found = Replicated(count)
    with Stack(replicas={"token": count}, on_disk=True).running() as stack:
        contender = next(each for each in limen.contenders(stack) if each.alg == "ES256")
        tokens = [stack.pid_of("token", number) for number in range(count)]
        ask_once(contender)
        with _placed(stack, tokens):
            load.fired(contender.target, seconds, dict, connections=len(tokens) * load.CONNECTIONS)
            for _ in range(rounds):
                _measure(contender, tokens, seconds, found)
    return found


def _measure(contender: Contender, tokens: Sequence[int], seconds: int, found: Replicated) -> None:
    before = [processes.cpu([pid]) for pid in tokens]
    found.shots.append(load.fired(contender.target, seconds, dict, connections=len(tokens) * load.CONNECTIONS))
    found.shares.append([processes.cpu([pid]) - was for pid, was in zip(tokens, before, strict=True)])


@contextmanager
def _placed(stack: Stack, tokens: Sequence[int]) -> Iterator[None]:
    if is_held():
        with quota.held(tokens):
            yield
        return
    before = os.sched_getaffinity(0)
    _pin(stack, tokens)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _pin(stack: Stack, tokens: Sequence[int]) -> None:
    """Each replica on its own processor where there is room; everything else, the load too, on the others."""
    rest = set(ALL[:2]) if has_room() else {ALL[0]}
    for pid in [*stack.pids(), os.getpid()]:
        processes.pin(pid, rest)
    for number, pid in enumerate(tokens):
        processes.pin(pid, {ALL[2 + number % (len(ALL) - 2)]} if has_room() else {ALL[-1]})
