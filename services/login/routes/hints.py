"""ID tokens that come back as hints: whose they are, and in which session they were given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from libs.edge import Call
from libs.jose import SIGNING_ALGORITHMS, FollowedKeys, Refused, parse, verify
from libs.oauth.errors import InvalidRequest

FOREVER: Final = timedelta(days=3650)
"""A hint may have expired long ago (RP-Initiated Logout §2): it opens nothing."""


class HintRefused(InvalidRequest):
    """The id_token_hint is none of ours, or another application's."""


@dataclass(frozen=True)
class Hint:
    """What an ID token says of a login."""

    sub: str
    audience: tuple[str, ...]
    sid: str | None


class Hints:
    """Reads hints with the tenant's own keys."""

    def __init__(self, keys: FollowedKeys, issuer_of: Callable[[str], str | None]) -> None:
        self._keys, self._issuer_of = keys, issuer_of

    def subject(self, call: Call, token: str, client_id: str) -> str:
        """Whom an application means.

        Raises:
            HintRefused: it is no ID token that this application was given.
        """
        hint = self.read(call.tenant, token, call.now)
        if client_id not in hint.audience:
            raise HintRefused
        return hint.sub

    def read(self, tenant: str, token: str, now: datetime) -> Hint:
        """What a hint says.

        Raises:
            HintRefused: it is no ID token of this tenant.
        """
        issuer = self._issuer_of(tenant)
        if issuer is None:
            raise HintRefused
        try:
            return _hint(self._claims(tenant, token, issuer, now))
        except Refused as error:
            raise HintRefused from error

    def _claims(self, tenant: str, token: str, issuer: str, now: datetime) -> Mapping[str, Any]:
        unverified = parse(token)
        key = self._keys.verifying_key(tenant, unverified.kid, now) if unverified.kid else None
        audience = next(iter(_audiences(unverified.payload)), "")
        if (unverified.typ or "JWT").upper() != "JWT":
            raise HintRefused  # an access token of RFC 9068 or a logout token is no ID token
        return verify(
            unverified,
            [key] if key else [],
            algorithms=SIGNING_ALGORITHMS,
            issuer=issuer,
            audience=audience,
            now=now,
            leeway=FOREVER,
            required=("sub", "iat"),
        )


def _hint(claims: Mapping[str, Any]) -> Hint:
    sid = claims.get("sid")
    # An access token in Auth0's profile looks alike, but for its scope and the many it is for.
    if "scope" in claims or "events" in claims:
        raise HintRefused
    return Hint(str(claims["sub"]), _audiences(claims), sid if isinstance(sid, str) else None)


def _audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    said = claims.get("aud")
    return (said,) if isinstance(said, str) else tuple(each for each in said or () if isinstance(each, str))
