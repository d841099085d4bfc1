"""Owns how changes look to a person: a sign, a name, and each property, old → new. A file has no secret to show."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from services.cli.configuration.difference import Change, Create, Delete, Update
from services.cli.configuration.laying import laid
from services.cli.configuration.section import shown_name

LONGEST: Final = 200
"""Characters of a value that are shown; pages of HTML are longer."""

LINE: Final = 100
"""Characters on a line that a person takes in."""

ABSENT: Final = "(none)"


def lines(changes: Iterable[Change]) -> Iterator[str]:
    """The lines of all changes."""
    for change in changes:
        yield f"{_sign(change)} {change.section.label(change.key)}"
        yield from (f"    {line}" for line in _properties(change))


def summary(changes: list[Change]) -> str:
    """How much it is."""
    counts = ((Create, "to create"), (Update, "to change"), (Delete, "to delete"))
    return ", ".join(f"{sum(isinstance(each, kind) for each in changes)} {what}" for kind, what in counts)


def _sign(change: Change) -> str:
    match change:
        case Create():
            return "+"
        case Update():
            return "~"
        case Delete():
            return "-"


def _properties(change: Change) -> Iterator[str]:
    match change:
        case Create():
            named = {name: value for name, value in change.body.items() if name not in change.section.keys}
            yield from (f"{name}: {_value(value)}" for name, value in named.items())
        case Update():
            for name, value in change.body.items():
                yield from _changed(name, change.before.get(name, ABSENT), _after(change, name, value))
        case Delete():
            pass


def _after(change: Update, name: str, value: Any) -> Any:
    before = change.before.get(name)
    if value is None:
        return change.section.defaults.get(name, ABSENT)
    if name in change.section.memberwise and isinstance(before, dict):
        return laid(before, value, is_deep=name in change.section.memberwise_deep)
    return value


def _changed(name: str, before: Any, after: Any) -> Iterator[str]:
    """One line, or one for each member that differs."""
    if isinstance(before, dict) and isinstance(after, dict):
        for member in dict.fromkeys([*before, *after]):
            old, new = before.get(member, ABSENT), after.get(member, ABSENT)
            if old != new:
                yield from _changed(f"{name}.{shown_name(member)}", old, new)
    elif isinstance(before, list) and isinstance(after, list) and _is_long(before, after):
        yield from (f"{name}: - {_value(each)}" for each in before if each not in after)
        yield from (f"{name}: + {_value(each)}" for each in after if each not in before)
    else:
        yield f"{name}: {_value(before)} → {_value(after)}"


def _is_long(before: list[Any], after: list[Any]) -> bool:
    """Whether the items that come and go say more than both lists; a mere change of order has none."""
    is_other = any(each not in after for each in before) or any(each not in before for each in after)
    return is_other and len(_value(before)) + len(_value(after)) > LINE


def _value(value: Any) -> str:
    text = ABSENT if value is ABSENT else shown_name(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
