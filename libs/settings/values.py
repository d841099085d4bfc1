"""Owns the reading of one value: from the text of a variable to the type of its field."""

import re
import types
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from libs.settings.secret import Secret

UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)?", re.ASCII)
_INTEGER = re.compile(r"-?\d+", re.ASCII)
_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def duration(text: str) -> timedelta:
    """`90d`, `24h`, `5m`, `10s`, `250ms`, or a bare number of seconds."""
    if (found := _DURATION.fullmatch(text)) is None:
        raise ValueError("a duration such as 90d, 24h, 5m or 10s")
    return timedelta(seconds=float(found[1]) * UNITS[found[2] or ""])


def integer(text: str) -> int:
    """A whole number in ASCII digits."""
    if _INTEGER.fullmatch(text) is None:
        raise ValueError("a whole number")
    return int(text)


def number(text: str) -> float:
    """A decimal number."""
    try:
        return float(text)
    except ValueError as error:
        raise ValueError("a number") from error


def truth(text: str) -> bool:
    """Yes or no, in the words people use."""
    if text.lower() not in _TRUTH:
        raise ValueError("true or false")
    return _TRUTH[text.lower()]


def network(text: str) -> IPv4Network | IPv6Network:
    """A network in CIDR notation; a single address is a network of one."""
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError("a network such as 10.0.0.0/8") from error


_READERS: dict[Any, Callable[[str], Any]] = {
    str: str, int: integer, float: number, bool: truth, timedelta: duration, Path: Path, Secret: Secret,
    IPv4Network | IPv6Network: network,
}  # fmt: skip


def read(kind: Any, text: str) -> Any:
    """The value of type `kind` that `text` writes; raises ValueError saying what it should be."""
    if kind in _READERS:
        return _READERS[kind](text)
    origin = get_origin(kind)
    if origin is Annotated:
        return _bounded(kind, text)
    if origin in (Union, types.UnionType):
        return read(_without_none(kind), text)
    if origin is tuple:
        return tuple(read(get_args(kind)[0], part.strip()) for part in text.split(",") if part.strip())
    return _chosen(kind, text)


def _bounded(kind: Any, text: str) -> Any:
    """A value of the annotated type that holds what each annotation says it must."""
    inner, *musts = get_args(kind)
    value = read(inner, text)
    for must in musts:
        if not must.holds(value):
            raise ValueError(must.words)
    return value


def _without_none(kind: Any) -> Any:
    """The one type of an optional field; NoneType itself is said by leaving the variable out."""
    kinds = [each for each in get_args(kind) if each is not types.NoneType]
    return Union[tuple(kinds)] if len(kinds) > 1 else kinds[0]  # noqa: UP007 - made at run time


def _chosen(kind: Any, text: str) -> Any:
    """One of the words of a Literal or of an Enum."""
    words = {str(word): word for word in get_args(kind)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        words = {str(member.value): member for member in kind}
    if text not in words:
        raise ValueError("one of " + ", ".join(words))
    return words[text]
