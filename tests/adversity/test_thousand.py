"""A thousand events a second while everything between an event and its subscriber is killed: nothing is missed.

It is the last of this folder, because the stack carries what it appends.
"""

from typing import Final

import pytest

from tests.adversity.feed import Listener, require_heard
from tests.adversity.rate import Rate
from tests.adversity.record import head, require_exact_mirrors
from tests.stack import Stack, until

ENOUGH: Final = 700
"""Events that are heard between two kills."""

CATCHES_UP: Final = 30.0
"""Seconds within which the killed are back and heard again: `audit` gives way where processors are full."""
KILLED: Final = ("audit", "nats", "postgres", "audit,nats")


def until_heard(listener: Listener) -> None:
    """Wait until the subscriber got some more."""
    before = len(listener.heard)
    until(lambda: len(listener.heard) >= before + ENOUGH, CATCHES_UP)


def kill(stack: Stack, names: str) -> None:
    """Kill them at once, and wait until they are back."""
    for name, pid in [(name, stack.kill(name)) for name in names.split(",")]:
        stack.await_back(name, not_pid=pid, within=CATCHES_UP)


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.soak)])
def test_at_a_thousand_events_a_second_a_subscriber_misses_nothing_whoever_is_killed(
    victim: Stack, listener: Listener, rounds: int
) -> None:
    before = head(victim)
    with Rate(victim).running() as rate:
        for _ in range(rounds):
            for names in KILLED:
                until_heard(listener)
                kill(victim, names)
            until_heard(listener)
            listener.kill()
            listener.start(victim)
        until_heard(listener)
        until(lambda: rate.written >= 1000 * rate.seconds, CATCHES_UP, lambda: f"{rate.written} in {rate.seconds} s")
    assert head(victim) - before >= rate.written >= 1000 * rate.seconds
    require_heard(victim, listener)
    require_exact_mirrors(victim)
