"""What the Management API answers when it refuses: `{statusCode, error, message, errorCode}`, in Auth0's words.

ManagementError
├── BadRequest             400  invalid_body
│   ├── InvalidQuery       400  invalid_query_string
│   ├── InvalidPathId      400  invalid_uri
│   └── NotSupported       400  operation_not_supported
├── Unauthenticated        401  (none), invalid_token      see `libs.edge.management`
├── Forbidden              403  insufficient_scope
├── NotFound               404  inexistent_<resource>
├── Conflict               409  given at each place
├── PayloadTooLarge        413  payload_too_large
└── LimitReached           429  too_many_requests
"""

from http import HTTPStatus
from typing import Any, ClassVar, Self


class ManagementError(Exception):
    """A refusal of the Management API; the message is for the administrator and may name what they sent."""

    status: ClassVar[int]
    error_code: str | None = None

    def __init__(self, message: str, error_code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code or type(self).error_code
        self.headers: list[tuple[str, str]] = []

    def body(self) -> dict[str, Any]:
        """Return the JSON members; `errorCode` is left out when there is none, as Auth0 does."""
        return body_of(self.status, self.message, self.error_code)


def body_of(status: int, message: str, error_code: str | None) -> dict[str, Any]:
    """Return the Management API's error object."""
    body = {"statusCode": status, "error": HTTPStatus(status).phrase, "message": message}
    return body if error_code is None else {**body, "errorCode": error_code}


class BadRequest(ManagementError):
    """The body does not say something possible."""

    status = 400
    error_code = "invalid_body"


class InvalidQuery(BadRequest):
    """A parameter of the query string is wrong."""

    error_code = "invalid_query_string"

    @classmethod
    def about(cls, name: str, what: str) -> Self:
        """Say what is wrong with one parameter."""
        return cls(f"Query validation error: '{what}' on property {name}.")


class InvalidPathId(BadRequest):
    """An id in the path does not have its form."""

    error_code = "invalid_uri"


class NotSupported(BadRequest):
    """The operation exists but not for this object."""

    error_code = "operation_not_supported"


class Unauthenticated(ManagementError):
    """No access token, or none that is good here; `challenge` is the WWW-Authenticate header (RFC 6750 §3)."""

    status = 401

    def __init__(self, message: str, error_code: str | None = None, *, challenge: str = "Bearer") -> None:
        super().__init__(message, error_code)
        self.headers = [("www-authenticate", challenge)]


class Forbidden(ManagementError):
    """The access token is good but may not do this."""

    status = 403
    error_code = "insufficient_scope"


class NotFound(ManagementError):
    """There is no such object in this tenant."""

    status = 404


class Conflict(ManagementError):
    """The object exists already, or changed meanwhile."""

    status = 409


class PayloadTooLarge(ManagementError):
    """The body is over 1 MiB."""

    status = 413
    error_code = "payload_too_large"


class LimitReached(ManagementError):
    """Too many requests; `retry_after` is in seconds."""

    status = 429
    error_code = "too_many_requests"

    def __init__(self, message: str = "Global limit has been reached", *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.headers = [("retry-after", str(retry_after))]
