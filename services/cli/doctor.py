"""`limen doctor`: what is wrong with this stack, line by line; it looks and changes nothing."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Final

from libs.bus import Bus, BusError, Streams
from libs.postgres import Connection, DatabaseAway, NotAdmitted, connect, translated
from services.cli.checks import keys, logs, machine, servers
from services.cli.checks.finding import Finding, Standing, fail
from services.cli.datadir import DataDir
from services.cli.errors import FAILED, OK
from services.cli.main import version
from services.cli.migrate import STORES

CONNECTS_WITHIN: Final = 5.0
"""Seconds a server may take to let us in."""

CHECKED_WITHIN: Final = 20.0
"""Seconds a check may take; each of its waits has a bound of its own."""


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Report; 0 when nothing failed, 1 when something did."""
    parser = argparse.ArgumentParser(prog="limen doctor", description="Say what is wrong with this stack.")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with standing, what and says")
    given = parser.parse_args(arguments)
    found = [*machine.findings(DataDir.of(environ), environ, version()), *asyncio.run(_asked(environ))]
    for finding in found:
        _say(json.dumps(asdict(finding)) if given.json else _line(finding))
    failures = sum(each.standing is Standing.FAIL for each in found)
    if not given.json:
        _say(f"{failures} of {len(found)} failed" if failures else f"all {len(found)} are well enough")
    return FAILED if failures else OK


async def _asked(environ: Mapping[str, str]) -> list[Finding]:
    """What only the servers and the services can tell."""
    nats = environ.get("LIMEN_NATS_URL", "")
    found = [await servers.nats(nats) if nats else _unknown("nats")]
    async with AsyncExitStack() as at_end:
        bus = await _bus(nats, at_end, found) if found[0].standing is Standing.OK else None
        databases = await _databases(environ, at_end, found)
        if databases:
            found += await _bounded("postgres", servers.postgres(next(iter(databases.values()))))
        if databases and bus is not None:
            found += await _bounded("logs", logs.findings(databases, Streams(bus)))
        if bus is not None:
            found += await _bounded("keys", keys.findings(bus))
    return found


async def _bus(url: str, at_end: AsyncExitStack, found: list[Finding]) -> Bus | None:
    try:
        async with asyncio.timeout(CONNECTS_WITHIN):
            bus = await Bus.connect(url, name="limen")
    except TimeoutError:
        found.append(fail("nats", "answers, but does not let us in: is LIMEN_NATS_URL the operator's?"))
        return None
    at_end.push_async_callback(bus.close)
    return bus


async def _databases(environ: Mapping[str, str], at_end: AsyncExitStack, found: list[Finding]) -> dict[str, Connection]:
    """A connection by service: the operator's for all of them, or each by its own role where there is none."""
    if operators := environ.get("LIMEN_POSTGRES_URL"):
        rows = await _rows(operators, at_end, found)
        return dict.fromkeys(STORES, rows) if rows is not None else {}
    own = {service: environ.get(f"LIMEN_{service.upper()}_POSTGRES_URL") for service in STORES}
    if not any(own.values()):
        found.append(_unknown("postgres"))
    opened = {service: await _rows(url, at_end, found) for service, url in own.items() if url}
    return {service: rows for service, rows in opened.items() if rows is not None}


async def _rows(url: str, at_end: AsyncExitStack, found: list[Finding]) -> Connection | None:
    try:
        with translated():
            async with asyncio.timeout(CONNECTS_WITHIN):
                rows = await connect(url, name="limen doctor")
    except (DatabaseAway, NotAdmitted) as error:
        found.append(fail("postgres", f"does not let us in: {error}"))
        return None
    at_end.push_async_callback(rows.close)
    return rows


async def _bounded(what: str, check: Awaitable[list[Finding]]) -> list[Finding]:
    """What a check finds; that it broke off is a finding too."""
    try:
        with translated():
            async with asyncio.timeout(CHECKED_WITHIN):
                return await check
    except (DatabaseAway, NotAdmitted, BusError, TimeoutError) as error:
        return [fail(what, f"could not be looked at to the end: {error!r}")]


def _unknown(server: str) -> Finding:
    return fail(server, f"no address: start `limen up`, or set LIMEN_DATA_DIR or LIMEN_{server.upper()}_URL")


def _line(finding: Finding) -> str:
    return f"{finding.standing:<4}  {finding.what}: {finding.says}"


def _say(text: str) -> None:
    print(text)  # noqa: T201 - a command line speaks by printing
