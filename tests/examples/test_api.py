"""The protected API of the examples, against a small issuer that we make misbehave."""

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from runpy import run_path
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
app: Final = run_path(str(EXAMPLES / "api" / "api.py"), run_name="api")["app"]
AUDIENCE: Final = "https://api.example.com/"
COOL_DOWN: Final = 0.2
"""Seconds between two fetches that unknown kids may cause."""


class SmallIssuer:
    """Serves a JWKS that tests rotate, and counts who asks."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.fetches = 0
        self.is_away = False
        application = web.Application()
        application.router.add_get("/.well-known/jwks.json", self._jwks)
        self.server = TestServer(application)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/"))

    def token(self, *, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        now = int(time.time())  # noqa: TID251 - a token of this moment
        said = {"iss": self.url, "aud": AUDIENCE, "sub": "m@clients", "exp": now + 60, "scope": "read:messages"}
        said |= claims
        headers = {"alg": "RS256", "typ": "at+jwt", "kid": self.key.kid} | (header or {})
        payload = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(headers, payload, key or self.key, algorithms=["RS256", "HS256", "PS256"])

    async def _jwks(self, _: web.Request) -> web.Response:
        self.fetches += 1
        if self.is_away:
            raise web.HTTPServiceUnavailable
        return web.json_response({"keys": [self.key.as_dict(private=False)]}, headers={"Cache-Control": "max-age=600"})


@pytest.fixture
async def issuer() -> AsyncIterator[SmallIssuer]:
    issuer = SmallIssuer()
    async with issuer.server:
        yield issuer


@pytest.fixture
async def api(issuer: SmallIssuer) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(app(issuer.url, AUDIENCE, cool_down=COOL_DOWN))) as client:
        yield client


async def ask(api: TestClient[Any, Any], token: str, method: str = "GET") -> tuple[int, str]:
    answer = await api.request(method, "/messages", headers={"Authorization": f"Bearer {token}"})
    return answer.status, answer.headers.get("WWW-Authenticate", "")


async def test_a_token_with_the_scope_opens_the_route(api: TestClient[Any, Any], issuer: SmallIssuer) -> None:
    assert await ask(api, issuer.token()) == (200, "")
    assert await ask(api, issuer.token(aud=["https://other.example/", AUDIENCE])) == (200, "")


async def test_without_a_token_the_caller_is_told_only_that_one_is_needed(api: TestClient[Any, Any]) -> None:
    for path in ("/messages", "/messages?access_token=x"):
        answer = await api.get(path)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_a_token_without_the_scope_is_403_and_names_it(api: TestClient[Any, Any], issuer: SmallIssuer) -> None:
    status, challenge = await ask(api, issuer.token(), "POST")
    assert (status, challenge) == (403, 'Bearer error="insufficient_scope", scope="write:messages"')
    assert (await ask(api, issuer.token(scope=None)))[0] == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example/"},
        {"iss": None},
        {"aud": "https://api.example.com"},
        {"aud": None},
        {"aud": ["https://other.example/"]},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": 9_999_999_999},
        {"sub": None},
    ],
    ids=str,
)
async def test_wrong_claims_are_not_believed(
    api: TestClient[Any, Any], issuer: SmallIssuer, claims: dict[str, Any]
) -> None:
    assert await ask(api, issuer.token(**claims)) == (401, 'Bearer error="invalid_token"')


@pytest.mark.parametrize("header", [{"typ": "JWT+logout"}, {"kid": None}, {"crit": ["exp"]}], ids=str)
async def test_wrong_headers_are_not_believed(
    api: TestClient[Any, Any], issuer: SmallIssuer, header: dict[str, Any]
) -> None:
    assert (await ask(api, _with_header(issuer, {})))[0] == 200
    assert await ask(api, _with_header(issuer, header)) == (401, 'Bearer error="invalid_token"')


async def test_the_public_key_is_no_hmac_secret(api: TestClient[Any, Any], issuer: SmallIssuer) -> None:
    secret = OctKey.import_key(json.dumps(issuer.key.as_dict(private=False)).encode())
    assert (await ask(api, issuer.token(key=secret, header={"alg": "HS256"})))[0] == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "e30.e30.", "eyJhbGciOiJub25lIn0.e30."])
async def test_garbage_is_401_and_never_500(api: TestClient[Any, Any], token: str) -> None:
    assert (await ask(api, token))[0] == 401


async def test_another_key_under_a_known_kid_is_not_believed(api: TestClient[Any, Any], issuer: SmallIssuer) -> None:
    other = RSAKey.generate_key(2048, {"kid": "one"})
    assert (await ask(api, issuer.token(key=other)))[0] == 401


async def test_the_keys_are_fetched_once_and_again_for_an_unknown_kid(
    api: TestClient[Any, Any], issuer: SmallIssuer
) -> None:
    for _ in range(3):
        assert (await ask(api, issuer.token()))[0] == 200
    assert issuer.fetches == 1
    await _pass_cool_down()
    issuer.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig", "alg": "RS256"})
    assert (await ask(api, issuer.token()))[0] == 200
    assert issuer.fetches == 2


async def test_unknown_kids_cannot_make_it_a_nuisance(api: TestClient[Any, Any], issuer: SmallIssuer) -> None:
    assert (await ask(api, issuer.token()))[0] == 200
    await _pass_cool_down()
    began, asked = time.monotonic(), 0
    while time.monotonic() - began < 3 * COOL_DOWN or asked < 20:
        assert (await ask(api, issuer.token(header={"kid": f"unknown-{asked}"})))[0] == 401
        asked += 1
    assert issuer.fetches <= 2 + (time.monotonic() - began) / COOL_DOWN


async def test_known_keys_outlive_an_issuer_that_is_away(api: TestClient[Any, Any], issuer: SmallIssuer) -> None:
    issuer.is_away = True
    answer = await api.get("/messages", headers={"Authorization": f"Bearer {issuer.token()}"})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    issuer.is_away = False
    await _pass_cool_down(1.1)
    assert (await ask(api, issuer.token()))[0] == 200
    issuer.is_away = True
    assert (await ask(api, issuer.token()))[0] == 200


async def _pass_cool_down(seconds: float = COOL_DOWN + 0.05) -> None:
    await asyncio.sleep(seconds)


def _with_header(issuer: SmallIssuer, header: dict[str, Any]) -> str:
    """A well signed token with a header the library would not make."""
    members = {"alg": "RS256", "typ": "at+jwt", "kid": "one"} | header
    said = json.dumps({name: value for name, value in members.items() if value is not None}).encode()
    signed = _base64url(said) + "." + issuer.token().split(".")[1]
    private = issuer.key.private_key
    assert private is not None
    return f"{signed}.{_base64url(private.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def test_the_examples_need_nothing_of_limen() -> None:
    for path in EXAMPLES.rglob("*.py"):
        lines = path.read_text().splitlines()
        imported = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
        assert not imported & {"libs", "services"}, path
