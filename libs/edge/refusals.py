"""Refusals of HTTP itself, before or beside any protocol: each renderer tells them in its own shape.

Refusal
├── MalformedPath      400  a path that two readers might understand differently
├── UnknownPath        404  no route has this path
├── MethodNotAllowed   405  the path is served, with other methods; says which in Allow
├── BodyTooLarge       413  the request's body is over the bound
└── Overloaded         503  all slots of the route's kind are taken

A refusal is a statement, so its name is one too.
"""

from collections.abc import Iterable
from typing import ClassVar


class Refusal(Exception):
    """A request that no handler sees."""

    status: ClassVar[int]
    code: ClassVar[str]
    message: ClassVar[str]

    def __init__(self, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(self.message)
        self.headers = list(headers)


class MalformedPath(Refusal):
    """The path could be read in two ways."""

    status = 400
    code = "invalid_uri"
    message = "The path is malformed."


class UnknownPath(Refusal):
    """No route has this path."""

    status = 404
    code = "not_found"
    message = "Not Found"


class MethodNotAllowed(Refusal):
    """The path is served, but not with this method (RFC 9110 §15.5.6)."""

    status = 405
    code = "method_not_allowed"
    message = "Method Not Allowed"

    def __init__(self, allowed: Iterable[str]) -> None:
        super().__init__([("allow", ", ".join(sorted(allowed)))])


class BodyTooLarge(Refusal):
    """The body is over 1 MiB."""

    status = 413
    code = "payload_too_large"
    message = "Payload Too Large"


class Overloaded(Refusal):
    """All slots of this kind are taken: better to say so now than to let it wait."""

    status = 503
    code = "temporarily_unavailable"
    message = "The server is busy; try again."

    def __init__(self) -> None:
        super().__init__([("retry-after", "1")])
