"""Owns the time from `limen up` to the first token, and the memory of a stack that has nothing to do."""

import time
from typing import Final

from tests.bench import limen, processes
from tests.stack import Stack

START_BOUND: Final = 60.0
SETTLED: Final = 10.0
"""Seconds a stack is left alone before its memory is read."""


def seconds_to_token(stack: Stack) -> float:
    """Start `stack` and ask until a token comes."""
    began = time.monotonic()
    stack.begin()
    while not _has_token(stack):
        assert time.monotonic() - began < START_BOUND, stack.story()
        time.sleep(0.01)
    return time.monotonic() - began


def _has_token(stack: Stack) -> bool:
    try:
        return stack.token().status == 200
    except (OSError, KeyError):  # nobody listens yet; the first quickstart.env is not written yet
        return False


def warm(stack: Stack, times: int) -> list[float]:
    """Stop and start again on the same data directory, so many times."""
    taken = []
    for _ in range(times):
        stack.await_ready()
        stack.stop()
        taken.append(seconds_to_token(stack))
    stack.await_ready()
    return taken


def idle_memory(stack: Stack) -> dict[str, int]:
    """Proportional set size of each program that `limen up` started, itself included, in bytes."""
    time.sleep(SETTLED)
    return memory(stack)


def memory(stack: Stack) -> dict[str, int]:
    """The same, now."""
    return {name: sum(processes.pss(pid) for pid in pids) for name, pids in limen.programs(stack).items()}
