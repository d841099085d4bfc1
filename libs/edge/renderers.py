"""How an error becomes an answer: one renderer per kind of route; what is unknown becomes a 500 that says nothing."""

from collections.abc import Callable
from typing import Any, Final

from libs.edge import answers
from libs.edge.management_errors import ManagementError, body_of
from libs.edge.paths import MANAGEMENT
from libs.edge.refusals import Refusal
from libs.edge.wire import Reply, Request
from libs.oauth.client_authentication import uses_authorization
from libs.oauth.errors import (
    InsufficientScope,
    InvalidClient,
    InvalidToken,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
    speakable,
)
from libs.runtime.errors import Unavailable

Renderer = Callable[[Exception, Request], Reply]

_BASIC: Final = ("www-authenticate", 'Basic realm="oauth"')


def oauth_json(error: Exception, request: Request) -> Reply:
    """Tell an error as RFC 6749 §5.2 and RFC 6750 §3 say: `{error, error_description}`."""
    if isinstance(error, Refusal):
        body = {"error": error.code, "error_description": error.message}
        return _answer(error.status, body, error.headers)
    told = _as_oauth(error)
    return _answer(told.status, told.body(), _oauth_headers(told, request))


def _as_oauth(error: Exception) -> OAuthError:
    if isinstance(error, OAuthError):
        return error
    if isinstance(error, Unavailable):
        return TemporarilyUnavailable(retry_after=error.retry_after)
    return ServerError()


def _oauth_headers(error: OAuthError, request: Request) -> list[tuple[str, str]]:
    if isinstance(error, InvalidClient):
        # RFC 6749 §5.2: a challenge answers the attempt to use the Authorization header, and only that.
        return [_BASIC] if uses_authorization(request.headers) else []
    if isinstance(error, InvalidToken | InsufficientScope):
        challenge = f'Bearer error="{error.code}", error_description="{speakable(error.description)}"'
        return [("www-authenticate", challenge)]
    retry_after = getattr(error, "retry_after", None)
    return [] if retry_after is None else [("retry-after", str(retry_after))]


def management(error: Exception, request: Request) -> Reply:
    """Tell an error as Auth0's Management API does: `{statusCode, error, message, errorCode}`."""
    if isinstance(error, ManagementError):
        return _answer(error.status, error.body(), error.headers)
    if isinstance(error, Refusal):
        return _answer(error.status, body_of(error.status, error.message, error.code), error.headers)
    # The protocol's errors reach here from rules that both kinds of routes share.
    told = _as_oauth(error)
    body = body_of(told.status, told.description, told.code)
    return _answer(told.status, body, _oauth_headers(told, request))


def renderer_of(path: str) -> Renderer:
    """Return the renderer of a path or template that names none."""
    return management if path.startswith(MANAGEMENT) else oauth_json


def _answer(status: int, body: dict[str, Any], headers: list[tuple[str, str]]) -> Reply:
    return answers.json(body, status=status, headers=[*answers.NO_STORE, *headers])
