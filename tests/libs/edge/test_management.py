from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.edge import Call, Request, authorise
from libs.edge.management import bearer
from libs.edge.management_errors import BadRequest, Forbidden, ManagementError, Unauthenticated
from libs.jose import Seen, SignedClaims, Signer, VerifyingKey, new_signing_key, public_key_from_jwk

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ISSUER, AUDIENCE = "https://a.example/", "https://a.example/api/v2/"
KEY = new_signing_key("ES256", now=NOW, issuer_name="a.example")
STRANGER = new_signing_key("ES256", kid=KEY.kid, now=NOW, issuer_name="evil.example")
GOOD: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "abc@clients",
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + timedelta(hours=1)).timestamp()),
    "scope": "read:clients update:clients",
}


def key_of(tenant: str, kid: str, now: datetime) -> VerifyingKey | None:
    assert now == NOW
    return public_key_from_jwk(KEY.jwk) if (tenant, kid) == ("default", KEY.kid) else None


def token(key: Any = KEY, typ: str = "JWT", **changes: Any) -> str:
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return Signer(key.alg, key.kid, key.private).sign(claims, typ=typ)


Authorised = Callable[..., SignedClaims]


@pytest.fixture
def authorised(call_of: Callable[[Request], Call], request_of: Callable[..., Request]) -> Authorised:
    def decided(*authorization: str, scopes: tuple[str, ...] = ("read:clients",), **request: Any) -> SignedClaims:
        headers = [("authorization", value) for value in authorization] + request.pop("headers", [])
        call = call_of(request_of("GET", "/api/v2/clients", headers=headers, **request))
        return authorise(call, key_of, issuer=ISSUER, audience=AUDIENCE, scopes=scopes, now=NOW, seen=Seen())

    return decided


def test_a_good_token_opens_the_route_with_any_of_its_scopes(authorised: Authorised) -> None:
    assert authorised(f"Bearer {token()}")["sub"] == "abc@clients"
    assert authorised(f"bearer {token(typ='at+jwt')}", scopes=("delete:clients", "update:clients"))
    assert authorised(f"Bearer {token(aud=['https://other/', AUDIENCE])}")


@pytest.mark.security("RS-01")
def test_no_token_is_challenged_without_an_error(authorised: Authorised) -> None:
    with pytest.raises(Unauthenticated) as caught:
        authorised()
    assert caught.value.body() == {"statusCode": 401, "error": "Unauthorized", "message": "Missing authentication"}
    assert caught.value.headers == [("www-authenticate", "Bearer")]


@pytest.mark.security("RS-04")
def test_a_token_in_the_query_or_the_body_alone_does_not_count(authorised: Authorised) -> None:
    with pytest.raises(Unauthenticated, match="Missing authentication"):
        authorised(query=f"access_token={token()}")
    form = [("content-type", "application/x-www-form-urlencoded")]
    with pytest.raises(Unauthenticated, match="Missing authentication"):
        authorised(headers=form, body=f"access_token={token()}".encode())


@pytest.mark.security("RS-04")
def test_a_token_in_the_header_and_in_the_body_is_a_bad_request(authorised: Authorised) -> None:
    form = [("content-type", "application/x-www-form-urlencoded")]
    with pytest.raises(BadRequest):
        authorised(f"Bearer {token()}", headers=form, body=b"a=b&access_token=x")


@pytest.mark.parametrize(
    "authorization",
    [
        ["Bearer"],
        ["Bearer "],
        ["Basic YTpz"],
        ["Bearer a b"],
        ["a.b.c"],
        ["Bearer a,b"],
        ["Bearer é"],
        [f"Bearer {token()}, Bearer {token()}"],
        [f"Bearer {token()}", f"Bearer {token()}"],
        [f"Bearer {token()}", "Basic YTpz"],
    ],
)
def test_a_header_that_is_not_one_bearer_token_is_refused(authorised: Authorised, authorization: list[str]) -> None:
    with pytest.raises(Unauthenticated, match="Bad HTTP authentication header format") as caught:
        authorised(*authorization)
    assert 'error="invalid_token"' in caught.value.headers[0][1]


@pytest.mark.security("RS-02")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exp": int((NOW - timedelta(hours=1)).timestamp())}, "Expired token received for JSON Web Token validation"),
        ({"exp": None}, "Invalid token"),
        ({"aud": "https://other.example/api/v2/"}, "Invalid token"),
        ({"aud": AUDIENCE + "x"}, "Invalid token"),
        ({"iss": "https://b.example/"}, "Invalid token"),
        ({"iss": [ISSUER]}, "Invalid token"),
        ({"nbf": int((NOW + timedelta(hours=1)).timestamp())}, "Invalid token"),
        ({"sub": None}, "Invalid token"),
        ({"key": STRANGER}, "Invalid token"),
    ],
)
def test_a_token_that_is_not_believed_is_invalid(authorised: Authorised, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        authorised(f"Bearer {token(**changes)}")
    assert (caught.value.message, caught.value.error_code) == (message, "invalid_token")
    assert 'error="invalid_token"' in caught.value.headers[0][1]


@pytest.mark.security("RS-05")
@pytest.mark.parametrize("typ", ["logout+jwt", "secevent+jwt", "oauth-authz-req+jwt", "", "dpop+jwt"])
def test_another_kind_of_token_is_no_access_token(authorised: Authorised, typ: str) -> None:
    with pytest.raises(Unauthenticated, match="Invalid token"):
        authorised(f"Bearer {token(typ=typ)}")


@pytest.mark.security("JO-14")
@pytest.mark.security("AD-02")
def test_a_token_of_one_tenant_is_nothing_at_another(authorised: Authorised) -> None:
    with pytest.raises(Unauthenticated, match="Invalid token"):
        authorised(f"Bearer {token()}", tenant="other")


@pytest.mark.security("AD-01")
@pytest.mark.parametrize("scope", [None, "", "read:clients_keys", "read:client", "READ:CLIENTS", ["read:clients"], 7])
def test_a_token_without_the_scope_is_forbidden(authorised: Authorised, scope: Any) -> None:
    with pytest.raises(Forbidden) as caught:
        authorised(f"Bearer {token(scope=scope)}", scopes=("read:clients", "read:client_summary"))
    assert caught.value.message == "Insufficient scope, expected any of: read:clients,read:client_summary"
    assert caught.value.error_code == "insufficient_scope"
    assert caught.value.headers == [
        ("www-authenticate", 'Bearer error="insufficient_scope", scope="read:clients read:client_summary"')
    ]


@pytest.mark.security("FZ-03")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.text().map(lambda tail: f"Bearer {tail}"))
def test_any_header_is_a_token_or_a_management_error(request_of: Callable[..., Request], value: str) -> None:
    try:
        bearer(request_of(headers=[("authorization", value)]))
    except ManagementError:
        return
