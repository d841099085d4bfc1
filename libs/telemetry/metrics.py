"""Owns the metrics of a process: Prometheus, with label sets that are fixed when the metric is made.

A label whose values come from outside would let a stranger fill the memory of the process and of whoever
scrapes it. So each label names its values, and every other value is counted as `other`.
"""

from collections.abc import Collection
from itertools import product

from prometheus_client import Counter as _Counter
from prometheus_client import Gauge as _Gauge
from prometheus_client import Histogram as _Histogram
from prometheus_client import generate_latest

OTHER = "other"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Buckets for how long something took."""


class Counter:
    """How often something happened, by labels of known values."""

    def __init__(self, name: str, meaning: str, **labels: Collection[str]) -> None:
        self._values = [frozenset(values) for values in labels.values()]
        family = _Counter(name, meaning, list(labels))
        self._children = {each: family.labels(*each) if each else family for each in _combinations(labels)}

    def count(self, *values: str, by: float = 1) -> None:
        """Once more with these label values, given in the order of the labels."""
        child = self._children.get(values) or self._children[_bounded(values, self._values)]
        child.inc(by)


class Histogram:
    """How long something took, in seconds, by labels of known values."""

    def __init__(
        self, name: str, meaning: str, *, buckets: tuple[float, ...] = SECONDS, **labels: Collection[str]
    ) -> None:
        self._values = [frozenset(values) for values in labels.values()]
        family = _Histogram(name, meaning, list(labels), buckets=buckets)
        self._children = {each: family.labels(*each) if each else family for each in _combinations(labels)}

    def observe(self, amount: float, *values: str) -> None:
        """One more observation with these label values, given in the order of the labels."""
        child = self._children.get(values) or self._children[_bounded(values, self._values)]
        child.observe(amount)


class Gauge:
    """How much of something there is now."""

    def __init__(self, name: str, meaning: str, **labels: Collection[str]) -> None:
        self._values = [frozenset(values) for values in labels.values()]
        family = _Gauge(name, meaning, list(labels))
        self._children = {each: family.labels(*each) if each else family for each in _combinations(labels)}

    def set(self, amount: float, *values: str) -> None:
        """It is `amount` now."""
        child = self._children.get(values) or self._children[_bounded(values, self._values)]
        child.set(amount)

    def add(self, amount: float, *values: str) -> None:
        """It is `amount` more than it was; less, if negative."""
        child = self._children.get(values) or self._children[_bounded(values, self._values)]
        child.inc(amount)


def exposition() -> bytes:
    """All metrics of this process in Prometheus' text format."""
    return generate_latest()


def _combinations(labels: dict[str, Collection[str]]) -> list[tuple[str, ...]]:
    return list(product(*({**dict.fromkeys(values), OTHER: None} for values in labels.values())))


def _bounded(values: tuple[str, ...], known: list[frozenset[str]]) -> tuple[str, ...]:
    return tuple(value if value in names else OTHER for value, names in zip(values, known, strict=True))
