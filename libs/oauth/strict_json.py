"""A JSON reader for what strangers send: everything two parsers might read differently is refused (RFC 8259, RFC 7493).

It stands in `libs.oauth` because the token endpoint's parameters need it and `libs.edge`, which needs it too, builds on
`libs.oauth`.
"""

import math
from json import JSONDecoder
from typing import Any, NoReturn

MAX_DEPTH = 64
MAX_MEMBERS = 10_000


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
_scan = JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant).decode


def loads(body: bytes) -> Any:
    """Parse one JSON text.

    Refused are: encodings other than UTF-8, a byte order mark, members named twice at any depth, lone surrogates, NUL,
    NaN, infinities and numbers that overflow, nesting deeper than 64, more than 10,000 members and items in all.

    Raises:
        MalformedJSON: and nothing else, whatever the bytes are.
    """
    try:
        text = body.decode()
        value = _scan(text)
    except MalformedJSON:
        raise
    except RecursionError as error:
        raise MalformedJSON("the nesting is too deep") from error
    except ValueError as error:  # Covers UnicodeDecodeError, JSONDecodeError and integers of thousands of digits.
        raise MalformedJSON("the body is not JSON in UTF-8") from error
    if _needs_a_walk(text):
        _walk(value)
    return value


def _needs_a_walk(text: str) -> bool:
    # Counting characters is far cheaper than walking, and for an ordinary request it proves that nothing is wrong:
    # a NUL or a lone surrogate can only come from an escape, for raw ones were refused above.
    opened = text.count("{") + text.count("[")
    return opened > MAX_DEPTH or "\\u" in text or opened + text.count(",") > MAX_MEMBERS


def _walk(value: Any) -> None:
    depth, count, level = 0, 0, [value]
    while level:
        containers = [item for item in level if isinstance(item, dict | list)]
        depth += 1 if containers else 0
        count += len(level)
        if depth > MAX_DEPTH:
            raise MalformedJSON("the nesting is too deep")
        if count > MAX_MEMBERS + 1:
            raise MalformedJSON("there are too many members")
        for item in level:
            if isinstance(item, str):
                _check_text(item)
        level = [child for container in containers for child in _children(container)]


def _children(container: dict[str, Any] | list[Any]) -> list[Any]:
    if isinstance(container, list):
        return container
    for name in container:
        _check_text(name)
    return list(container.values())


def _check_text(text: str) -> None:
    if "\0" in text:
        raise MalformedJSON("a string contains NUL")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MalformedJSON("a string contains a lone surrogate") from error
