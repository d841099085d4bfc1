"""Owns whom and what the people's part needs: an application, an API, people, and how they sign in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from tests.bench.browsing import FORM, Browser, Returning
from tests.bench.http import Connection, Heard, place, request
from tests.stack import Stack

AT_ONCE: Final = 32
"""Requests in flight."""

REDIRECT: Final = "http://localhost:1/callback"
AUDIENCE: Final = "https://people.bench/"
PASSWORD: Final = "correct horse battery staple 7!"
DATABASE: Final = "Username-Password-Authentication"

SOME: Final = 64
"""People whom the bench signs in."""


@dataclass(frozen=True)
class Application:
    """A regular web application that signs people in."""

    client_id: str
    secret: str


@dataclass
class Bench:
    """The application, the API and the connections."""

    stack: Stack
    base: str
    connections: Sequence[Connection]
    application: Application

    def authorize(self, **more: str) -> str:
        """The URL where signing in begins."""
        asked = {
            "client_id": self.application.client_id,
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": "openid profile email offline_access",
            "audience": AUDIENCE,
            "state": "s",
            **more,
        }
        return f"{self.base}authorize?{urlencode(asked)}"

    def token(self, **form: str) -> bytes:
        """A request to the token endpoint."""
        body = urlencode({"client_id": self.application.client_id, "client_secret": self.application.secret, **form})
        return request("POST", f"{self.base}oauth/token", body.encode(), **FORM)


async def opened(stack: Stack) -> Bench:
    """Register what is needed."""
    base = f"http://localhost:{stack.port}/"
    connections = [await Returning.open(*place(base)) for _ in range(AT_ONCE)]
    desk = _Desk(base, f"Bearer {stack.management_token()}", connections[0])
    api = {"name": "People", "identifier": AUDIENCE, "signing_alg": "RS256", "allow_offline_access": True}
    await desk.post("resource-servers", api)
    made = await desk.post(
        "clients",
        {
            "name": "Bench web",
            "app_type": "regular_web",
            "callbacks": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "refresh_token": {"rotation_type": "rotating", "expiration_type": "expiring", "leeway": 0},
        },
    )
    await desk.post("client-grants", {"client_id": made["client_id"], "audience": AUDIENCE, "scope": []})
    return Bench(stack, base, connections, Application(made["client_id"], made["client_secret"]))


class _Desk:
    def __init__(self, base: str, bearer: str, connection: Connection) -> None:
        self._base, self._bearer, self._connection = base, bearer, connection

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"authorization": self._bearer, "content_type": "application/json"}
        sent = request("POST", f"{self._base}api/v2/{path}", msgspec.json.encode(body), **headers)
        heard = await self._connection.ask(sent)
        assert heard.status in {200, 201}, (heard.status, heard.body)
        return msgspec.json.decode(heard.body)

    async def user(self, email: str) -> None:
        """Somebody with the bench's password."""
        await self.post("users", {"connection": DATABASE, "email": email, "password": PASSWORD})


async def people(bench: Bench) -> list[str]:
    desk = _Desk(bench.base, f"Bearer {bench.stack.management_token()}", bench.connections[0])
    emails = [f"person-{number}@people.bench" for number in range(SOME)]
    for email in emails:
        await desk.user(email)
    return emails


async def signed_in(bench: Bench, browser: Browser, email: str, password: str = PASSWORD) -> Heard:
    """Go through the pages; the last answer leads to the application."""
    page = await browser.get(bench.authorize())
    if 'name="password"' not in page.body.decode():
        page = await browser.submit(page, username=email)
    return await browser.submit(page, username=email, password=password)


def code_of(heard: Heard) -> str:
    """The code in a redirect to the application."""
    assert heard.status in {302, 303}, (heard.status, heard.body[:2000])
    query = parse_qs(urlsplit(heard.header("location")[0]).query)
    assert "code" in query, query
    return query["code"][0]
