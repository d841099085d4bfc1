"""A web application to which people sign in by OpenID Connect: the code flow with PKCE, a session of its own, logout.

    set -a; . .limen/quickstart.env; . .limen/examples.env; set +a
    python examples/web/web.py

    GET  /                    who you are, or a button
    GET  /login               to the issuer and back to /callback
    GET  /logout              here, at the issuer, and in every application that listens
    POST /backchannel-logout  the issuer says that somebody left elsewhere

It needs aiohttp and joserfc, and nothing of Limen: any OpenID provider will do. Take what you like of it.
"""

import base64
import hashlib
import html
import json
import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import BasicAuth, ClientSession, ClientTimeout, web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

PAGE: Final = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
SESSION: Final = "example-session"
LOGIN: Final = "example-login-"
"""With the `state` behind it: each tab that is on its way to the issuer has a cookie of its own."""

LEEWAY: Final = 30
"""Seconds by which clocks may differ."""

LOGIN_LASTS: Final = 600
"""Seconds that a person has for the login page."""


class NotBelieved(Exception):
    """An answer that this application did not ask for, or a token that is not good here."""


@dataclass
class Login:
    """One visit to the issuer, from /login to /callback."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    began_at: float = field(default_factory=time.monotonic)

    @property
    def is_fresh(self) -> bool:
        """Whether there is still time to come back."""
        return time.monotonic() - self.began_at < LOGIN_LASTS

    @property
    def challenge(self) -> str:
        """RFC 7636 section 4.2."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Session:
    """A browser of this application, and whose it is."""

    claims: dict[str, Any] = field(default_factory=dict)
    id_token: str = ""


class Provider:
    """The issuer, by its discovery document."""

    def __init__(self, http: ClientSession, issuer: str, client_id: str, client_secret: str, home: str) -> None:
        self.http, self.issuer, self.client_id, self.client_secret = http, issuer, client_id, client_secret
        self.home, self.callback = home, f"{home}/callback"
        self._metadata: dict[str, Any] = {}

    async def metadata(self) -> dict[str, Any]:
        """OpenID Connect Discovery 1.0, read once."""
        if not self._metadata:
            found = await self._json(f"{self.issuer}.well-known/openid-configuration")
            if found["issuer"] != self.issuer:
                raise NotBelieved("the document is of another issuer")
            self._metadata = found
        return self._metadata

    async def login_url(self, login: Login) -> str:
        """Where somebody signs in."""
        asked = {"client_id": self.client_id, "redirect_uri": self.callback, "response_type": "code"}
        asked |= {"scope": "openid profile email", "state": login.state, "nonce": login.nonce}
        asked |= {"code_challenge": login.challenge, "code_challenge_method": "S256"}
        return f"{(await self.metadata())['authorization_endpoint']}?{urlencode(asked)}"

    async def logout_url(self, session: Session) -> str:
        """Where somebody signs out of everything, and is sent back from."""
        asked = {"id_token_hint": session.id_token, "post_logout_redirect_uri": self.home, "client_id": self.client_id}
        return f"{(await self.metadata())['end_session_endpoint']}?{urlencode(asked)}"

    async def redeemed(self, code: str, login: Login) -> tuple[str, dict[str, Any]]:
        """The ID token for a code, and its claims.

        Raises:
            NotBelieved: the code is not good, or the token is not.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.callback}
        url, auth = (await self.metadata())["token_endpoint"], BasicAuth(self.client_id, self.client_secret)
        async with self.http.post(url, data=form | {"code_verifier": login.verifier}, auth=auth) as answer:
            given = await answer.json()
        if answer.status != web.HTTPOk.status_code:
            raise NotBelieved(given.get("error_description", given.get("error")))
        claims = await self.verified(given["id_token"], nonce={"essential": True, "value": login.nonce})
        return given["id_token"], claims

    async def verified(self, token: str, **more: Any) -> dict[str, Any]:
        """The claims of a token that the issuer signed for this application."""
        keys = KeySet.import_key_set(await self._json((await self.metadata())["jwks_uri"]))
        rules: dict[str, Any] = {"iss": {"essential": True, "value": self.issuer}, "exp": {"essential": True}}
        rules |= {"aud": {"essential": True, "value": self.client_id}, "sub": {"essential": True}}
        try:
            claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
            jwt.JWTClaimsRegistry(leeway=LEEWAY, **(rules | more)).validate(claims)
        except (JoseError, ValueError) as error:
            raise NotBelieved(str(error)) from error
        return claims

    async def _json(self, url: str) -> Any:
        async with self.http.get(url, raise_for_status=True) as answer:
            return await answer.json(content_type=None)


PROVIDER: Final = web.AppKey("provider", Provider)
SESSIONS: Final = web.AppKey("sessions", dict[str, Session])
"""By the secret in the browser's cookie. A real application keeps them where a restart does not end them."""

LOGINS: Final = web.AppKey("logins", dict[str, Login])
"""Those under way, likewise."""


def session_of(request: web.Request) -> Session:
    """This browser's session; an empty one for a stranger."""
    return request.app[SESSIONS].get(request.cookies.get(SESSION, ""), Session())


def kept(request: web.Request, session: Session, answer: web.StreamResponse) -> web.StreamResponse:
    """Remember the session under a fresh secret, so that nobody can have planted it before the login."""
    request.app[SESSIONS].pop(request.cookies.get(SESSION, ""), None)
    secret = secrets.token_urlsafe(32)
    request.app[SESSIONS][secret] = session
    answer.set_cookie(SESSION, secret, httponly=True, samesite="Lax", secure=request.secure, path="/")
    return answer


