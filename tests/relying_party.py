"""A relying party that judges what it gets as the OpenID Foundation's conformance suite does.

    application = register(stack, app_type="regular_web")
    rp = RelyingParty(stack, application)
    attempt = rp.attempt(scope="openid email")
    tokens = rp.redeemed(attempt, browser.sign_in(browser.open(attempt.url), *ADA))
    assert rp.userinfo(tokens.access_token)["email"] == ADA[0]

It shares no code with what it judges: keys come from the JWKS, addresses from discovery.
"""

import base64
import hashlib
import itertools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import time  # noqa: TID251  # a relying party has a clock of its own
from typing import Any, Final, Literal
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.browser import Page
from tests.stack import Stack

CALLBACK: Final = "https://rp.example/callback"
LOGGED_OUT: Final = "https://rp.example/logged-out"
PASSWORD: Final = "Twelve brave otters 47"
SKEW: Final = 10
UNRESERVED: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
Authentication = Literal["client_secret_basic", "client_secret_post", "none"]
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Application:
    """What a developer copies out of the dashboard."""

    client_id: str
    client_secret: str | None
    redirect_uri: str


@dataclass(frozen=True)
class Account:
    """Somebody with a password."""

    email: str
    password: str
    user_id: str


def register(stack: Stack, *, callback: str = CALLBACK, **properties: Any) -> Application:
    """An application of the Management API, with one redirect URI and one page to log out to."""
    body: dict[str, Any] = {
        "name": f"Relying party {next(_numbers)}",
        "app_type": "regular_web",
        "callbacks": [callback],
    }
    body |= {"allowed_logout_urls": [LOGGED_OUT], "oidc_conformant": True}
    answer = stack.management("POST", "clients", json=body | properties)
    assert answer.status == 201, answer.body
    made = answer.json()
    return Application(made["client_id"], made.get("client_secret"), callback)


def public(stack: Stack, **properties: Any) -> Application:
    """A native application, which has no secret."""
    return register(stack, **{"app_type": "native", "token_endpoint_auth_method": "none", **properties})


def account(stack: Stack, *, email: str | None = None, password: str = PASSWORD, **profile: Any) -> Account:
    """Somebody whom an administrator made."""
    address = email or f"person{next(_numbers)}.{secrets.token_hex(3)}@example.com"
    body: dict[str, Any] = {"connection": "Username-Password-Authentication", "email": address, "password": password}
    answer = stack.management("POST", "users", json=body | {"email_verified": True} | profile)
    assert answer.status == 201, answer.body
    return Account(address, password, answer.json()["user_id"])


def api(stack: Stack, **properties: Any) -> str:
    """An API whose tokens may be renewed; its audience."""
    identifier = f"https://api{next(_numbers)}.{secrets.token_hex(3)}.example/"
    scopes = [{"value": "read:things", "description": "Read things"}, {"value": "write:things"}]
    body: dict[str, Any] = {"identifier": identifier, "name": "Things", "scopes": scopes, "allow_offline_access": True}
    answer = stack.management("POST", "resource-servers", json=body | properties)
    assert answer.status == 201, answer.body
    return identifier


def challenge_of(verifier: str) -> str:
    """RFC 7636 section 4.2."""
    return base64url(hashlib.sha256(verifier.encode()).digest())


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Attempt:
    """An authorization request that was made, with what has to come back."""

    endpoint: str
    parameters: dict[str, str]
    verifier: str | None = None

    @property
    def url(self) -> str:
        return f"{self.endpoint}?{urlencode(self.parameters)}"

    @property
    def state(self) -> str | None:
        return self.parameters.get("state")


@dataclass
class Tokens:
    """A good answer of the token endpoint, judged."""

    answer: Mapping[str, Any]
    claims: dict[str, Any] = field(default_factory=dict)

    @property
    def access_token(self) -> str:
        return str(self.answer["access_token"])

    @property
    def refresh_token(self) -> str:
        return str(self.answer["refresh_token"])

    @property
    def id_token(self) -> str:
        return str(self.answer["id_token"])


