"""Owns how the members of a property lie over those that are there: at one depth, or at every. Pure."""

from collections.abc import Mapping
from typing import Any


def others(there: Mapping[str, Any], wanted: Mapping[str, Any], *, is_deep: bool) -> dict[str, Any]:
    """The members of `wanted` that are not so there."""
    found = {}
    for name, value in wanted.items():
        now = there.get(name)
        if is_deep and isinstance(now, Mapping) and isinstance(value, Mapping):
            if within := others(now, value, is_deep=True):
                found[name] = within
        elif now != value:
            found[name] = value
    return found


def laid(there: Mapping[str, Any], wanted: Mapping[str, Any], *, is_deep: bool) -> dict[str, Any]:
    """What is there after `wanted`, in which `None` removes a member."""
    after = dict(there)
    for name, value in wanted.items():
        now = there.get(name)
        if is_deep and isinstance(now, Mapping) and isinstance(value, Mapping):
            after[name] = laid(now, value, is_deep=True)
        else:
            after[name] = value
    return {name: value for name, value in after.items() if value is not None}
