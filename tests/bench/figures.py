"""Owns the statistics: several measurements of one thing, and what is made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """Measurements of one thing, in one unit."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.values)

    def text(self, digits: int = 0) -> str:
        """The median."""
        return number(self.median, digits)

    def range(self, digits: int = 0) -> str:
        """The smallest and the largest."""
        return f"{number(min(self.values), digits)} to {number(max(self.values), digits)}"


def figure(values: Sequence[float]) -> Figure:
    """A figure of measurements; there must be one at least."""
    assert values, "nothing was measured"
    return Figure(tuple(values))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Ours to theirs, round by round: what disturbed one round disturbed both. Nothing beside nothing is nothing."""
    return figure([one / other if other else 0.0 for one, other in zip(ours, theirs, strict=True)])


def number(value: float, digits: int = 0) -> str:
    """A number for people: 12,345 or 1.05."""
    return f"{value:,.{digits}f}"
