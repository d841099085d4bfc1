"""The query string of the Management API, read strictly: each parameter once, except those that are lists."""

import re
from collections.abc import Iterator
from typing import Self
from urllib.parse import unquote_to_bytes

from libs.edge.management_errors import InvalidQuery

MAX_PARAMETERS = 100

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TRUTH = {"true": True, "false": False}


class Query:
    """The parameters of one query string; those sent empty are not there, and `empty` has their names."""

    __slots__ = ("_values", "empty")

    def __init__(self, values: dict[str, list[str]], empty: frozenset[str] = frozenset()) -> None:
        self._values = values
        self.empty = empty

    @classmethod
    def read(cls, raw: str) -> Self:
        """Read a raw query string.

        Raises:
            InvalidQuery: broken or non-UTF-8 escapes, control characters, more than 100 parameters.
        """
        values: dict[str, list[str]] = {}
        empty: set[str] = set()
        if raw.count("&") > MAX_PARAMETERS:
            raise InvalidQuery("Query validation error: too many parameters.")
        for name, _, value in (field.partition("=") for field in raw.split("&")):
            if value:
                values.setdefault(_decoded(name), []).append(_decoded(value))
            elif name:
                empty.add(_decoded(name))
        return cls(values, frozenset(empty))

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def text(self, name: str) -> str | None:
        """Return a parameter that may be sent once, or `None`."""
        values = self._values.get(name, [])
        if len(values) > 1:
            raise InvalidQuery.about(name, "Parameter was sent more than once")
        return values[0] if values else None

    def texts(self, name: str) -> list[str]:
        """Return all values of a parameter that may be repeated, in the order sent."""
        return list(self._values.get(name, []))

    def boolean(self, name: str) -> bool | None:
        """Return `true` or `false`, or `None` when absent."""
        value = self.text(name)
        if value is None:
            return None
        if value not in _TRUTH:
            raise InvalidQuery.about(name, "Expected type boolean but found type string")
        return _TRUTH[value]

    def integer(self, name: str, *, minimum: int, maximum: int) -> int | None:
        """Return a number of this range, or `None` when absent."""
        value = self.text(name)
        if value is None:
            return None
        # isdecimal alone would accept other scripts' digits, and int() a sign, spaces and underscores.
        if not (value.isascii() and value.isdecimal() and len(value) <= len(str(maximum)) + 1):
            raise InvalidQuery.about(name, "Expected type integer but found type string")
        return _within(name, int(value), minimum, maximum)


def _within(name: str, number: int, minimum: int, maximum: int) -> int:
    if number < minimum:
        raise InvalidQuery.about(name, f"Value {number} is less than minimum {minimum}")
    if number > maximum:
        raise InvalidQuery.about(name, f"Value {number} is greater than maximum {maximum}")
    return number


def _decoded(text: str) -> str:
    if _BAD_ESCAPE.search(text):
        raise InvalidQuery("Query validation error: a parameter is malformed.")
    try:
        value = unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError as error:
        raise InvalidQuery("Query validation error: a parameter is not UTF-8.") from error
    if _CONTROL.search(value):
        raise InvalidQuery("Query validation error: a parameter contains control characters.")
    return value
