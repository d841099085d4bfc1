"""A small API that believes access tokens of one issuer for one audience, and asks for a scope per route.

    set -a; . .limen/quickstart.env; set +a
    python examples/api/api.py

    GET  /           anybody
    GET  /messages   scope read:messages
    POST /messages   scope write:messages

It needs aiohttp and joserfc, and nothing of Limen: any issuer with a JWKS will do. Take what you like of it.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, RSAKey

ALGORITHMS: Final = ("RS256",)
"""Named here, never taken from a token: RFC 8725 §3.1."""

TYPES: Final = {"jwt", "at+jwt"}
"""`typ` of access tokens, Auth0's and RFC 9068's."""

LEEWAY: Final = 30
"""Seconds by which clocks may differ."""

COOL_DOWN: Final = 10.0
"""Seconds between two fetches of the JWKS that an unknown `kid` causes: strangers can send as many as they like."""

RETRY: Final = 1.0
"""Seconds between two fetches of a JWKS that is too old, when the first one failed."""

FALLBACK_MAX_AGE: Final = 600.0
STALE: Final = 3600.0
"""Seconds for which fetched keys are believed at most when the issuer does not answer any more."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NotBelieved(Exception):
    """The token is not good here; why is for the log, not for the caller."""


class IssuerAway(Exception):
    """The keys cannot be fetched, and those that once were are too old."""


class Issuer:
    """The public keys of one issuer, remembered as long as it allows, and its tokens, believed or not."""

    def __init__(self, session: ClientSession, issuer: str, audience: str, *, cool_down: float = COOL_DOWN) -> None:
        self._session = session
        self._issuer = issuer
        self._audience = audience
        self._cool_down = cool_down
        self._keys: dict[str, Key] = {}
        self._fetched_at = -STALE
        self._tried_at = -STALE
        self._max_age = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def claims(self, token: str) -> dict[str, Any]:
        """The claims of an access token that is signed, alive, from this issuer and for this audience.

        Raises:
            NotBelieved: it is not.
            IssuerAway: nobody can tell.
        """
        try:
            key = await self._key(_kid_of(token))
            claims = jwt.decode(token, key, algorithms=list(ALGORITHMS)).claims
            self._registry().validate(claims)
        except (JoseError, ValueError) as error:
            raise NotBelieved(str(error)) from error
        return claims

    def _registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def _key(self, kid: str) -> Key:
        if self._age() > self._max_age or kid not in self._keys:
            async with self._one_at_a_time:
                await self._refreshed(kid)
        if self._age() > max(self._max_age, STALE):
            raise IssuerAway
        if kid not in self._keys:
            raise NotBelieved("unknown kid")
        return self._keys[kid]

    async def _refreshed(self, kid: str) -> None:
        if not self._may_fetch(kid):
            return
        self._tried_at = time.monotonic()
        try:
            await self._fetch()
        except (ClientError, TimeoutError, ValueError, KeyError, TypeError, JoseError) as error:
            print(f"the keys of {self._issuer} cannot be fetched: {error!r}")

    def _may_fetch(self, kid: str) -> bool:
        """Whether the keys are too old, or lack `kid`; asked again with the lock held, as another may have fetched."""
        since = time.monotonic() - self._tried_at
        return since > RETRY if self._age() > self._max_age else kid not in self._keys and since > self._cool_down

    async def _fetch(self) -> None:
        url = f"{self._issuer}.well-known/jwks.json"
        async with self._session.get(url, allow_redirects=False, raise_for_status=True) as answer:
            self._keys = _usable(await answer.json(content_type=None))
            max_age = re.search(r"max-age=(\d{1,9})", answer.headers.get("Cache-Control", ""))
        self._max_age = float(max_age[1]) if max_age else FALLBACK_MAX_AGE
        self._fetched_at = time.monotonic()

    def _age(self) -> float:
        return time.monotonic() - self._fetched_at


def _kid_of(token: str) -> str:
    """The `kid` of a token's header, if the header is one we would believe at all."""
    header = jws.extract_compact(token.encode()).headers()
    if header.get("alg") not in ALGORITHMS or "crit" in header:
        raise NotBelieved("alg or crit")
    if str(header.get("typ", "")).lower().removeprefix("application/") not in TYPES:
        raise NotBelieved("typ")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise NotBelieved("no kid")
    return kid


def _usable(found: Any) -> dict[str, Key]:
    """The RSA signing keys of a JWKS by `kid`; others are for somebody else."""
    keys = [each for each in found["keys"] if each.get("kty") == "RSA" and each.get("use", "sig") == "sig"]
    return {each["kid"]: RSAKey.import_key(each) for each in keys if each.get("alg", "RS256") in ALGORITHMS}


ISSUER: Final = web.AppKey("issuer", Issuer)
CLAIMS: Final = web.RequestKey("claims", dict[str, Any])


def authorised(scope: str) -> Callable[[Handler], Handler]:
    """Let only those in who bring a token with `scope`; refusals as in RFC 6750 §3."""

    def wrapped(handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                claims = await request.app[ISSUER].claims(_bearer(request))
            except NotBelieved as error:
                print(f"refused: {error}")
                raise _refusal(web.HTTPUnauthorized, "invalid_token") from error
            except IssuerAway as error:
                raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"}) from error
            if scope not in str(claims.get("scope", "")).split(" "):
                raise _refusal(web.HTTPForbidden, "insufficient_scope", scope)
            request[CLAIMS] = claims
            return await handler(request)

        return guarded

    return wrapped


def _bearer(request: web.Request) -> str:
    """The token of the one place where it may be; without one the caller is told only that one is needed."""
    given = request.headers.getall("Authorization", [])
    if not given or not given[0].lower().startswith("bearer "):
        raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
    if len(given) > 1:
        raise _refusal(web.HTTPBadRequest, "invalid_request")
    return given[0][len("bearer ") :].strip()


def _refusal(kind: type[web.HTTPError], error: str, scope: str = "") -> web.HTTPError:
    needed = f', scope="{scope}"' if scope else ""
    return kind(headers={"WWW-Authenticate": f'Bearer error="{error}"{needed}'})


async def welcome(_: web.Request) -> web.Response:
    """Anybody may know that we are here."""
    return web.json_response({"try": "/messages"})


@authorised("read:messages")
async def read_messages(request: web.Request) -> web.StreamResponse:
    """What there is to read."""
    return web.json_response({"messages": ["Limen is Latin for threshold."], "asked_by": request[CLAIMS]["sub"]})


@authorised("write:messages")
async def write_message(request: web.Request) -> web.StreamResponse:
    """Thank for the message; this API keeps none."""
    return web.json_response({"thanks_to": request[CLAIMS]["sub"]}, status=201)


def app(issuer: str, audience: str, *, cool_down: float = COOL_DOWN) -> web.Application:
    """The API, believing `issuer` (with its slash) for `audience`."""

    async def with_issuer(application: web.Application) -> AsyncIterator[None]:
        async with ClientSession(timeout=ClientTimeout(total=5)) as session:
            application[ISSUER] = Issuer(session, issuer, audience, cool_down=cool_down)
            yield

    application = web.Application()
    application.cleanup_ctx.append(with_issuer)
    application.add_routes([web.get("/", welcome), web.get("/messages", read_messages)])
    application.add_routes([web.post("/messages", write_message)])
    return application


if __name__ == "__main__":
    web.run_app(
        app(os.environ["LIMEN_ISSUER"], os.environ["LIMEN_AUDIENCE"]),
        host="127.0.0.1",
        port=int(os.environ.get("API_PORT", "3010")),
    )
