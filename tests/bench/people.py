"""Owns the people's part: codes and refresh tokens redeemed, passwords proven, the login page, and a million users.

Everything goes through the gateway, as a browser and an application would. Rates are compared with client_credentials
asked by the same client of the bench's own, on the same connections, in the same run: a Python client costs time too.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
from argon2.low_level import Type, hash_secret

from libs.postgres import connect
from tests.bench.http import Connection, Heard, place, request
from tests.stack import Stack

AT_ONCE: Final = 32
"""Requests in flight."""

CODES: Final = 1500
"""Redeemed in a round: they live sixty seconds, and must all be fetched before."""

REDIRECT: Final = "http://localhost:1/callback"
AUDIENCE: Final = "https://people.bench/"
PASSWORD: Final = "correct horse battery staple 7!"
DATABASE: Final = "Username-Password-Authentication"

FORM: Final = {"content_type": "application/x-www-form-urlencoded"}
FIELD: Final = re.compile(r'<input[^>]*type="hidden"[^>]*>')
NAME: Final = re.compile(r'name="([^"]*)"')
VALUE: Final = re.compile(r'value="([^"]*)"')

CALM: Final = 1500
"""Tokens before and after a storm that say what there is without one."""

BELIEVED: Final = {"LIMEN_TRUSTED_PROXIES": "127.0.0.0/8,::1/128"}
"""The bench plays the proxy in front of the gateway, so that its many people come from as many addresses: wrong
passwords from one address are soon refused without being compared, which would be no storm."""

Send = Callable[[Connection, int], Awaitable[Heard]]


@dataclass(frozen=True)
class Application:
    """A regular web application that signs people in."""

    client_id: str
    secret: str


@dataclass
class Found:
    """What came of it: answers a second by what was asked, and what else there is to say."""

    machine: list[float] = field(default_factory=list)
    """client_credentials."""
    codes: list[float] = field(default_factory=list)
    refreshes: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    """argon2 alone, on every core."""
    logins: list[float] = field(default_factory=list)
    idle_p95: float = 0.0
    storm_p95: float = 0.0
    pages: list[float] = field(default_factory=list)
    page_bytes: int = 0
    few: list[float] = field(default_factory=list)
    few_bare: list[float] = field(default_factory=list)
    """argon2 alone, right before each of them: minutes lie between few and many, and the machine changes in minutes."""
    many: list[float] = field(default_factory=list)
    many_bare: list[float] = field(default_factory=list)
    people: int = 0


class Returning(Connection):
    """A connection that is made anew when the server hung up between two requests, as a browser's is."""

    async def ask(self, request: bytes) -> Heard:
        """Send a whole request and wait for the whole answer."""
        if self.is_over:
            await asyncio.get_running_loop().create_connection(lambda: self, *self.place)
        return await super().ask(request)


class Browser:
    """One person's browser on one connection: cookies, redirects within the issuer, forms."""

    def __init__(self, base: str, connection: Connection, number: int = 0) -> None:
        self._base = base
        self._connection = connection
        self._address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.cookies: dict[str, str] = {}

    async def get(self, url: str) -> Heard:
        """A page; redirects within the issuer are followed."""
        return await self._followed(await self._sent("GET", url), url)

    async def again(self) -> Heard:
        """The page that was got last, anew."""
        return await self._sent("GET", self._at)

    async def submit(self, page: Heard, **filled: str) -> Heard:
        """The page's form, with its hidden fields, sent to where it says."""
        text = page.body.decode()
        hidden = {_of(NAME, each): _of(VALUE, each) for each in FIELD.findall(text)}
        action = re.search(r'<form[^>]*action="([^"]*)"', text)
        url = self._absolute((action.group(1) if action else "").replace("&amp;", "&"), self._at)
        body = urlencode(hidden | filled | {"action": "default"}).encode()
        return await self._followed(await self._sent("POST", url, body), url)

    async def _sent(self, method: str, url: str, body: bytes = b"") -> Heard:
        self._at = url
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"cookie": cookie, "x_forwarded_for": self._address}
        if method == "POST":
            headers |= FORM | {"origin": self._base.rstrip("/"), "sec_fetch_site": "same-origin"}
        heard = await self._connection.ask(request(method, url, body, **headers))
        for each in heard.header("set-cookie"):
            name, _, value = each.partition(";")[0].partition("=")
            self.cookies[name] = value
        return heard

    async def _followed(self, heard: Heard, url: str) -> Heard:
        while heard.status in {302, 303} and (to := self._absolute(heard.header("location")[0], url)).startswith(
            self._base
        ):
            url = to
            heard = await self._sent("GET", url)
        return heard

    def _absolute(self, location: str, url: str) -> str:
        if location.startswith("/"):
            return self._base.rstrip("/") + location
        return location or url


