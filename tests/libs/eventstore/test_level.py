"""How far behind somebody is said to be."""

import time
from collections.abc import Iterator
from typing import Final

import pytest
from prometheus_client import REGISTRY

from libs.eventstore.level import Level
from libs.eventstore.metrics import FOLLOWER_BEHIND, FOLLOWER_SECONDS

NAMES: Final = {"events": "limen_follower_lag_events", "seconds": "limen_follower_behind_seconds"}


@pytest.fixture
def level() -> Iterator[Level]:
    level = Level(FOLLOWER_BEHIND, FOLLOWER_SECONDS, "me")
    yield level
    level.gone()


def shown(name: str) -> float | None:
    return REGISTRY.get_sample_value(NAMES[name], {"follower": "me"})


def test_who_never_led_shows_nothing(level: Level) -> None:
    level.gone()
    assert (shown("events"), shown("seconds")) == (None, None)


def test_seconds_run_from_when_it_was_level_last_and_end_when_it_is_again(level: Level) -> None:
    level.behind(0)
    assert (shown("events"), shown("seconds")) == (0, 0)
    level.behind(3)
    time.sleep(0.02)
    first = shown("seconds")
    level.behind(7)
    assert shown("events") == 7
    assert 0.02 <= (first or 0) <= (shown("seconds") or 0)
    level.behind(-1)
    assert (shown("events"), shown("seconds")) == (0, 0)


def test_seconds_run_while_nobody_can_tell_the_events(level: Level) -> None:
    level.behind(2)
    level.unknown()
    time.sleep(0.02)
    assert shown("events") == 2
    assert (shown("seconds") or 0) >= 0.02


def test_who_leads_no_more_shows_nothing_and_begins_anew(level: Level) -> None:
    level.behind(2)
    level.gone()
    level.gone()
    assert (shown("events"), shown("seconds")) == (None, None)
    level.behind(0)
    assert shown("seconds") == 0
