"""`limen verify`: positions against head, streams against logs, rows against facts; it looks and changes nothing."""

import argparse
import asyncio
from collections.abc import Mapping, Sequence

from libs.bus import Bus
from libs.eventstore.names import logs_of
from libs.eventstore.verify import SHOWN, folds, mirror, positions, snapshot
from libs.postgres import Connection, NotAdmitted
from services.cli.errors import FAILED, OK, Refused
from services.cli.stack import STORES, catalogue, connected, exported, nats_url, quiet, say, schema_url


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Compare everything; 0 when all agrees, 1 when something differs."""
    parser = argparse.ArgumentParser(prog="limen verify", description="Compare state with events, NATS with Postgres.")
    parser.add_argument("--service", action="append", choices=STORES, help="only this service (may be repeated)")
    given = parser.parse_args(arguments)
    quiet()
    services = given.service or STORES
    for service in services:
        exported(service, "AGGREGATES")  # loaded before there is a loop that would wait for it
    try:
        findings = asyncio.run(_verified(services, environ))
    except NotAdmitted as error:
        raise Refused(str(error)) from error
    say(f"{findings} differences" if findings else "all agrees")
    return FAILED if findings else OK


async def _verified(services: Sequence[str], environ: Mapping[str, str]) -> int:
    bus = await connected(nats_url(environ))
    try:
        return sum([await verified(service, schema_url(service, environ), bus) for service in services])
    finally:
        await bus.close()


async def verified(service: str, url: str, bus: Bus) -> int:
    """Verify one service's logs and rows and say what was found; the number of differences."""
    async with snapshot(url, service) as rows:
        found = 0
        for log in logs_of(service):
            head = await rows.fetchval("SELECT pos FROM head WHERE log = $1", log)
            found += _told(service, f"{log} to {head}, gapless", await positions(rows, log))
            found += _told(service, f"{log} as mirrored", await mirror(rows, bus, service, log))
        return found + await _aggregates(rows, service)


async def _aggregates(rows: Connection, service: str) -> int:
    found = 0
    for check in exported(service, "AGGREGATES"):
        count, findings = await folds(rows, catalogue(service), check)
        found += _told(service, f"{count} of {check.name}, rows as their facts say", findings)
    return found


def _told(service: str, what: str, findings: Sequence[str]) -> int:
    if not findings:
        say(f"ok    {service}: {what}")
    for finding in findings[:SHOWN]:
        say(f"DIFF  {service}: {finding}")
    if len(findings) > SHOWN:
        say(f"DIFF  {service}: and {len(findings) - SHOWN} more of this kind")
    return len(findings)
