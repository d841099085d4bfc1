"""`limen projection list|skip NAME`: how far followers have come, and going past an event one cannot apply."""

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from libs.eventstore.checkpoints import skip
from libs.postgres import NotAdmitted
from services.cli.errors import OK, Refused
from services.cli.stack import STORES, opened, quiet, say

LIST: Final = "SELECT name, source, epoch, pos, halted FROM checkpoints ORDER BY name"


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """List followers, or skip the event a halted one stands before."""
    parser = argparse.ArgumentParser(prog="limen projection", description="Followers of logs: list, or skip an event.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="every projection and reaction, and how far it has come")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    skipping = verbs.add_parser("skip", help="go past the event a halted one stands before; recorded as a fact")
    skipping.add_argument("name", help="such as tenants_v1")
    given = parser.parse_args(arguments)
    quiet()
    try:
        asyncio.run(_listed(environ, as_json=given.json) if given.verb == "list" else _skipped(given.name, environ))
    except NotAdmitted as error:
        raise Refused(str(error)) from error
    return OK


async def _listed(environ: Mapping[str, str], *, as_json: bool) -> None:
    for service in STORES:
        async with opened(service, environ, most=1) as database, database.connection() as rows:
            found = [dict(row) for row in await rows.fetch(LIST)]
        for row in found:
            say(json.dumps({"service": service, **row}) if as_json else _line(service, row))


def _line(service: str, row: Mapping[str, Any]) -> str:
    standing = f"HALTED: {row['halted']}" if row["halted"] else "runs"
    return ascii(f"{service:<13} {row['name']:<24} {row['source']:<22} {row['pos']:>10}  {standing}")[1:-1]


async def _skipped(name: str, environ: Mapping[str, str]) -> None:
    is_known = False
    for service in STORES:
        async with opened(service, environ, most=1) as database, database.transaction() as rows:
            is_known |= bool(await rows.fetchval("SELECT 1 FROM checkpoints WHERE name = $1", name))
            skipped = await skip(rows, service, name)
        if skipped is not None:
            say(f"{name} of {service} goes on behind position {skipped.pos} of {skipped.source}: {skipped.reason}")
            return
    if not is_known:
        raise Refused(f"there is no projection or reaction {name!r}.")
    raise Refused(f"{name} is not halted before an event, so there is nothing to skip.")