class RelyingParty:
    """One application at work."""

    def __init__(
        self,
        stack: Stack,
        application: Application,
        *,
        mode: str | None = None,
        authentication: Authentication = "client_secret_basic",
    ) -> None:
        self.stack, self.application, self.mode = stack, application, mode
        self.authentication = authentication if application.client_secret else "none"
        self.pkce = self.authentication == "none"
        # A pool that closes what is idle may close what another thread has just taken: fifty ask at once.
        every = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None)
        self.http = httpx.Client(verify=stack.trusted, trust_env=False, timeout=20, limits=every)

    def close(self) -> None:
        self.http.close()

    @cached_property
    def metadata(self) -> dict[str, Any]:
        answer = self.http.get(f"{self.stack.issuer}.well-known/openid-configuration")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    # To the login page and back.

    def attempt(self, **parameters: str | None) -> Attempt:
        """An authorization request; a parameter that is given as `None` is left out."""
        verifier = "".join(secrets.choice(UNRESERVED) for _ in range(64)) if self.pkce else None
        sent: dict[str, str | None] = {
            "client_id": self.application.client_id,
            "redirect_uri": self.application.redirect_uri,
            "response_type": "code",
            "scope": "openid",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "response_mode": self.mode,
        }
        if verifier:
            sent |= {"code_challenge": challenge_of(verifier), "code_challenge_method": "S256"}
        named = {name: value for name, value in (sent | parameters).items() if value is not None}
        return Attempt(self.metadata["authorization_endpoint"], named, verifier)

    def arrived(self, attempt: Attempt, page: Page) -> dict[str, str]:
        """What came to the redirect URI, the way it was asked for; with the state, and from whom it should be."""
        assert page.landed, f"no answer to the application, but {page}"
        assert page.address == attempt.parameters["redirect_uri"]
        assert page.landed == ("form" if attempt.parameters.get("response_mode") == "form_post" else "query"), page
        if page.landed == "form":
            assert not urlsplit(page.url).query, page.url
        assert page.parameters.get("state") == attempt.state, page.parameters
        assert page.parameters["iss"] == self.stack.issuer  # RFC 9207
        return page.parameters

    def code(self, attempt: Attempt, page: Page) -> str:
        """The code, which cannot be guessed."""
        found = self.arrived(attempt, page)
        assert "error" not in found, found
        code = found["code"]
        assert len(code) * 6 >= 128, "shorter than 128 bits"
        assert len(set(code)) >= 12, "always the same characters"
        return code

    def refused(self, attempt: Attempt, page: Page) -> str:
        """The error that came instead."""
        found = self.arrived(attempt, page)
        assert "code" not in found, found
        return found["error"]

    # The back channel.

    def redeemed(self, attempt: Attempt, page: Page) -> Tokens:
        """The tokens for a code, judged."""
        answer = self.exchange(attempt, self.code(attempt, page))
        assert answer.status_code == 200, answer.text
        return self.judged(answer, nonce=attempt.parameters.get("nonce"))

    def exchange(self, attempt: Attempt, code: str, **more: str) -> httpx.Response:
        """Redeem a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": attempt.parameters["redirect_uri"]}
        form |= {"code_verifier": attempt.verifier} if attempt.verifier else {}
        return self.token(**(form | more))

    def renewed(self, refresh_token: str, **more: str) -> httpx.Response:
        """Use a refresh token."""
        return self.token(grant_type="refresh_token", refresh_token=refresh_token, **more)

    def token(self, **form: str) -> httpx.Response:
        """A request to the token endpoint, authenticated the way the application does."""
        return self._post(self.metadata["token_endpoint"], form)

    def revoke(self, token: str, **form: str) -> httpx.Response:
        return self._post(self.metadata["revocation_endpoint"], {"token": token, **form})

    def _post(self, url: str, form: Mapping[str, str]) -> httpx.Response:
        client_id, secret = self.application.client_id, self.application.client_secret
        if self.authentication == "client_secret_basic":
            return self.http.post(url, data=dict(form), auth=(client_id, secret or ""))
        shown = {"client_id": client_id} | ({} if self.authentication == "none" else {"client_secret": secret or ""})
        return self.http.post(url, data=dict(form) | shown)

    def judged(self, answer: httpx.Response, nonce: str | None = None) -> Tokens:
        """A good answer: no-store, Bearer, how long it lives, and an ID token that holds."""
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"].startswith("application/json")
        given = answer.json()
        assert given["token_type"].lower() == "bearer"
        assert isinstance(given["expires_in"], int)
        tokens = Tokens(given)
        if "id_token" in given:
            tokens.claims = self.verified(given["id_token"], nonce, given["access_token"])
        return tokens

    def verified(self, id_token: str, nonce: str | None, access_token: str | None = None) -> dict[str, Any]:
        """The claims of an ID token that is valid (OpenID Connect Core section 3.1.3.7)."""
        token = jwt.decode(id_token, self.keys(), algorithms=["RS256"])
        claims = dict(token.claims)
        assert token.header["kid"]
        assert claims["iss"] == self.stack.issuer
        assert claims["aud"] in (self.application.client_id, [self.application.client_id])
        assert claims.get("azp", self.application.client_id) == self.application.client_id
        assert isinstance(claims["iat"], int)
        assert abs(claims["iat"] - time()) < SKEW
        assert claims["iat"] < claims["exp"]
        assert claims["sub"].isascii()
        assert 0 < len(claims["sub"]) <= 255
        assert claims.get("nonce") == nonce
        if "at_hash" in claims:
            assert access_token is not None
            assert claims["at_hash"] == base64url(hashlib.sha256(access_token.encode()).digest()[:16])
        return claims

    def keys(self) -> KeySet:
        """The published keys."""
        return KeySet.import_key_set(self.http.get(self.metadata["jwks_uri"]).json())

    def userinfo(self, access_token: str, expected: Sequence[str] = ()) -> dict[str, Any]:
        """What userinfo says, with at least these claims."""
        answer = self.ask_userinfo(access_token)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/json")
        found: dict[str, Any] = answer.json()
        assert set(expected) <= set(found), f"{set(expected) - set(found)} are missing in {found}"
        return found

    def ask_userinfo(self, access_token: str, method: str = "GET") -> httpx.Response:
        headers = {"authorization": f"Bearer {access_token}"}
        return self.http.request(method, self.metadata["userinfo_endpoint"], headers=headers)

    # Leaving.

    def logout_url(self, **parameters: str | None) -> str:
        """An address of RP-initiated logout; a parameter that is `None` is left out."""
        named = {name: value for name, value in parameters.items() if value is not None}
        return f"{self.metadata['end_session_endpoint']}?{urlencode(named)}"
