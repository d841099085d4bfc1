"""`limen history client ID`: every change of one thing, the oldest first: when, what, by whom, because of what.

It reads Postgres alone, so it works while the services are down.
"""

import argparse
import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from libs.eventstore.history import facts_of, told
from libs.postgres import NotAdmitted
from services.cli import aggregates
from services.cli.aggregates import Thing
from services.cli.errors import OK, Refused
from services.cli.stack import opened, quiet, say

BATCH: Final = 500


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Tell the history of one thing; 1 when there never was one of this id."""
    parser = argparse.ArgumentParser(prog="limen history", description="Tell each change of one thing, oldest first.")
    aggregates.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line, as the Management API tells it")
    given = parser.parse_args(arguments)
    quiet()
    try:
        asyncio.run(_told(aggregates.thing(given), environ, as_json=given.json))
    except NotAdmitted as error:
        raise Refused(str(error)) from error
    return OK


async def _told(thing: Thing, environ: Mapping[str, str], *, as_json: bool) -> None:
    version = 0
    async with opened(thing.service, environ, most=1) as database, database.connection() as rows:
        while facts := await facts_of(rows, thing.tenant, thing.stream, after=version, limit=BATCH):
            for entry in map(told, facts):
                say(json.dumps(entry) if as_json else line(thing, entry))
            version += len(facts)
    if not version:
        raise Refused(f"there is no {thing}, and there never was one.")


def line(thing: Thing, entry: Mapping[str, Any]) -> str:
    """A change for a person; its time is one that `limen state --at` takes."""
    words = f"{entry['occurred_at']}  {entry['version']:>3}  {entry['type']}{''.join(_causes(entry))}"
    data = {name: value for name, value in entry["data"].items() if value != thing.id}
    # Words may be what a stranger sent: nothing of them may move the cursor of a terminal.
    return ascii(words)[1:-1] + (f"  {json.dumps(data)}" if data else "")


def _causes(entry: Mapping[str, Any]) -> Iterator[str]:
    if entry["actor"] is not None:
        yield f"  by {_name(entry['actor'])}"
    yield from (f" through {_name(each)}" for each in entry.get("act", ()))
    if "request_id" in entry:
        yield f"  request {entry['request_id']}"
    if "trace" in entry:
        yield f"  trace {_trace_id(entry['trace'])}"
    if "causation_id" in entry:
        yield f"  because of {entry['causation_id']}"


def _name(actor: Mapping[str, str]) -> str:
    return f"{actor['kind']} {actor['id']}"


def _trace_id(traceparent: str) -> str:
    """What traces are looked up by, of `version-trace_id-parent_id-flags`."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) > 1 else traceparent
