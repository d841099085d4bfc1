from datetime import UTC, datetime

from libs.runtime.clock import Clock


class Ticks:
    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def test_the_clock_goes_on_with_the_monotonic_one() -> None:
    monotonic, wall = Ticks(5), Ticks(1000)
    clock = Clock(monotonic=monotonic, wall=wall)
    monotonic.at, wall.at = 8, 90_000
    assert clock.unix() == 1003
    assert clock.now() == datetime.fromtimestamp(1003, UTC)


def test_the_clock_follows_what_was_measured() -> None:
    clock = Clock(monotonic=Ticks(5), wall=Ticks(1000))
    clock.measured(datetime.fromtimestamp(1010, UTC), round_trip=0.5)
    assert clock.unix() == 1010.25
    assert not clock.is_trusted


def test_a_reading_that_agrees_changes_nothing() -> None:
    clock = Clock(monotonic=Ticks(5), wall=Ticks(1000))
    clock.measured(datetime.fromtimestamp(999.9, UTC), round_trip=0.4)
    assert clock.unix() == 1000


def test_a_slow_measurement_is_worthless() -> None:
    clock = Clock(monotonic=Ticks(5), wall=Ticks(1000))
    clock.measured(datetime.fromtimestamp(2000, UTC), round_trip=2)
    assert clock.unix() == 1000
    assert clock.is_trusted
