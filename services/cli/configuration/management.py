"""Owns the requests to the Management API: one client like any other, over HTTP, patient within bounds."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, Self

import aiohttp

from libs.edge.writes import BEHIND, LONGEST
from libs.runtime import ids
from libs.runtime.errors import Unavailable
from libs.runtime.strict_json import MalformedJSON, loads
from services.cli.configuration.place import Place
from services.cli.configuration.section import Section, shown_name
from services.cli.errors import Refused

PER_PAGE: Final = 100
ANSWERS_WITHIN: Final = 40.0
"""Seconds an answer may take; the platform's own longest deadline is 30."""

TRIES: Final = 6
LONGEST_WAIT: Final = 30.0
"""Seconds we wait at most before the next try, whatever Retry-After says."""

LARGEST_ANSWER: Final = 8 * 1024 * 1024
_LATER: Final = frozenset({429, 503})

_Answer = tuple[int, float, bytes]
"""Status, seconds to wait before the next try, body."""

_LOST: Final[_Answer] = (503, 1.0, b"")
"""No answer came back; whether the request arrived is not known."""


class Refusal(Exception):
    """The API refused; the message is its own, made printable."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{shown_name(message)[:500]} ({status})")


class Management:
    """A session at one place, with its token."""

    def __init__(self, http: aiohttp.ClientSession, issuer: str, token: str) -> None:
        self._http = http
        self.issuer = issuer
        self._token = token
        self.behind: set[str] = set()
        """Who had not heard of a write when it was answered, although we waited."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, place: Place) -> AsyncIterator[Self]:
        """A session whose requests carry a token of the management application.

        Raises:
            Refused: the application gets no token.
            Unavailable: nobody answers, or nobody who is believed.
        """
        timeout = aiohttp.ClientTimeout(total=ANSWERS_WITHIN)
        connector = aiohttp.TCPConnector(ssl=_trust(place))
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
            session = cls(http, place.issuer, "")
            session._token = await session._first_token(place)
            yield session

    async def _first_token(self, place: Place) -> str:
        form = {"grant_type": "client_credentials", "audience": place.audience, "client_id": place.client_id}
        form |= {"client_secret": place.client_secret.reveal()}
        try:
            answer = await self._patiently("POST", "oauth/token", data=form)
        except Refusal as error:
            raise Refused(f"{place.issuer} gives the management application no token: {error}.") from error
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str):
            raise Refused(f"{place.issuer} does not answer as a token endpoint does.")
        return token

    async def all(self, section: Section) -> list[dict[str, Any]]:
        """Every object of a section, page by page; of settings, the one object.

        Raises:
            Refusal: the API refuses to tell.
            Unavailable: it does not answer.
        """
        if section.is_single:
            return [await self.request("GET", section.path)]
        if section.has_checkpoints:
            return await self.checkpoints(section.path, section.listed, section.query)
        return await self._pages(section)

    async def checkpoints(self, path: str, listed: str, filters: Mapping[str, str] = {}) -> list[dict[str, Any]]:
        """Every item of a list that is read from checkpoint to checkpoint; raises what `all` raises."""
        query, items = {**filters, "take": str(PER_PAGE)}, []
        while True:
            page = await self.request("GET", path, query=query)
            items += page[listed]
            if not page.get("next"):
                return items
            query["from"] = page["next"]

    async def _pages(self, section: Section) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        while True:
            number = str(len(items) // PER_PAGE)
            query = {**section.query, "per_page": str(PER_PAGE), "page": number, "include_totals": "true"}
            page = await self.request("GET", section.path, query=query)
            items += page[section.listed]
            if len(page[section.listed]) < PER_PAGE:
                return items

    async def request(self, method: str, path: str, json: Any = None, query: Mapping[str, str] | None = None) -> Any:
        """The answer's body; `None` when it has none.

        Raises:
            Refusal: the API refuses.
            Unavailable: it does not answer in time, or is still busy after some tries.
        """
        return await self._patiently(method, f"api/v2/{path}", json=json, params=query)

    async def _patiently(self, method: str, path: str, **sent: Any) -> Any:
        # By the key the API recognises a repeat: the answer that was lost comes again, with the secret that it holds.
        headers = {"idempotency-key": ids.hex24()} if method == "POST" else {}
        # The next write may build on what others make of this one.
        headers |= {"prefer": f"wait={LONGEST:.0f}"} if method != "GET" else {}
        headers |= {"authorization": f"Bearer {self._token}"} if self._token else {}
        for _ in range(TRIES):
            try:
                status, retry_after, body = await self._once(method, path, headers, sent)
            except Unavailable:
                if not self._token:
                    raise
                status, retry_after, body = _LOST
            if status not in _LATER:
                return _read(status, body)
            await asyncio.sleep(min(retry_after, LONGEST_WAIT))
        raise Unavailable(f"{self.issuer} was busy or away {TRIES} times")

    async def _once(self, method: str, path: str, headers: Mapping[str, str], sent: Mapping[str, Any]) -> _Answer:
        url = f"{self.issuer}{path}"
        try:
            # No redirect is followed: the token is for this host alone.
            async with self._http.request(method, url, headers=headers, allow_redirects=False, **sent) as answer:
                self.behind |= {each for each in answer.headers.get(BEHIND, "").split(", ") if each}
                return answer.status, _seconds(answer.headers.get("retry-after", "")), await _bounded(answer)
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unavailable(f"{self.issuer}: its certificate is not believed; --ca FILE names a CA") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"{self.issuer} does not answer: {str(error) or type(error).__name__}") from error


def _trust(place: Place) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=place.ca)
    except (ssl.SSLError, OSError) as error:
        raise Refused(f"{place.ca} holds no certificate: {error}.") from error


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() else 1.0


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for part in answer.content.iter_chunked(65_536):
        body += part
        if len(body) > LARGEST_ANSWER:
            raise Refusal(answer.status, "the answer is too large")
    return body


def _read(status: int, body: bytes) -> Any:
    try:
        value = loads(body) if body else None
    except MalformedJSON as error:
        raise Refusal(status, "the answer is no JSON") from error
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return value
    members = value if isinstance(value, dict) else {}
    told = (members.get("message"), members.get("error_description"), members.get("error"))
    raise Refusal(status, next((each for each in told if isinstance(each, str)), "refused"))
