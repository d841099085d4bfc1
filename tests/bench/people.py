"""Owns the people's part: codes and refresh tokens redeemed, passwords proven, the login page, and a million users.

Everything goes through the gateway, as a browser and an application would. Rates are compared with client_credentials
asked by the same client of the bench's own, on the same connections, in the same run: a Python client costs time too.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.browsing import Browser
from tests.bench.crowd import crowded
from tests.bench.people_loads import bare, logins, machine, pages, redeemed, refreshed, storm
from tests.bench.visiting import Bench, code_of, opened, people, signed_in
from tests.stack import Stack

BELIEVED: Final = {"LIMEN_TRUSTED_PROXIES": "127.0.0.0/8,::1/128"}
"""The bench plays the proxy in front of the gateway, so that its many people come from as many addresses: wrong
passwords from one address are soon refused without being compared, which would be no storm."""

FEW: Final = 1000
MANY: Final = 1_000_000


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


async def measured(stack: Stack, rounds: int, say: Callable[[str], None], many: int = MANY) -> Found:
    """Everything of this part."""
    found = Found(people=many)
    bench = await opened(stack)
    emails = await people(bench)
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
    await crowded(stack, 0, FEW)
    await _logins_beside(bench, emails, rounds, found.few, found.few_bare)
    await crowded(stack, FEW, many)
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
