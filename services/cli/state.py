"""`limen state client ID --at TIME`: what one thing was then, folded from its facts.

It reads Postgres alone, so it works while the services are down, and the rows that the services keep play no part.
"""

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from libs.eventstore.history import Stood, stood, time
from libs.postgres import NotAdmitted
from services.cli import aggregates
from services.cli.aggregates import Thing
from services.cli.errors import OK, USAGE, Refused
from services.cli.stack import opened, quiet, say


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Say what one thing was; 1 when it was not there yet."""
    given = parsed(arguments)
    at = None if given.at is None else moment(given.at)
    if given.version is not None and not 0 < given.version < 2**31:
        raise Refused("--version counts from 1.", USAGE)
    thing = aggregates.thing(given)
    quiet()
    try:
        found = asyncio.run(_folded(thing, environ, at, given.version))
    except NotAdmitted as error:
        raise Refused(str(error)) from error
    _say(thing, _existing(thing, given, found), as_json=given.json)
    return OK


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="limen state", description="Say what one thing is, or was at some time.")
    aggregates.add_arguments(parser)
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--at", metavar="TIME", help="ISO 8601 with an offset or Z, such as 2026-11-26T09:30:00Z")
    when.add_argument("--version", type=int, metavar="N", help="behind its Nth change, as `limen history` counts them")
    parser.add_argument("--json", action="store_true", help="one JSON object in one line, also of what was deleted")
    return parser.parse_args(arguments)


def moment(text: str) -> datetime:
    """A time that means the same everywhere.

    Raises:
        Refused: it is no time, or one without an offset.
    """
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Refused(f"--at is {text!r}, but takes a time with an offset or Z, such as 2026-11-26T09:30:00Z.", USAGE)


async def _folded(
    thing: Thing, environ: Mapping[str, str], at: datetime | None, version: int | None
) -> Stood[Any] | None:
    kind = thing.kind
    async with opened(thing.service, environ, most=1) as database, database.connection() as rows:
        return await stood(
            rows,
            kind.catalogue,
            (thing.tenant, thing.stream),
            kind.fold.initial,
            kind.fold.evolve,
            at=at,
            version=version,
        )


def _existing(thing: Thing, given: argparse.Namespace, found: Stood[Any] | None) -> Stood[Any]:
    if found is None:
        when = "is" if given.at is None else f"was at {given.at}"
        raise Refused(f"there {when} no {thing}.")
    if given.version is not None and found.version < given.version:
        raise Refused(f"{thing} has {found.version} versions.")
    return found


def _say(thing: Thing, found: Stood[Any], *, as_json: bool) -> None:
    state = thing.kind.shown(found.state)
    changed_at = time(found.changed_at)
    if state is None and not as_json:
        return say(f"{thing} was deleted at {changed_at}, by its version {found.version}.")
    about = {"tenant": thing.tenant, "version": found.version, "changed_at": changed_at, "is_deleted": state is None}
    told = msgspec.to_builtins({"kind": thing.name, "id": thing.id, **about, "state": state})
    return say(json.dumps(told, indent=None if as_json else 2))
