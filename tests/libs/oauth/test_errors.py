import inspect

import pytest

from libs.oauth import errors
from libs.oauth.errors import InvalidClient, InvalidGrant, InvalidRequest, OAuthError, TooManyRequests, Travel

STATUS = {
    "invalid_request": 400,
    "invalid_client": 401,
    "invalid_grant": 400,
    "unauthorized_client": 400,
    "unsupported_grant_type": 400,
    "invalid_scope": 400,
    "invalid_target": 400,
    "access_denied": 403,
    "too_many_requests": 429,
    "server_error": 500,
    "temporarily_unavailable": 503,
    "invalid_token": 401,
    "insufficient_scope": 403,
    "unsupported_response_type": 400,
    "request_not_supported": 400,
    "request_uri_not_supported": 400,
    "registration_not_supported": 400,
    "login_required": 400,
    "consent_required": 400,
    "interaction_required": 400,
}

CLASSES = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, OAuthError) and hasattr(each, "code") and not each.__name__.startswith("_")
]


class CodeExpired(InvalidGrant):
    """Invalid authorization code

    Only the first line travels.
    """


class SecretMismatch(InvalidClient):
    """The secret is wrong."""


def test_each_code_of_the_rfcs_has_one_class_and_its_status() -> None:
    assert {each.code: each.status for each in CLASSES} == STATUS
    assert len(CLASSES) == len(STATUS)


def test_the_tree_in_the_docstring_names_every_class() -> None:
    assert errors.__doc__ is not None
    for each in CLASSES:
        line = next(line for line in errors.__doc__.splitlines() if f" {each.__name__} " in line)
        assert f" {each.status}  {each.code} " in line


def test_a_reason_speaks_with_the_first_line_of_its_docstring() -> None:
    error = CodeExpired()
    assert error.body() == {"error": "invalid_grant", "error_description": "Invalid authorization code"}
    assert error.reason == "CodeExpired"


@pytest.mark.security("TE-04")
def test_every_reason_of_invalid_client_says_the_same() -> None:
    assert SecretMismatch().body() == {"error": "invalid_client", "error_description": "Unauthorized"}
    assert SecretMismatch("no such client").body() == InvalidClient().body()


def test_a_description_given_at_the_place_wins() -> None:
    assert InvalidRequest("Missing required parameter: code").description == "Missing required parameter: code"


def test_a_description_holds_only_characters_that_the_rfc_allows() -> None:
    told = InvalidRequest('no "quotes", \\ or \n or é').body()["error_description"]
    assert told == "no 'quotes', ? or ? or ?"


def test_some_errors_may_travel_by_redirect_and_client_errors_never() -> None:
    assert Travel.REDIRECT in InvalidRequest.travels
    assert Travel.REDIRECT not in InvalidClient.travels
    assert Travel.REDIRECT not in InvalidGrant.travels


def test_too_many_requests_says_when_to_come_back() -> None:
    assert TooManyRequests(retry_after=7).retry_after == 7


def test_a_section_that_is_named_can_be_read() -> None:
    assert InvalidRequest("sent twice (RFC 6750 §2)").body()["error_description"] == "sent twice (RFC 6750 section 2)"
