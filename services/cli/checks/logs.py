"""Looks at every log: does NATS hold what Postgres holds, and do the followers of other services get on."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from libs.bus import Streams, StreamState
from libs.eventstore.names import ACTIVITY, FACTS, stream_of
from libs.postgres import Connection
from services.cli.checks.finding import Finding, fail, ok, warn
from services.cli.stack import exported

CATCHES_UP_WITHIN: Final = 2.0
"""Seconds after which a mirror or a follower is late that has not come where the log was."""

HEADS: Final = "SELECT log, epoch, pos, floor FROM {schema}.head ORDER BY log DESC"
CHECKPOINTS: Final = "SELECT name, source, pos, halted FROM {schema}.checkpoints ORDER BY name"


async def findings(databases: Mapping[str, Connection], streams: Streams) -> list[Finding]:
    """Every log with its mirror, then every follower with its source; `databases` are connections by service."""
    heads, found = {}, []
    for service, rows in databases.items():
        if not await rows.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{service}.head"):
            found.append(fail(f"log of {service}", "there is no schema yet: `limen migrate` makes it"))
            continue
        for head in await rows.fetch(HEADS.format(schema=service)):
            heads[stream_of(service, head["log"])] = head["pos"]
            found += await _mirror(rows, streams, service, head)
    return [*found, *await _followers(databases, heads)]


async def _mirror(rows: Connection, streams: Streams, service: str, head: Any) -> list[Finding]:
    stream, what = stream_of(service, head["log"]), f"log {service}.{head['log']}"
    state = await _caught_up(streams, stream, head["pos"])
    if head["log"] == ACTIVITY and not head["pos"] and (state is None or not state.last):
        return []  # a log that was never written need not exist
    if state is None:
        return [(fail if head["pos"] else ok)(what, f"stream {stream} does not exist yet")]
    if state.last > head["pos"]:
        pos = await rows.fetchval(f"SELECT pos FROM {service}.head WHERE log = $1", head["log"])  # noqa: S608 - our names
        if state.last > pos:
            says = (
                f"NATS is ahead by {state.last - pos}: the database went back; docs/guides/operate.md says what to do"
            )
            return [fail(what, says)]
    return [_standing(what, head, state)]


async def _caught_up(streams: Streams, stream: str, position: int) -> StreamState | None:
    """The stream's state once it holds `position`, or as it is when it should have."""
    deadline = time.monotonic() + CATCHES_UP_WITHIN
    while True:
        state = await streams.state(stream)
        if not position or (state is not None and state.last >= position) or time.monotonic() > deadline:
            return state
        await asyncio.sleep(0.1)


def _standing(what: str, head: Any, state: StreamState) -> Finding:
    if state.last < head["pos"]:
        behind = head["pos"] - state.last
        return fail(what, f"NATS is behind by {behind} and does not catch up; if its disk was full, restart it")
    if head["log"] == FACTS and (state.deleted or (head["pos"] and state.first != head["floor"])):
        return fail(what, f"its mirror begins at {state.first} and lacks {state.deleted} messages")
    return ok(what, f"NATS is level at position {head['pos']}, epoch {head['epoch']}")


async def _followers(databases: Mapping[str, Connection], heads: Mapping[str, int]) -> list[Finding]:
    found: list[Finding] = []
    for service, rows in databases.items():
        if await rows.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{service}.checkpoints"):
            checkpoints = await rows.fetch(CHECKPOINTS.format(schema=service))
            found += [await _follower(rows, service, row, heads.get(row["source"], 0)) for row in checkpoints]
    return found


async def _follower(rows: Connection, service: str, row: Any, head: int) -> Finding:
    what = f"follower {service}.{row['name']}"
    if newer := superseding(service, row["name"]):
        return ok(what, f"is of an earlier release; {newer} stands in its place")
    if row["halted"]:
        return fail(what, f"stands after position {row['pos']} of {row['source']}: {row['halted']}")
    position = await _position(rows, service, row["name"], head)
    if position < head:
        return warn(what, f"is at {position} of {head} in {row['source']}")
    return ok(what, f"has applied {row['source']} up to {position}")


def superseding(service: str, name: str) -> str | None:
    """The read model of this release that is the later version of `name`, which only an older release still moves."""
    stem, _, version = name.rpartition("_v")
    for projection in exported(service, "PROJECTIONS"):
        of, _, number = projection.name.rpartition("_v")
        if of == stem and version.isdecimal() and int(number) > int(version):
            return str(projection.name)
    return None


async def _position(rows: Connection, service: str, name: str, at_least: int) -> int:
    deadline = time.monotonic() + CATCHES_UP_WITHIN
    while True:
        position = int(await rows.fetchval(f"SELECT pos FROM {service}.checkpoints WHERE name = $1", name))  # noqa: S608 - our names
        if position >= at_least or time.monotonic() > deadline:
            return position
        await asyncio.sleep(0.1)
