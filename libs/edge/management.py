"""Who may use the Management API: the bearer token of a request, believed or refused, and its scopes (RFC 6750)."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, NoReturn

from libs.edge.call import Call
from libs.edge.management_errors import BadRequest, Forbidden, Unauthenticated
from libs.edge.wire import Request
from libs.jose import SIGNING_ALGORITHMS, Expired, Refused, Seen, SignedClaims, Unverified, VerifyingKey, verify
from libs.oauth.parameters import FORM

KeyOf = Callable[[str, str, datetime], VerifyingKey | None]
"""Tenant, kid and moment to the key that verifies: `FollowedKeys.verifying_key` is one."""

# Auth0's profile says `JWT`, RFC 9068's `at+jwt`; every other kind of token has a type of its own (RS-05).
_ACCESS_TOKEN_TYPES: Final = frozenset({"jwt", "at+jwt"})
# The word's case does not count, and only of the word is it asked: for a long token that is the slow part.
_BEARER = re.compile(r"(?i:Bearer) +([A-Za-z0-9._~+/-]+=*)")
_BODY_TOKEN = re.compile(rb"(?:^|&)(?:access_token|access%5[fF]token)=")


class MissingAuthentication(Unauthenticated):
    """The request has no Authorization header; tokens in the query or the body do not count."""

    def __init__(self) -> None:
        super().__init__("Missing authentication")


class MalformedAuthorization(Unauthenticated):
    """The Authorization header is not one bearer token."""

    def __init__(self) -> None:
        super().__init__("Bad HTTP authentication header format", "Bearer", challenge=_challenge("malformed header"))


class InvalidToken(Unauthenticated):
    """The token is not believed; the log tells why, the caller learns it only of an expired one."""

    def __init__(self, message: str = "Invalid token") -> None:
        super().__init__(message, "invalid_token", challenge=_challenge(message))


class ExpiredToken(InvalidToken):
    """The token was good once."""

    def __init__(self) -> None:
        super().__init__("Expired token received for JSON Web Token validation")


class TwoTokens(BadRequest):
    """A token in the header and another in the body: nobody can say which one counts (RFC 6750 §2)."""

    def __init__(self) -> None:
        super().__init__("The access token must be sent once, in the Authorization header.", "invalid_request")


class InsufficientScope(Forbidden):
    """None of the scopes that open the route is in the token."""

    def __init__(self, expected: tuple[str, ...]) -> None:
        super().__init__(f"Insufficient scope, expected any of: {','.join(expected)}")
        scope = " ".join(expected)
        self.headers = [("www-authenticate", f'Bearer error="insufficient_scope", scope="{scope}"')]


def authorise(
    call: Call, key_of: KeyOf, *, issuer: str, audience: str, scopes: tuple[str, ...], now: datetime, seen: Seen
) -> SignedClaims:
    """Return the claims of the request's access token if it opens the route.

    Args:
        call: the request.
        key_of: where the tenant's verifying keys are found.
        issuer: the tenant's issuer, with its slash.
        audience: the tenant's Management API, with its slash.
        scopes: any of them suffices.
        now: the moment of the decision.
        seen: the tokens that came lately.

    Raises:
        Unauthenticated: no token, or one that is not believed here.
        BadRequest: a token in the header and in the body.
        Forbidden: a good token without the scope.
    """
    token = bearer(call.request)
    claims = _believed(token, call.tenant, key_of, issuer, audience, now, seen)
    granted = claims.get("scope", "")
    if not isinstance(granted, str) or set(scopes).isdisjoint(granted.split(" ")):
        raise InsufficientScope(scopes)
    return claims


def bearer(request: Request) -> str:
    """Return the bearer token of the Authorization header, the only place where it may be (RFC 6750 §2.1).

    Raises:
        MissingAuthentication: there is no such header.
        MalformedAuthorization: more than one, or not a bearer token.
        TwoTokens: the form body has another.
    """
    values = [value for name, value in request.headers if name == "authorization"]
    if not values:
        raise MissingAuthentication
    found = _BEARER.fullmatch(values[0])
    if found is None or len(values) > 1:
        raise MalformedAuthorization
    if _is_form(request) and _BODY_TOKEN.search(request.body):
        raise TwoTokens
    return found[1]


def _is_form(request: Request) -> bool:
    return any(name == "content-type" and value.lower().startswith(FORM) for name, value in request.headers)


def _believed(
    token: str, tenant: str, key_of: KeyOf, issuer: str, audience: str, now: datetime, seen: Seen
) -> SignedClaims:
    try:
        unverified = seen.parsed(token)
        key = key_of(tenant, unverified.kid, now) if unverified.kid else None
        _check_type(unverified)
        return verify(
            unverified,
            [key] if key else [],
            algorithms=SIGNING_ALGORITHMS,
            issuer=issuer,
            audience=audience,
            now=now,
            required=("sub",),
            is_signed=seen.is_signed,
        )
    except Refused as error:
        _refuse(error)


def _refuse(error: Refused) -> NoReturn:
    raise (ExpiredToken() if isinstance(error, Expired) else InvalidToken()) from error


def _check_type(unverified: Unverified) -> None:
    if (unverified.typ or "").lower().removeprefix("application/") not in _ACCESS_TOKEN_TYPES:
        raise InvalidToken


def _challenge(why: str) -> str:
    return f'Bearer error="invalid_token", error_description="{why}"'
