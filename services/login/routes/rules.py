"""What a new password must be, as the page lists it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Rule:
    """One line of the list: `code` is `length`, `kinds`, `strength`, `common`, `personal` or `history`."""

    code: str
    number: int = 0
    failed: bool = False


def with_failed(rules: Iterable[Rule], failed: Iterable[str]) -> tuple[Rule, ...]:
    """The same, with those marked that a password did not meet."""
    codes = set(failed)
    return tuple(replace(rule, failed=rule.code in codes) for rule in rules)
