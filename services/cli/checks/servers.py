"""Looks at the two servers: do they answer, are they new enough, does their clock agree with ours."""

import asyncio
import json
import time
from typing import Any, Final
from urllib.parse import urlsplit

from libs.postgres import Connection
from libs.runtime.clock import TRUSTED_WITHIN, wall
from services.cli.checks.finding import Finding, fail, ok, warn
from services.cli.embedded.binaries import NATS_AT_LEAST, POSTGRES_AT_LEAST

NOTICEABLE: Final = 1.0
"""Seconds of difference between two clocks that are worth a word."""

DURABLE: Final = ("fsync", "synchronous_commit", "full_page_writes")

ANSWERS_WITHIN: Final = 3.0


async def postgres(rows: Connection) -> list[Finding]:
    """Version, durability and clock of the database behind an open connection."""
    version = str(await rows.fetchval("SHOW server_version"))
    number = int(await rows.fetchval("SHOW server_version_num")) // 10000
    is_new_enough = number >= POSTGRES_AT_LEAST[0]
    says = f"version {version}" + ("" if is_new_enough else f"; Limen needs {POSTGRES_AT_LEAST[0]} or later")
    return [(ok if is_new_enough else fail)("postgres", says), *await _durability(rows), await _clock(rows)]


async def _durability(rows: Connection) -> list[Finding]:
    """Whether an answer that was sent survives a power cut."""
    values = {name: await rows.fetchval(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")}
    return [
        fail("postgres", f"{name} is off: answers are not durable") for name, value in values.items() if value == "off"
    ]


async def _clock(rows: Connection) -> Finding:
    began = time.monotonic()
    at = await rows.fetchval("SELECT clock_timestamp()")
    passed = time.monotonic() - began
    difference = at.timestamp() + passed / 2 - wall()
    says = f"the database's clock and this machine's differ by {abs(difference):.3f} s"
    if abs(difference) > TRUSTED_WITHIN:
        return fail("clock", f"{says}; past {TRUSTED_WITHIN:g} s services are unready")
    return (warn if abs(difference) > NOTICEABLE else ok)("clock", says)


async def nats(url: str) -> Finding:
    """What the server says of itself when one connects, before any login."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            said = await _greeting(parts.hostname or "localhost", parts.port or 4222)
    except (OSError, TimeoutError, ValueError) as error:
        return fail("nats", f"does not answer at {parts.hostname}:{parts.port or 4222}: {error!r}")
    return _judged(said)


async def _greeting(host: str, port: int) -> dict[str, Any]:
    reader, writer = await asyncio.open_connection(host, port, limit=2**20)
    try:
        line = await reader.readline()
    finally:
        writer.close()
    said: dict[str, Any] = json.loads(line.decode().removeprefix("INFO "))
    return said


def _judged(said: dict[str, Any]) -> Finding:
    version = str(said.get("version", "0"))
    numbers = tuple(int(part) for part in version.split("-", maxsplit=1)[0].split("."))
    if numbers < NATS_AT_LEAST:
        return fail("nats", f"version {version}; Limen needs {'.'.join(map(str, NATS_AT_LEAST))} or later")
    if not said.get("jetstream"):
        return fail("nats", f"version {version}, but JetStream is off")
    return ok("nats", f"version {version}, messages up to {said.get('max_payload', 0) // 2**20} MB")
