"""A JSON reader for what strangers send: everything two parsers might read differently is refused (RFC 8259, RFC 7493).

One reader serves bodies, parameters and tokens, so that what is refused in one place is refused in all.
"""

import math
import re
from collections.abc import Iterator
from json import JSONDecoder
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 64
MAX_MEMBERS: Final = 10_000

_STRUCTURE: Final = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
# A lone surrogate cannot be written as UTF-8 and a NUL cannot be stored in Postgres: both would fail later, as our
# fault.
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


class MalformedJSON(ValueError):
    """The bytes are not JSON that every reader would understand alike; the text says where it went wrong."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJSON("an object names a member twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedJSON("a number is out of range")
    return number


def _no_constant(name: str) -> NoReturn:
    raise MalformedJSON(f"{name} is not JSON")


# The standard library's scanner runs in C; the hooks are called once per object and once per fractional number.
_scan: Final = JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant).decode


def loads(body: bytes, *, depth: int = MAX_DEPTH) -> Any:
    """Parse one JSON text.

    Refused are: encodings other than UTF-8, a byte order mark, members named twice at any depth, lone surrogates, NUL,
    NaN, infinities and numbers that overflow, nesting deeper than `depth`, more than 10,000 members and items in all.

    Raises:
        MalformedJSON: and nothing else, whatever the bytes are.
    """
    try:
        text = body.decode()
        _bound_depth(text, depth)
        value = _scan(text)
    except MalformedJSON:
        raise
    except ValueError as error:  # Covers UnicodeDecodeError, JSONDecodeError and integers of thousands of digits.
        raise MalformedJSON("this is not JSON in UTF-8") from error
    _check_members(text, value)
    _check_strings(text, value)
    return value


def load_object(body: bytes, *, depth: int = MAX_DEPTH) -> dict[str, Any]:
    """The members of the one JSON object in `body`, read as `loads` does.

    Raises:
        MalformedJSON: also for JSON that is no object.
    """
    value = loads(body, depth=depth)
    if not isinstance(value, dict):
        raise MalformedJSON("this is not an object")
    return value


def _bound_depth(text: str, most: int) -> None:
    """Count brackets outside strings in one linear pass, so that the recursive reader never sees a deep text."""
    # Far cheaper, and for an ordinary text it proves that nothing is wrong.
    if text.count("{") + text.count("[") <= most:
        return
    depth, is_quoted = 0, False
    for mark in _STRUCTURE.finditer(text):
        if mark[0] == '"':
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (mark[0] in "[{") - (mark[0] in "]}")
            if depth > most:
                raise MalformedJSON("the nesting is too deep")


def _check_members(text: str, value: Any) -> None:
    # Each member and each item stands behind a bracket or a comma.
    if text.count("{") + text.count("[") + text.count(",") <= MAX_MEMBERS:
        return
    if sum(len(each) for each in _all(value) if isinstance(each, dict | list)) > MAX_MEMBERS:
        raise MalformedJSON("there are too many members")


def _check_strings(text: str, value: Any) -> None:
    # Only an escape can smuggle in what UTF-8 and JSON forbid in plain sight.
    if "\\u" in text and any(_UNSTORABLE.search(each) for each in _all(value) if isinstance(each, str)):
        raise MalformedJSON("a string holds a NUL or a lone surrogate")


def _all(value: Any) -> Iterator[Any]:
    """The value and everything in it, the names of members too."""
    level = [value]
    while level:
        yield from level
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in ([*each, *each.values()] if isinstance(each, dict) else each)
        ]
