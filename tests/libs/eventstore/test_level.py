"""How far behind somebody is said to be."""

import time

import pytest
from prometheus_client import CollectorRegistry, Gauge

from libs.eventstore.level import Level


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def level(registry: CollectorRegistry) -> Level:
    events = Gauge("events", "Events.", ["who"], registry=registry)
    return Level(events, Gauge("seconds", "Seconds.", ["who"], registry=registry), "me")


def shown(registry: CollectorRegistry, name: str) -> float | None:
    return registry.get_sample_value(name, {"who": "me"})


def test_who_never_led_shows_nothing(registry: CollectorRegistry, level: Level) -> None:
    level.gone()
    assert (shown(registry, "events"), shown(registry, "seconds")) == (None, None)


def test_seconds_run_from_when_it_was_level_last_and_end_when_it_is_again(
    registry: CollectorRegistry, level: Level
) -> None:
    level.behind(0)
    assert (shown(registry, "events"), shown(registry, "seconds")) == (0, 0)
    level.behind(3)
    time.sleep(0.02)
    first = shown(registry, "seconds")
    level.behind(7)
    assert shown(registry, "events") == 7
    assert 0.02 <= (first or 0) <= (shown(registry, "seconds") or 0)
    level.behind(-1)
    assert (shown(registry, "events"), shown(registry, "seconds")) == (0, 0)


def test_seconds_run_while_nobody_can_tell_the_events(registry: CollectorRegistry, level: Level) -> None:
    level.behind(2)
    level.unknown()
    time.sleep(0.02)
    assert shown(registry, "events") == 2
    assert (shown(registry, "seconds") or 0) >= 0.02


def test_who_leads_no_more_shows_nothing_and_begins_anew(registry: CollectorRegistry, level: Level) -> None:
    level.behind(2)
    level.gone()
    level.gone()
    assert (shown(registry, "events"), shown(registry, "seconds")) == (None, None)
    level.behind(0)
    assert shown(registry, "seconds") == 0
