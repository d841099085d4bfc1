"""Owns what the page says of the people's part: aims and table."""

from collections.abc import Iterable, Sequence
from typing import Final

from tests.bench.figures import figure, number, ratios
from tests.bench.people import FEW, Found
from tests.bench.table import Aim, table

HALF: Final = 0.5
"""Of client_credentials that a redeemed code or a refresh may cost."""

OF_BARE: Final = 0.9
"""Of argon2 alone that whole logins reach."""

STORM: Final = 2.0
PAGES: Final = 1000
PAINT: Final = 20_000
SLOWER: Final = 1.3
"""By how much a login may take longer beside a million people than beside a thousand."""


def aims(found: Found) -> Iterable[Aim]:
    """What is asked of it."""
    for what, rates in (("codes redeemed", found.codes), ("refreshes with rotation", found.refreshes)):
        yield _share(f"{what}, beside client_credentials", rates, found.machine, HALF)
    yield _share("password logins, beside argon2 alone", found.logins, found.bare, OF_BARE)
    in_storm = found.storm_p95 / found.idle_p95
    yield Aim("token p95 in a storm of 1,000 wrong passwords, beside none", f"{in_storm:.1f}", "2", in_storm <= STORM)
    served = figure(found.pages)
    yield Aim("login pages a second", served.text(), f"{PAGES:,}", served.median >= PAGES)
    paint = found.page_bytes
    yield Aim("first paint of the login page, one request", f"{paint / 1000:.1f} kB", "20 kB", paint < PAINT)
    few, many = (_parts(found.few, found.few_bare), _parts(found.many, found.many_bare))
    slower = ratios(few, many)
    yield Aim(
        f"a login beside {found.people:,} people, in multiples of beside {FEW:,}",
        slower.text(2),
        f"{SLOWER:g}",
        slower.median <= SLOWER,
    )


def _parts(rates: Sequence[float], whole: Sequence[float]) -> list[float]:
    return [rate / all_of_it for rate, all_of_it in zip(rates, whole, strict=True)]


def _share(what: str, rates: Sequence[float], whole: Sequence[float], asked: float) -> Aim:
    share = ratios(rates, whole)
    return Aim(what, f"{share.text(2)} ({share.range(2)})", f"{asked:g}", share.median >= asked)


def section(found: Found | None) -> str:
    """The table; empty where nothing was measured."""
    if found is None:
        return ""
    text = (
        "One client of the bench's own, in Python, asks for all of these on 32 connections; the stack shares the "
        "processors with it.\nTokens and ID tokens are signed with RS256, each code and each refresh brings one of "
        "either.\nA login goes from /authorize through the pages to the code, in a browser that was never here.\n"
        "Those beside few and beside many people are compared in parts of argon2 alone, which is asked before each.\n\n"
    )
    rows = [
        (what, figure(rates).text(digits), figure(rates).range(digits))
        for what, rates, digits in (
            ("client_credentials a second", found.machine, 0),
            ("codes redeemed a second", found.codes, 0),
            ("refreshes a second", found.refreshes, 0),
            ("argon2 a second, alone on every processor", found.bare, 1),
            ("password logins a second", found.logins, 1),
            ("login pages a second", found.pages, 0),
            (f"password logins a second beside {FEW:,} people", found.few, 1),
            (f"password logins a second beside {found.people:,} people", found.many, 1),
        )
    ]
    rows.append(("token p95 alone, ms", number(found.idle_p95, 1), ""))
    rows.append(("token p95 in the storm, ms", number(found.storm_p95, 1), ""))
    return "## People\n\n" + text + table(("", "measured", "range"), rows)
