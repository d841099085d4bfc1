"""Owns the Management API's part: applications made and listed, and the many that other parts spread over."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec

from tests.bench import limen
from tests.bench.http import Connection, Heard, place, request
from tests.stack import Stack

AT_ONCE: Final = 16
"""Requests in flight while applications are made."""

PER_PAGE: Final = 100
READERS: Final = 4
"""Lists that are walked at the same time, besides one alone."""

TOGETHER: Final = f"pages by cursor, {READERS} readers"

CREATED: Final = 201
OK: Final = 200
AWAY: Final = 503


@dataclass(frozen=True)
class Application:
    """Who may ask for tokens of the bench's API."""

    client_id: str
    secret: str


@dataclass(frozen=True)
class Done:
    """So many requests in so many seconds."""

    what: str
    requests: int
    seconds: float
    again: int = 0
    """Requests that were told to come back (503) and did."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


class Desk:
    """The Management API through the gateway, on connections that are kept."""

    def __init__(self, stack: Stack, connections: Sequence[Connection]) -> None:
        self._url = f"http://localhost:{stack.port}/api/v2/"
        self._bearer = f"Bearer {stack.management_token()}"
        self._connections = connections
        self.again = 0

    @classmethod
    async def open(cls, stack: Stack) -> "Desk":
        """Connect."""
        host, port = place(f"http://localhost:{stack.port}/")
        return cls(stack, [await Connection.open(host, port) for _ in range(AT_ONCE)])

    def close(self) -> None:
        """Hang up."""
        for connection in self._connections:
            connection.close()

    async def get(self, path: str, number: int = 0) -> Any:
        """A page, as it says."""
        sent = request("GET", self._url + path, authorization=self._bearer)
        return _body(await self._connections[number].ask(sent), OK)

    async def post(self, path: str, bodies: Sequence[dict[str, object]]) -> list[Any]:
        """The answers to many, in their order; each connection takes the next that nobody has."""
        answers: list[Any] = [None] * len(bodies)
        waiting = iter(range(len(bodies)))

        async def work(connection: Connection) -> None:
            for number in waiting:
                body = msgspec.json.encode(bodies[number])
                headers = {"authorization": self._bearer, "content_type": "application/json"}
                answers[number] = await self._posted(connection, request("POST", self._url + path, body, **headers))

        await asyncio.gather(*(work(connection) for connection in self._connections))
        return answers

    async def _posted(self, connection: Connection, sent: bytes) -> Any:
        while (answer := await connection.ask(sent)).status == AWAY:
            self.again += 1
        return _body(answer, CREATED)


def _body(answer: Heard, wanted: int) -> Any:
    assert answer.status == wanted, (answer.status, answer.body[:500])
    return msgspec.json.decode(answer.body)


async def measured(stack: Stack, count: int) -> tuple[list[Application], list[Done]]:
    """Make so many applications and list them all."""
    desk = await Desk.open(stack)
    try:
        found, speeds = await made(desk, count)
        return found, [*speeds, *await listed(desk, count)]
    finally:
        desk.close()


async def made(desk: Desk, count: int) -> tuple[list[Application], list[Done]]:
    """So many applications with a grant for the bench's ES256 API, and how fast they were made."""
    clients: list[dict[str, object]] = [
        {"name": f"Bench {number}", "app_type": "non_interactive"} for number in range(count)
    ]
    began = time.monotonic()
    answers = await desk.post("clients", clients)
    created = time.monotonic()
    found = [Application(each["client_id"], each["client_secret"]) for each in answers]
    grants: list[dict[str, object]] = [
        {"client_id": each.client_id, "audience": limen.ES256_API, "scope": [limen.SCOPE]} for each in found
    ]
    again = desk.again
    await desk.post("client-grants", grants)
    granted = time.monotonic()
    speeds = [
        Done("applications made", count, created - began, again),
        Done("client grants made", count, granted - created, desk.again - again),
    ]
    return found, speeds


async def listed(desk: Desk, count: int) -> list[Done]:
    """How fast lists of `count` applications at least are read page by page: by number, by cursor, and several."""
    by_number = await _timed("pages by number, with totals", _by_number(desk, 0, count))
    by_cursor = await _timed("pages by cursor", _by_cursor(desk, 0, count))
    together = asyncio.gather(*(_by_cursor(desk, number, count) for number in range(READERS)))
    began = time.monotonic()
    pages = sum(await together)
    return [by_number, by_cursor, Done(TOGETHER, pages, time.monotonic() - began)]


async def _timed(what: str, walk: Any) -> Done:
    began = time.monotonic()
    return Done(what, await walk, time.monotonic() - began)


async def _by_number(desk: Desk, number: int, count: int) -> int:
    """Pages read until one is not full."""
    page, seen = 0, 0
    while True:
        answer = await desk.get(f"clients?per_page={PER_PAGE}&page={page}&include_totals=true", number)
        page, seen = page + 1, seen + len(answer["clients"])
        if len(answer["clients"]) < PER_PAGE or page * PER_PAGE >= answer["total"]:
            assert seen == answer["total"] >= count, (seen, answer["total"], count)
            return page


async def _by_cursor(desk: Desk, number: int, count: int) -> int:
    """Pages read until no cursor follows."""
    page, seen, following = 0, 0, ""
    while True:
        answer = await desk.get(f"clients?take={PER_PAGE}{following}", number)
        page, seen = page + 1, seen + len(answer["clients"])
        if not (cursor := answer.get("next")):
            assert seen >= count, (seen, count)
            return page
        following = f"&from={quote(cursor)}"