def _of(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""


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


async def rate(bench: Bench, count: int, send: Send) -> tuple[float, list[float]]:
    """Requests a second on all connections, and how long each took in milliseconds; every answer must be 200."""
    waiting = iter(range(count))
    took: list[float] = []

    async def work(connection: Connection) -> None:
        for number in waiting:
            began = time.monotonic()
            heard = await send(connection, number)
            took.append((time.monotonic() - began) * 1000)
            assert heard.status == 200, (heard.status, heard.body)

    began = time.monotonic()
    await asyncio.gather(*(work(each) for each in bench.connections))
    return count / (time.monotonic() - began), took


async def machine(bench: Bench, count: int = 3000) -> tuple[float, list[float]]:
    """client_credentials, by the same client."""
    sent = bench.token(grant_type="client_credentials", audience=AUDIENCE)
    return await rate(bench, count, lambda connection, _: connection.ask(sent))


async def codes(bench: Bench, browsers: Sequence[Browser], count: int = CODES) -> list[str]:
    """So many codes, of people who are signed in."""
    waiting = iter(range(count))
    found: list[str] = []

    async def work(browser: Browser) -> None:
        found.extend([code_of(await browser.get(bench.authorize(prompt="none"))) for _ in waiting])

    await asyncio.gather(*(work(each) for each in browsers))
    return found


async def redeemed(bench: Bench, browsers: Sequence[Browser]) -> tuple[float, list[str]]:
    """Codes redeemed a second, and the refresh tokens that came."""
    waiting = await codes(bench, browsers)
    tokens: list[str] = []

    async def send(connection: Connection, number: int) -> Heard:
        sent = bench.token(grant_type="authorization_code", code=waiting[number], redirect_uri=REDIRECT)
        heard = await connection.ask(sent)
        tokens.append(msgspec.json.decode(heard.body).get("refresh_token", ""))
        return heard

    found, _ = await rate(bench, len(waiting), send)
    return found, tokens


async def refreshed(bench: Bench, tokens: list[str], each: int = 60) -> float:
    """Refreshes a second, with rotation: every connection goes along a chain of its own."""

    async def work(connection: Connection, token: str) -> None:
        for _ in range(each):
            heard = await connection.ask(bench.token(grant_type="refresh_token", refresh_token=token))
            assert heard.status == 200, (heard.status, heard.body)
            token = msgspec.json.decode(heard.body)["refresh_token"]

    began = time.monotonic()
    await asyncio.gather(*map(work, bench.connections, tokens))
    return len(bench.connections) * each / (time.monotonic() - began)


def bare(seconds: float = 4.0, cores: int = 2) -> float:
    """argon2id a second with our parameters, on every core and with nothing else to do."""

    def work() -> int:
        done, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            hash_secret(PASSWORD.encode(), b"0123456789abcdef", 2, 19456, 1, 32, Type.ID)
            done += 1
        return done

    with ThreadPoolExecutor(cores) as pool:
        began = time.monotonic()
        done = sum(each.result() for each in [pool.submit(work) for _ in range(cores)])
        return done / (time.monotonic() - began)


async def logins(bench: Bench, emails: Sequence[str], count: int) -> float:
    """Whole password logins a second, from /authorize to the code, each in a browser that was never here."""
    waiting = iter(range(count))

    async def work(connection: Connection) -> None:
        for number in waiting:
            code_of(await signed_in(bench, Browser(bench.base, connection, number), emails[number % len(emails)]))

    began = time.monotonic()
    await asyncio.gather(*(work(each) for each in bench.connections[:16]))
    return count / (time.monotonic() - began)


async def storm(bench: Bench, count: int = 1000) -> tuple[float, float]:
    """p95 of tokens, in milliseconds, with nothing else and while so many wrong passwords are tried."""
    half = len(bench.connections) // 2
    askers = Bench(bench.stack, bench.base, bench.connections[:4], bench.application)
    _, idle = await machine(askers, CALM)
    is_over = asyncio.Event()
    during: list[float] = []

    async def ask() -> None:
        while not is_over.is_set():
            during.extend((await machine(askers, 40))[1])
            await asyncio.sleep(0.02)

    waiting = iter(range(count))

    async def wrong(connection: Connection) -> None:
        for number in waiting:
            await signed_in(
                bench, Browser(bench.base, connection, 1_000 + number), f"nobody-{number}@people.bench", "wrong"
            )

    asking = asyncio.ensure_future(ask())
    await asyncio.gather(*(wrong(each) for each in bench.connections[half:]))
    is_over.set()
    await asking
    idle += (await machine(askers, CALM))[1]
    return _p95(idle), _p95(during)


def _p95(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[int(len(ordered) * 0.95)]


async def pages(bench: Bench, seconds: float = 4.0) -> tuple[float, int]:
    """How often a second the login page is served, and its bytes; each connection has a transaction of its own."""
    browsers = [Browser(bench.base, each) for each in bench.connections]
    firsts = [await each.get(bench.authorize()) for each in browsers]
    until = time.monotonic() + seconds

    async def work(browser: Browser) -> int:
        served = 0
        while time.monotonic() < until:
            assert (await browser.again()).status == 200
            served += 1
        return served

    began = time.monotonic()
    served = sum(await asyncio.gather(*map(work, browsers)))
    return served / (time.monotonic() - began), max(len(each.body) for each in firsts)


FILL: Final = """
WITH model AS (SELECT * FROM login.people WHERE tenant = 'default' LIMIT 1), many AS (
    INSERT INTO login.people (tenant, person, version, connection_id, connection, provider, sealed_user_id, sealed,
        email_verified, has_password, is_blocked, endings, user_id, email, name, profile, valid_from, created_at,
        updated_at)
    SELECT tenant, 'crowd' || n, version, connection_id, connection, provider, sealed_user_id, sealed, email_verified,
        has_password, is_blocked, endings, 'auth0|crowd' || n, 'crowd-' || n || '@people.bench',
        'crowd-' || n || '@people.bench', profile, valid_from, created_at, updated_at
    FROM model, generate_series($1::int, $2::int) AS n RETURNING person
), keys AS (
    INSERT INTO login.person_keys SELECT tenant, 'crowd' || n, wrapped
    FROM model JOIN login.person_keys USING (tenant, person), generate_series($1::int, $2::int) AS n
), lookups AS (
    INSERT INTO login.person_lookups SELECT tenant, connection_id, 'email', sha256(('crowd' || n)::bytea), 1,
        'crowd' || n
    FROM model, generate_series($1::int, $2::int) AS n
)
INSERT INTO login.passwords SELECT tenant, 'crowd' || n, phc, changed_at
FROM model JOIN login.passwords USING (tenant, person), generate_series($1::int, $2::int) AS n
"""
"""A crowd of copies of somebody, as large as asked: they fill the tables and their indexes, and nobody signs in as one.
"""

CHUNK: Final = 50_000


async def crowded(bench: Bench, first: int, last: int) -> None:
    """Let there be so many people."""
    connection = await connect(bench.stack.env["LIMEN_POSTGRES_URL"], name="bench")
    try:
        for start in range(first, last, CHUNK):
            await connection.execute(FILL, start, min(start + CHUNK, last) - 1, timeout=300)
        await connection.execute("VACUUM ANALYZE login.people, login.person_lookups, login.passwords", timeout=300)
    finally:
        await connection.close()


SOME: Final = 64
"""People whom the bench signs in."""

FEW: Final = 1000
MANY: Final = 1_000_000


async def measured(stack: Stack, rounds: int, say: Callable[[str], None], many: int = MANY) -> Found:
    """Everything of this part."""
    found = Found(people=many)
    bench = await opened(stack)
    emails = await _people(bench)
    browsers = [Browser(bench.base, each) for each in bench.connections]
    for browser, email in zip(browsers, emails, strict=False):
        code_of(await signed_in(bench, browser, email))
    await machine(bench, 500)
    for _ in range(rounds):
        found.machine.append((await machine(bench))[0])
        redeeming, tokens = await redeemed(bench, browsers)
        found.codes.append(redeeming)
        found.refreshes.append(await refreshed(bench, tokens))
        found.pages.append((await pages(bench))[0])
        say(f"machine {found.machine[-1]:,.0f}/s  codes {redeeming:,.0f}/s  refreshes {found.refreshes[-1]:,.0f}/s")
    found.page_bytes = (await pages(bench, 0.1))[1]
    for _ in range(rounds):
        found.bare.append(await asyncio.to_thread(bare))
        found.logins.append(await logins(bench, emails, 200))
        say(f"argon2 {found.bare[-1]:,.1f}/s  logins {found.logins[-1]:,.1f}/s  pages {found.pages[-1]:,.0f}/s")
    found.idle_p95, found.storm_p95 = await storm(bench)
    say(f"tokens, p95: {found.idle_p95:.1f} ms alone, {found.storm_p95:.1f} ms in a storm of wrong passwords")
    await crowded(bench, 0, FEW)
    await _logins_beside(bench, emails, rounds, found.few, found.few_bare)
    await crowded(bench, FEW, many)
    await _logins_beside(bench, emails, rounds, found.many, found.many_bare)
    say(f"logins beside {FEW:,} people {found.few[-1]:,.1f}/s, beside {many:,} {found.many[-1]:,.1f}/s")
    for each in bench.connections:
        each.close()
    return found


async def _logins_beside(
    bench: Bench, emails: Sequence[str], rounds: int, found: list[float], alone: list[float]
) -> None:
    for _ in range(rounds):
        alone.append(await asyncio.to_thread(bare))
        found.append(await logins(bench, emails, 150))


async def _people(bench: Bench) -> list[str]:
    desk = _Desk(bench.base, f"Bearer {bench.stack.management_token()}", bench.connections[0])
    emails = [f"person-{number}@people.bench" for number in range(SOME)]
    for email in emails:
        await desk.user(email)
    return emails
