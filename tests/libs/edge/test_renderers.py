from collections.abc import Callable

import msgspec
import pytest

from libs.bus import NoResponders
from libs.edge import MalformedPath, MethodNotAllowed, Overloaded, Reply, Request, UnknownPath, renderers
from libs.edge.management_errors import BadRequest, Conflict, LimitReached, NotFound
from libs.oauth import errors
from libs.runtime.errors import Unavailable

RequestOf = Callable[..., Request]


def shown(reply: Reply) -> tuple[int, dict[str, object], dict[str, str]]:
    return reply.status, msgspec.json.decode(reply.body), dict(reply.headers)


def test_an_oauth_error_is_told_as_the_rfc_says(request_of: RequestOf) -> None:
    status, body, headers = shown(renderers.oauth_json(errors.InvalidGrant("Too late"), request_of()))
    assert (status, body) == (400, {"error": "invalid_grant", "error_description": "Too late"})
    assert headers == {"content-type": "application/json", "cache-control": "no-store", "pragma": "no-cache"}


@pytest.mark.security("TE-04")
def test_a_failed_basic_authentication_is_challenged_and_a_failed_post_is_not(request_of: RequestOf) -> None:
    _, _, headers = shown(renderers.oauth_json(errors.InvalidClient(), request_of(headers=[("authorization", "x")])))
    assert headers["www-authenticate"].startswith("Basic realm=")
    status, body, headers = shown(renderers.oauth_json(errors.InvalidClient(), request_of()))
    assert (status, body) == (401, {"error": "invalid_client", "error_description": "Unauthorized"})
    assert "www-authenticate" not in headers


@pytest.mark.security("RS-02")
def test_a_bad_token_is_answered_with_a_bearer_challenge(request_of: RequestOf) -> None:
    status, _, headers = shown(renderers.oauth_json(errors.InvalidToken(), request_of()))
    assert status == 401
    assert headers["www-authenticate"].startswith('Bearer error="invalid_token"')


@pytest.mark.parametrize("renderer", [renderers.oauth_json, renderers.management])
@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (errors.TooManyRequests(retry_after=9), 429, ("retry-after", "9")),
        (errors.TemporarilyUnavailable(retry_after=2), 503, ("retry-after", "2")),
        (Unavailable("postgres is away", retry_after=3), 503, ("retry-after", "3")),
        (NoResponders("svc.v1.login"), 503, ("retry-after", "1")),
        (Overloaded(), 503, ("retry-after", "1")),
        (MethodNotAllowed(["POST"]), 405, ("allow", "POST")),
        (UnknownPath(), 404, ("cache-control", "no-store")),
        (MalformedPath(), 400, ("cache-control", "no-store")),
    ],
)
def test_both_renderers_tell_what_is_not_of_their_own_protocol(
    renderer: renderers.Renderer, error: Exception, status: int, header: tuple[str, str], request_of: RequestOf
) -> None:
    reply = renderer(error, request_of())
    assert reply.status == status
    assert header in reply.headers
    assert b"postgres" not in reply.body
    assert b"svc.v1" not in reply.body


@pytest.mark.security("HD-05")
def test_an_unknown_error_says_nothing(request_of: RequestOf) -> None:
    error = KeyError("SELECT secret FROM clients")
    status, body, _ = shown(renderers.oauth_json(error, request_of()))
    assert (status, body["error"]) == (500, "server_error")
    assert "secret" not in str(body)
    status, body, _ = shown(renderers.management(error, request_of()))
    assert (status, body["statusCode"], body["error"]) == (500, 500, "Internal Server Error")
    assert "secret" not in str(body)


def test_a_management_error_has_auth0s_shape(request_of: RequestOf) -> None:
    error = NotFound("The client does not exist", "inexistent_client")
    assert shown(renderers.management(error, request_of()))[:2] == (
        404,
        {
            "statusCode": 404,
            "error": "Not Found",
            "message": "The client does not exist",
            "errorCode": "inexistent_client",
        },
    )
    assert "errorCode" not in shown(renderers.management(NotFound("Not Found"), request_of()))[1]
    assert shown(renderers.management(BadRequest("no"), request_of()))[1]["errorCode"] == "invalid_body"
    assert shown(renderers.management(Conflict("taken", "x_conflict"), request_of()))[0] == 409
    assert ("retry-after", "4") in renderers.management(LimitReached(retry_after=4), request_of()).headers
