"""Replies, made in one way everywhere."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from libs.edge.wire import VERSION, Reply

JSON: Final = ("content-type", "application/json")
#: RFC 6749 §5.1 asks for both on everything that holds a token; configuration is nobody's to keep either.
NO_STORE: Final = (("cache-control", "no-store"), ("pragma", "no-cache"))

_encode = msgspec.json.Encoder().encode


def json(value: Any, *, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Reply:
    """Return an answer whose body is `value` as JSON."""
    return Reply(VERSION, status, [JSON, *headers], _encode(value))


def empty(*, status: int = 204, headers: Iterable[tuple[str, str]] = ()) -> Reply:
    """Return an answer without a body."""
    return Reply(VERSION, status, list(headers), b"")
