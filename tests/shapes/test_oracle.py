"""The oracle sees what it is there to see."""

from typing import Any, Final

import pytest

from tests.shapes.oracle import differences

API: Final[dict[str, Any]] = {
    "id": "0" * 24,
    "identifier": "https://api/",
    "allow_offline_access": False,
    "skip_consent_for_verifiable_first_party_clients": False,
    "token_lifetime": 86400,
    "token_lifetime_for_web": 7200,
    "signing_alg": "RS256",
}
ERROR: Final[dict[str, Any]] = {"statusCode": 404, "error": "Not Found", "message": "No", "errorCode": "inexistent"}
PATH: Final = "/api/v2/resource-servers"


def test_an_answer_like_auth0s_has_no_differences() -> None:
    assert differences("POST", PATH, 201, API) == []
    assert differences("GET", f"{PATH}/{{id}}", 200, {**API, "ours_alone": 1}) == []
    assert differences("GET", PATH, 200, [API]) == []
    assert differences("GET", PATH, 200, {"start": 0, "limit": 50, "total": 1, "resource_servers": [API]}) == []
    assert differences("DELETE", f"{PATH}/{{id}}", 204, None) == []
    assert differences("GET", f"{PATH}/{{id}}", 404, ERROR) == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, API),
        (201, {**API, "token_lifetime": "86400"}),
        (201, {**API, "scopes": {}}),
        (201, {**API, "scopes": [{"value": 1}]}),
        (201, {name: value for name, value in API.items() if name != "signing_alg"}),
        (201, None),
        (404, {**ERROR, "more": 1}),
        (404, {name: value for name, value in ERROR.items() if name != "errorCode"}),
        (409, ERROR),
        (404, "no"),
    ],
)
def test_what_differs_is_told(status: int, body: Any) -> None:
    assert differences("POST", PATH, status, body)


def test_what_auth0_python_needs_is_told() -> None:
    assert differences("GET", "/api/v2/clients/{id}/connections", 200, {}) != []
    assert differences("GET", "/api/v2/keys/signing", 200, [{"kid": "x"}]) != []
