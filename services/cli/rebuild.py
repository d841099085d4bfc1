"""`limen rebuild [NAME]`: following read models filled anew beside the live ones, compared, and swapped when equal."""

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic

from libs.bus import Bus, StreamRefused
from libs.eventstore import Projection
from libs.eventstore.rebuild import rebuild
from libs.postgres import NotAdmitted
from services.cli.errors import FAILED, OK, USAGE, Refused
from services.cli.stack import STORES, connected, exported, nats_url, opened, quiet, say


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Rebuild one read model or all; 1 when one differs from what its events say."""
    parser = argparse.ArgumentParser(prog="limen rebuild", description="Fill read models anew, compare, swap.")
    parser.add_argument("name", nargs="?", help="only this one: tenants_v1 of every service, or token.tenants_v1")
    parser.add_argument(
        "--accept-difference", action="store_true", help="swap also when they differ: the events are right"
    )
    given = parser.parse_args(arguments)
    chosen = [
        projection
        for service in STORES
        for projection in exported(service, "PROJECTIONS")
        if given.name in {None, projection.name, f"{service}.{projection.name}"}
    ]
    if given.name and not chosen:
        raise Refused(f"there is no read model {given.name!r}.", USAGE)
    quiet()
    try:
        return asyncio.run(_rebuilt(chosen, environ, accept=given.accept_difference))
    except NotAdmitted as error:
        raise Refused(str(error)) from error


async def _rebuilt(projections: Sequence[Projection], environ: Mapping[str, str], *, accept: bool) -> int:
    bus = await connected(nats_url(environ))
    try:
        outcomes = [await rebuilt(projection, environ, bus, accept=accept) for projection in projections]
    finally:
        await bus.close()
    return OK if all(outcomes) else FAILED


async def rebuilt(projection: Projection, environ: Mapping[str, str], bus: Bus, *, accept: bool = False) -> bool:
    """Rebuild one read model and say how it went; whether it is now what its events say."""
    began = monotonic()
    try:
        async with opened(projection.service, environ) as database:
            outcome = await rebuild(projection, database, bus, accept_difference=accept)
    except (LookupError, StreamRefused) as error:
        raise Refused(f"{projection.name} of {projection.service} cannot be rebuilt: {error}.") from error
    seconds = monotonic() - began
    speed = f"{outcome.events} events in {seconds:.1f} s"
    if outcome.differences == 0:
        say(f"ok    {projection.name} of {projection.service}: equal, swapped; {speed}")
    else:
        what = "swapped all the same" if outcome.is_swapped else "not swapped; --accept-difference swaps"
        say(f"DIFF  {projection.name} of {projection.service}: {outcome.differences} rows differ, {what}; {speed}")
    return outcome.differences == 0 or outcome.is_swapped