async def home(request: web.Request) -> web.StreamResponse:
    """Who you are, as the ID token says."""
    claims = session_of(request).claims
    return page(
        _profile(claims) if claims else '<p>Nobody is signed in.</p><a class="button" href="/login">Sign in</a>'
    )


async def login(request: web.Request) -> web.StreamResponse:
    """Off to the issuer."""
    attempt, secret, logins = Login(), secrets.token_urlsafe(32), request.app[LOGINS]
    for each in [each for each, other in logins.items() if not other.is_fresh]:
        del logins[each]
    logins[secret] = attempt
    answer = web.HTTPFound(await request.app[PROVIDER].login_url(attempt))
    name, is_secure = LOGIN + attempt.state, request.secure
    answer.set_cookie(name, secret, max_age=LOGIN_LASTS, httponly=True, samesite="Lax", secure=is_secure, path="/")
    return answer


def begun(request: web.Request) -> Login | None:
    """The login that this browser has begun with the `state` of the answer, once; no other answer is taken."""
    secret = request.cookies.get(LOGIN + request.query.get("state", ""), "")
    attempt = request.app[LOGINS].pop(secret, None)
    return attempt if attempt and attempt.is_fresh and attempt.state == request.query.get("state") else None


async def callback(request: web.Request) -> web.StreamResponse:
    """Back from the issuer, with a code or with an error."""
    attempt, said = begun(request), request.query
    if attempt is None and session_of(request).claims:
        return web.HTTPFound("/")  # somebody went back here, or loaded the page again
    if attempt is None:
        return page(
            '<p>That login was not begun here, or too long ago.</p><a class="button" href="/login">Again</a>', 400
        )
    if said.get("iss", request.app[PROVIDER].issuer) != request.app[PROVIDER].issuer:  # RFC 9207
        return page("<p>The answer is from another issuer.</p>", 400)
    if "code" not in said:
        reason = html.escape(said.get("error_description") or said.get("error", "no code"))
        return page(f'<p>{reason}</p><a class="button" href="/login">Try again</a>', 403)
    try:
        token, claims = await request.app[PROVIDER].redeemed(said["code"], attempt)
    except NotBelieved as error:
        print(f"not believed: {error}")
        return page('<p>That did not work.</p><a class="button" href="/login">Try again</a>', 400)
    answer = kept(request, Session(claims=claims, id_token=token), web.HTTPFound("/"))
    answer.del_cookie(LOGIN + attempt.state, path="/")
    return answer


async def logout(request: web.Request) -> web.StreamResponse:
    """Forget the session here, then go on to the issuer, which ends its own and tells the others."""
    session = request.app[SESSIONS].pop(request.cookies.get(SESSION, ""), Session())
    answer = web.HTTPFound(await request.app[PROVIDER].logout_url(session) if session.id_token else "/")
    answer.del_cookie(SESSION, path="/")
    return answer


async def backchannel_logout(request: web.Request) -> web.StreamResponse:
    """Somebody left elsewhere: OpenID Connect Back-Channel Logout 1.0 section 2.6."""
    token = str((await request.post()).get("logout_token", ""))
    try:
        claims = await request.app[PROVIDER].verified(token)
    except NotBelieved as error:
        print(f"not believed: {error}")
        return web.json_response({"error": "invalid_request"}, status=400)
    if LOGOUT_EVENT not in claims.get("events", {}) or "nonce" in claims or "sid" not in claims:
        return web.json_response({"error": "invalid_request"}, status=400)
    sessions = request.app[SESSIONS]
    for secret in [secret for secret, each in sessions.items() if each.claims.get("sid") == claims["sid"]]:
        del sessions[secret]
    return web.Response(headers={"Cache-Control": "no-store"})


def page(content: str, status: int = 200) -> web.Response:
    """The one page there is, around some content."""
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return web.Response(text=PAGE.substitute(content=content), content_type="text/html", status=status, headers=headers)


def _profile(claims: dict[str, Any]) -> str:
    name = html.escape(str(claims.get("name") or claims.get("email") or claims["sub"]))
    rows = html.escape(json.dumps(claims, indent=2, sort_keys=True))
    return f'<p>Hello, <b>{name}</b>.</p><pre>{rows}</pre><a class="button" href="/logout">Log out everywhere</a>'


def app(issuer: str, client_id: str, client_secret: str, home_url: str) -> web.Application:
    """The application, at `home_url`, for people of `issuer` (with its slash)."""

    async def with_provider(application: web.Application) -> AsyncIterator[None]:
        async with ClientSession(timeout=ClientTimeout(total=10)) as http:
            application[PROVIDER] = Provider(http, issuer, client_id, client_secret, home_url)
            yield

    application = web.Application()
    application[SESSIONS], application[LOGINS] = {}, {}
    application.cleanup_ctx.append(with_provider)
    application.add_routes([web.get("/", home), web.get("/login", login), web.get("/callback", callback)])
    application.add_routes([web.get("/logout", logout), web.post("/backchannel-logout", backchannel_logout)])
    return application


if __name__ == "__main__":
    port = int(os.environ.get("WEB_PORT", "3020"))
    credentials = os.environ["WEB_CLIENT_ID"], os.environ["WEB_CLIENT_SECRET"]
    web.run_app(app(os.environ["LIMEN_ISSUER"], *credentials, f"http://localhost:{port}"), host="127.0.0.1", port=port)
