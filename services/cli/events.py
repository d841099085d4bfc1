"""`limen events tail`: what happened, as it happens, one event a line.

What is recorded already is read from Postgres, the record; what comes then from NATS, and from Postgres again while
NATS is away. Where only one of them is known or answers, that one is enough.
"""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush, heapreplace
from typing import Any, Final

from libs.bus import Bus, Reader, Streams
from libs.eventstore.envelope import Envelope, from_row, from_wire, to_wire
from libs.eventstore.forms import FORMS
from libs.eventstore.names import stream_of
from libs.postgres import Database, DatabaseAway, NotAdmitted
from libs.runtime.errors import Unavailable
from libs.settings import SettingsError
from services.cli.errors import OK, USAGE, Refused
from services.cli.stack import STORES, connected, nats_url, quiet, say, schema_url

LOGS: Final = ("facts", "activity")
BATCH: Final = 500
POLL: Final = 0.5
OPENS_WITHIN: Final = 3.0


@dataclass
class Log:
    """One log being told: from where, and how far it was."""

    service: str
    name: str
    next: int | None
    """The next position; `None` until the end is known."""


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Tell events until interrupted, or with `--no-follow` those there are."""
    given = parsed(arguments)
    if given.from_ is not None and given.from_ < 1:
        raise Refused("--from counts from 1.", USAGE)
    quiet()
    try:
        return asyncio.run(_told(given, environ))
    except NotAdmitted as error:
        raise Refused(str(error)) from error


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="limen events", description="Show what happened, as it happens.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    tail = verbs.add_parser("tail", help="follow the logs; without --from, from their end")
    tail.add_argument("--service", action="append", choices=STORES, help="only this service (may be repeated)")
    tail.add_argument("--log", choices=LOGS, help="only what was decided (facts) or what was done (activity)")
    tail.add_argument("--from", dest="from_", type=int, metavar="POS", help="begin at this position of each log")
    tail.add_argument("--json", action="store_true", help="one JSON object a line, with the envelope's names")
    tail.add_argument(
        "--no-follow",
        action="store_true",
        help="stop at the end; without --from, tell all there is, in the order of its moments",
    )
    return parser.parse_args(arguments)


async def _told(given: argparse.Namespace, environ: Mapping[str, str]) -> int:
    start = given.from_ or (1 if given.no_follow else None)
    logs = [
        Log(service, log, start) for service in given.service or STORES for log in ([given.log] if given.log else LOGS)
    ]
    bus = await _bus(environ)
    databases = {service: await _database(service, environ) for service in {log.service for log in logs}}
    try:
        if bus is None and not any(databases.values()):
            raise Unavailable("neither Postgres nor NATS answers")
        tails = [Tail(log, databases[log.service], bus, as_json=given.json) for log in logs]
        if given.no_follow:
            await _in_order(tails)
        else:
            await asyncio.gather(*(tail.follow() for tail in tails))
    finally:
        for database in databases.values():
            if database is not None:
                await database.close()
        if bus is not None:
            await bus.close()
    return OK


async def _in_order(tails: "Sequence[Tail]") -> None:
    """Tell what is recorded in all logs by its moment, and what is of one log in that log's order."""
    logs = [tail.backlog() for tail in tails]
    ahead: list[tuple[datetime, int, Envelope]] = []
    for number, log in enumerate(logs):
        if (first := await anext(log, None)) is not None:
            heappush(ahead, (first.at, number, first))
    while ahead:
        _, number, envelope = ahead[0]
        tails[number].tell(envelope)
        if (following := await anext(logs[number], None)) is not None:
            heapreplace(ahead, (following.at, number, following))
        else:
            heappop(ahead)


async def _bus(environ: Mapping[str, str]) -> Bus | None:
    try:
        return await connected(nats_url(environ))
    except (SettingsError, Unavailable):
        return None


async def _database(service: str, environ: Mapping[str, str]) -> Database | None:
    try:
        async with asyncio.timeout(OPENS_WITHIN):
            return await Database.open(schema_url(service, environ), schema=service, most=2)
    except (SettingsError, TimeoutError):
        return None


class Tail:
    """One log as it grows."""

    def __init__(self, log: Log, database: Database | None, bus: Bus | None, *, as_json: bool) -> None:
        self._log = log
        self._database = database
        self._bus = bus
        self._as_json = as_json

    async def backlog(self) -> AsyncIterator[Envelope]:
        """What is recorded and was not told yet, from Postgres if it answers."""
        if self._database is not None:
            try:
                async for envelope in self._recorded(self._database):
                    yield envelope
            except DatabaseAway:
                if self._bus is None:
                    raise
            else:
                return
        assert self._bus is not None, "one of them is there"
        async for envelope in self._mirrored(self._bus, to_the_end=True):
            yield envelope

    async def follow(self) -> None:
        """Tell events for ever."""
        while True:
            try:
                async for envelope in self.backlog():
                    self.tell(envelope)
                if self._bus is not None:
                    async for envelope in self._mirrored(self._bus, to_the_end=False):
                        self.tell(envelope)
            except Unavailable:
                pass  # whichever is away comes back
            await asyncio.sleep(POLL)

    async def _recorded(self, database: Database) -> AsyncIterator[Envelope]:
        async with database.connection() as rows:
            head = await rows.fetchrow("SELECT epoch, pos FROM head WHERE log = $1", self._log.name)
        assert head is not None, "the migration inserts one row per log"
        if self._log.next is None:
            self._log.next = head["pos"] + 1
        while self._log.next <= head["pos"]:
            async with database.connection() as rows:
                found = await rows.fetch(FORMS[self._log.name].read, self._log.next, BATCH)
            for row in found:
                yield self._passed(from_row(row, log=self._log.name, epoch=head["epoch"]))
            if not found:
                return

    async def _mirrored(self, bus: Bus, *, to_the_end: bool) -> AsyncIterator[Envelope]:
        stream = stream_of(self._log.service, self._log.name)
        state = await Streams(bus).state(stream)
        if state is None:
            return
        if self._log.next is None:
            self._log.next = state.last + 1
        async with Reader(bus, stream, start=self._log.next) as reader:
            while not to_the_end or self._log.next <= state.last:
                for each in await reader.fetch(BATCH, wait=5.0):
                    if each.sequence >= self._log.next:
                        yield self._passed(from_wire(each.payload))

    def _passed(self, envelope: Envelope) -> Envelope:
        self._log.next = envelope.pos + 1
        return envelope

    def tell(self, envelope: Envelope) -> None:
        """Write it."""
        say(to_wire(envelope).decode() if self._as_json else line(envelope))


def line(envelope: Envelope) -> str:
    """An event for a person: when, where, what, who, and its data."""
    actor = f" by {envelope.actor.kind} {envelope.actor.id}" if envelope.actor else ""
    stream = f" {envelope.stream}@{envelope.version}" if envelope.stream else ""
    when = envelope.at.astimezone().isoformat(timespec="milliseconds")
    data: Any = json.loads(bytes(envelope.data))
    # Data may hold what a stranger sent: nothing of it may move the cursor of a terminal.
    said = (
        f"{when} {envelope.log} {envelope.pos} {envelope.type} of {envelope.tenant}{stream}{actor} {json.dumps(data)}"
    )
    return said.encode("ascii", "backslashreplace").decode()
