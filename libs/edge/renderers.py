"""How an error becomes an answer: one renderer per kind of route; what is unknown becomes a 500 that says nothing."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec

from libs.edge import answers
from libs.edge.database_errors import DatabaseError, database_body
from libs.edge.management_errors import ManagementError, body_of
from libs.edge.pages import page
from libs.edge.paths import DATABASE, MANAGEMENT, SCREENS, SEEN, USERINFO
from libs.edge.refusals import Refusal
from libs.edge.wire import Reply, Request
from libs.oauth.client_authentication import uses_authorization
from libs.oauth.errors import (
    InsufficientScope,
    InvalidClient,
    InvalidRequest,
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
        return [("www-authenticate", _challenge(error))]
    retry_after = getattr(error, "retry_after", None)
    return [] if retry_after is None else [("retry-after", str(retry_after))]


def _challenge(error: OAuthError) -> str:
    return f'Bearer error="{error.code}", error_description="{speakable(error.description)}"'


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


def userinfo(error: Exception, request: Request) -> Reply:
    """Tell an error as a resource server does (RFC 6750 §3): each refusal of a request carries a challenge."""
    reply = oauth_json(error, request)
    if not isinstance(error, OAuthError) or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return reply
    if isinstance(error, InvalidToken) and not _has_credentials(request):
        # Who brought nothing is not told what was wrong with it (RFC 6750 §3.1).
        return msgspec.structs.replace(reply, headers=[*_without_challenge(reply), ("www-authenticate", "Bearer")])
    if isinstance(error, InvalidRequest):
        return msgspec.structs.replace(
            reply, headers=[*_without_challenge(reply), ("www-authenticate", _challenge(error))]
        )
    return reply


def _has_credentials(request: Request) -> bool:
    return any(name == "authorization" for name, _ in request.headers) or b"access_token=" in request.body


def _without_challenge(reply: Reply) -> list[tuple[str, str]]:
    return [pair for pair in reply.headers if pair[0] != "www-authenticate"]


def database(error: Exception, request: Request) -> Reply:
    """Tell an error as Auth0's `/dbconnections/*` do: `{name, code, description, statusCode}`."""
    if isinstance(error, DatabaseError):
        return _answer(error.status, error.body(), [])
    if isinstance(error, Refusal):
        return _answer(error.status, database_body("Error", error.code, error.message, error.status), error.headers)
    told = _as_oauth(error)
    name = "BadRequestError" if told.status == HTTPStatus.BAD_REQUEST else "Error"
    body = database_body(name, told.code, told.description, told.status)
    return _answer(told.status, body, _oauth_headers(told, request))


def renderer_of(path: str) -> Renderer:
    """Return the renderer of a path or template that names none."""
    if path.startswith(MANAGEMENT):
        return management
    if path.startswith(SCREENS) or path in SEEN:
        return page
    if path.startswith(DATABASE):
        return database
    return userinfo if path == USERINFO else oauth_json


def _answer(status: int, body: dict[str, Any], headers: list[tuple[str, str]]) -> Reply:
    return answers.json(body, status=status, headers=[*answers.NO_STORE, *headers])
