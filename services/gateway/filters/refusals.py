"""Refusals that only the edge knows, beside those of `libs.edge.refusals`.

Refusal
├── MalformedRequest     400  a header or a form of request that is refused rather than guessed at
├── RequestTimeout       408  the body did not arrive in time
├── UnknownHost          421  no tenant has this host
├── UnsupportedEncoding  415  the body is compressed
├── UnmetExpectation     417  Expect says something else than 100-continue
├── HeaderTooLarge       431  the header is over 16 KiB, or has more than a hundred lines
└── NotYet               503
    ├── HostsNotRead          the gateway is starting
    └── TenantNotOpen         the tenant is still being set up
"""

from libs.edge.refusals import Refusal


class MalformedRequest(Refusal):
    """A request that two readers might understand differently."""

    status = 400
    code = "invalid_request"
    message = "The request is malformed."


class RequestTimeout(Refusal):
    """The body did not arrive in time."""

    status = 408
    code = "request_timeout"
    message = "The request did not arrive in time."


class UnknownHost(Refusal):
    """No tenant has this host (RFC 9110 section 15.5.20)."""

    status = 421
    code = "misdirected_request"
    message = "No tenant has this host."


class UnsupportedEncoding(Refusal):
    """The body is compressed: nothing here unpacks what a stranger packed."""

    status = 415
    code = "unsupported_media_type"
    message = "Compressed request bodies are not accepted."


class UnmetExpectation(Refusal):
    """An expectation that is not `100-continue` (RFC 9110 section 10.1.1)."""

    status = 417
    code = "expectation_failed"
    message = "The expectation cannot be met."


class HeaderTooLarge(Refusal):
    """The header is too large (RFC 6585 section 5)."""

    status = 431
    code = "header_too_large"
    message = "The request's header is too large."


class NotYet(Refusal):
    """Something that will be there in a moment."""

    status = 503
    code = "temporarily_unavailable"
    message = "The server is starting; try again."

    def __init__(self) -> None:
        super().__init__([("retry-after", "1")])


class HostsNotRead(NotYet):
    """The gateway has not read yet which hosts there are."""


class TenantNotOpen(NotYet):
    """The tenant is still being set up."""

    message = "This tenant is still being set up; try again."
