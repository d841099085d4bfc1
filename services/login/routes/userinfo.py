"""`/userinfo` (OpenID Connect Core §5.3): what is known of whoever an access token is for.

A token is believed while its grant lives, which `token` is asked each time: a revoked one is refused at once (RS-08).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

from libs.bus import Bus
from libs.edge import Call, Reply, Request, Route, answers
from libs.edge.asks import ask
from libs.edge.renderers import oauth_json
from libs.jose import SIGNING_ALGORITHMS, FollowedKeys, Refused, SignedClaims, parse, verify
from libs.oauth.errors import InsufficientScope, InvalidRequest, InvalidToken
from services.login.routes.asks import REVOKED
from services.login.routes.forms import is_form
from services.login.routes.logins import Somebody
from services.login.routes.sweeping import EXPIRED
from services.token.commands import GrantAnswer, GrantOf

PATH: Final = "/userinfo"
AUDIENCE: Final = "userinfo"

_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)
_SCHEME: Final = re.compile(r"Bearer(?![^ \t])", re.IGNORECASE)
"""Another way to authenticate is answered as none: the challenge says which one counts (RFC 6750 §3.1)."""
_JTI: Final = re.compile(r"([A-Za-z0-9]{22})\.[A-Za-z0-9]{16}")
_TYPES: Final = frozenset({"jwt", "at+jwt"})


class NoToken(Exception):
    """Nothing was brought: the challenge names no error (RFC 6750 §3)."""


class TwoTokens(InvalidRequest):
    """The access token was sent in more than one way (RFC 6750 section 2)."""


class GrantDead(InvalidToken):
    """The access token's grant was revoked."""


class Claimants(Protocol):
    """Where it is asked about people."""

    async def person(self, tenant: str, person: str) -> Somebody | None:
        """Somebody, if they are there."""

    async def session_end(self, tenant: str, session_id: str) -> str | None:
        """Why a session has ended, if it has."""

    def userinfo(self, person: Any, scope: list[str], requested: Mapping[str, Any] | None) -> dict[str, Any]:
        """What is said of them here."""


class Userinfo:
    """The endpoint."""

    def __init__(self, bus: Bus, keys: FollowedKeys, issuer_of: Callable[[str], str | None], people: Claimants) -> None:
        self._bus, self._keys, self._issuer_of, self._people = bus, keys, issuer_of, people

    def routes(self) -> tuple[Route, ...]:
        """By GET and by POST."""
        return (
            Route("GET", PATH, self.answer, renderer=told),
            Route("POST", PATH, self.answer, renderer=told),
        )

    async def answer(self, call: Call) -> Reply:
        """The claims that the grant's scopes, and what was asked by name, allow."""
        claims = self._believed(call, _token(call))
        grant = await self._grant(call, claims)
        somebody = await self._people.person(call.tenant, grant.person)
        if somebody is None or somebody.is_blocked or _is_older(grant, somebody):
            raise GrantDead
        if _is_over_with(await self._people.session_end(call.tenant, grant.session_id), grant):
            raise GrantDead
        held = str(claims["scope"]).split(" ")  # a renewed token may be for less than was granted
        said = self._people.userinfo(somebody, [each for each in grant.scope if each in held], grant.requested)
        return answers.json({**said, "sub": somebody.user_id})

    def _believed(self, call: Call, token: str) -> SignedClaims:
        issuer = self._issuer_of(call.tenant)
        try:
            unverified = parse(token)
            if issuer is None or (unverified.typ or "").lower().removeprefix("application/") not in _TYPES:
                raise InvalidToken
            key = self._keys.verifying_key(call.tenant, unverified.kid, call.now) if unverified.kid else None
            return verify(
                unverified,
                [key] if key else [],
                algorithms=SIGNING_ALGORITHMS,
                issuer=issuer,
                audience=f"{issuer}{AUDIENCE}",
                now=call.now,
                required=("sub", "jti", "scope"),
            )
        except Refused as error:
            raise InvalidToken from error

    async def _grant(self, call: Call, claims: SignedClaims) -> GrantAnswer:
        found = _JTI.fullmatch(str(claims["jti"]))
        if found is None or not isinstance(claims["scope"], str) or "events" in claims:
            raise InvalidToken  # a logout token is none, whatever it is for
        if "openid" not in claims["scope"].split(" "):
            raise InsufficientScope
        grant = await ask(self._bus, "token", "grant", GrantOf(tenant=call.tenant, grant_id=found[1]), GrantAnswer)
        if not grant.is_alive:
            raise GrantDead
        return grant


def _is_older(grant: GrantAnswer, somebody: Somebody) -> bool:
    return grant.authorized_at is not None and grant.authorized_at < somebody.valid_from


def _is_over_with(ended: str | None, grant: GrantAnswer) -> bool:
    """Whether a session's end is the grant's: a revocation always; a logout unless it is for use without a session.

    OpenID Connect Core §11: `offline_access` is access to userinfo although nobody is logged in. One that merely
    expired takes nothing along: its rows go sooner or later, and tokens have a lifetime of their own.
    """
    return ended in REVOKED or (ended not in {None, EXPIRED} and "offline_access" not in grant.scope)


def _token(call: Call) -> str:
    """The one token of the header, or of the form (RFC 6750 §2.1, §2.2); one in the query is not seen."""
    sent = [value.strip() for name, value in call.request.headers if name == "authorization"]
    headers = [value for value in sent if _SCHEME.match(value)]
    posted = _posted(call)
    if len(headers) + len(posted) > 1:
        raise TwoTokens
    if posted:
        return posted[0]
    if not headers:
        raise NoToken
    found = _BEARER.fullmatch(headers[0])
    if found is None:
        raise InvalidToken
    return found[1]


def _posted(call: Call) -> list[str]:
    if call.request.method != "POST" or not is_form(call.header("content-type")):
        return []
    try:
        return parse_qs(call.request.body.decode(), max_num_fields=100).get("access_token", [])
    except ValueError as error:
        raise InvalidRequest from error


def told(error: Exception, request: Request) -> Reply:
    """The renderer: RFC 6750's, and a bare challenge where nothing was brought."""
    if isinstance(error, NoToken):
        body = {"error": "invalid_request", "error_description": "An access token is needed."}
        return answers.json(body, status=401, headers=[("www-authenticate", "Bearer")])
    return oauth_json(error, request)
