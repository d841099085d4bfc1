"""Given these facts, when this command, then those facts: how rules are tested."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any, Generic, TypeVar

from libs.eventstore import Event

S = TypeVar("S")

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Spec(Generic[S]):
    """One aggregate's rules, at a state that facts made."""

    evolve: Callable[[S, Event], S]
    state: S
    now: datetime = NOW

    def given(self, *facts: Event) -> "Spec[S]":
        return replace(self, state=reduce(self.evolve, facts, self.state))

    def at(self, now: datetime) -> "Spec[S]":
        return replace(self, now=now)

    def when(self, decide: Callable[[Any, S, datetime], Sequence[Event]], command: object) -> "Outcome":
        try:
            return Outcome(list(decide(command, self.state, self.now)), None)
        except Exception as refusal:  # noqa: BLE001 - what is refused is what is tested
            return Outcome([], refusal)


@dataclass(frozen=True)
class Outcome:
    """What came of a command."""

    facts: list[Event]
    refusal: Exception | None

    def then(self, *facts: Event) -> None:
        assert self.refusal is None, repr(self.refusal)
        assert self.facts == list(facts)

    def then_nothing(self) -> None:
        self.then()

    def then_refused(self, kind: type[Exception]) -> None:
        assert isinstance(self.refusal, kind), self
