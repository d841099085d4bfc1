"""Owns reading JSON of strangers with one meaning only: I-JSON (RFC 7493) and a little stricter."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 16
"""Levels of nesting; no claim we know needs more than five, and a recursive reader must not choose its own limit."""

_STRUCTURE: Final = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
# A lone surrogate cannot be written as UTF-8 and a NUL cannot be stored in Postgres: both would fail later, as our
# fault.
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


class NotStrictJSON(ValueError):
    """The text is not JSON, or is JSON that two readers could understand differently."""


def decode_object(raw: bytes) -> dict[str, Any]:
    """The members of the JSON object in `raw`.

    Raises:
        NotStrictJSON: not UTF-8, not JSON, not an object, a member named twice at any depth, nested deeper than
            `MAX_DEPTH`, a number that is no finite double, or a string with a NUL or a lone surrogate.
    """
    try:
        value = _decode(raw.decode("utf-8"))
    except NotStrictJSON:
        raise
    except ValueError as error:
        raise NotStrictJSON("not JSON in UTF-8") from error
    if not isinstance(value, dict):
        raise NotStrictJSON("not an object")
    return value


def _decode(text: str) -> Any:
    _bound_depth(text)
    value = _DECODER.decode(text)
    # Only an escape can smuggle in what UTF-8 and JSON forbid in plain sight.
    if "\\u" in text and any(_UNSTORABLE.search(string) for string in _strings(value)):
        raise NotStrictJSON("a string holds a NUL or a lone surrogate")
    return value


def _bound_depth(text: str) -> None:
    """Counts brackets outside strings in one linear pass, so that the recursive reader never sees a deep text."""
    depth, is_quoted = 0, False
    for mark in _STRUCTURE.findall(text):
        if mark == '"':
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (mark in "[{") - (mark in "]}")
            if depth > MAX_DEPTH:
                raise NotStrictJSON(f"nested deeper than {MAX_DEPTH}")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _strings(member)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJSON("a member is named twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotStrictJSON("a number is too large")
    return number


def _no_constant(name: str) -> NoReturn:
    raise NotStrictJSON(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_members, parse_float=_finite, parse_constant=_no_constant)
