"""Owns the loads of the people's part: tokens, codes, refreshes, argon2 alone, logins, a storm, pages."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec
from argon2.low_level import Type, hash_secret

from tests.bench.browsing import Browser
from tests.bench.http import Connection, Heard
from tests.bench.visiting import AUDIENCE, PASSWORD, REDIRECT, Bench, code_of, signed_in

CODES: Final = 1500
"""Redeemed in a round: they live sixty seconds, and must all be fetched before."""

CALM: Final = 1500
"""Tokens before and after a storm that say what there is without one."""

Send = Callable[[Connection, int], Awaitable[Heard]]


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
