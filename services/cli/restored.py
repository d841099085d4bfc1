"""`limen restored`: accept that the database went back to a backup, without what was revoked coming back to life."""

import argparse
import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from libs.bus import Bus, BusError, Streams
from libs.edge.management_errors import ManagementError
from libs.eventstore import Actor, Catalogue, Context, EventStore, Handler
from libs.eventstore.names import logs_of
from libs.eventstore.opening import migrations_of
from libs.eventstore.restored import Loss, Lost, begin_epoch, bring_along, derived, loss_of, record, tail
from libs.postgres import AlreadyThere, Database, Migration, NotAdmitted, SchemaMismatch, require_schema
from libs.runtime.clock import wall
from libs.runtime.errors import Unavailable
from services.cli.datadir import DataDir
from services.cli.errors import OK, SCHEMA, Refused
from services.cli.restoring.steps import Burn, Place, Reapply, Step
from services.cli.stack import STORES, catalogue, connected, nats_url, opened, quiet, say

DERIVED: Final = 16
"""Derived ids per lost event: more facts than a command ever causes."""

OPERATOR: Final = Actor("operator", "restored")

QUESTION: Final = "Accept this loss? The saved events stay beside the database. Type yes: "


@dataclass(frozen=True)
class Service:
    """What of a service's code this needs."""

    name: str
    catalogue: Catalogue
    migrations: Sequence[Migration]
    commands: Mapping[type, Handler[Any]]
    reapply: Mapping[type, Reapply]
    burn: Sequence[Burn] = ()


def _service(name: str) -> Service:
    commands = import_module(f"services.{name}.app").COMMANDS
    restoring = import_module(f"services.cli.restoring.{name}")
    burn = getattr(restoring, "BURN", ())
    return Service(name, catalogue(name), migrations_of(name), commands, restoring.REAPPLY, burn)


@dataclass
class Told:
    """What the operator is told in the end."""

    reapplied: list[str] = field(default_factory=list)
    todo: list[str] = field(default_factory=list)


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Find what was lost, reapply what restricted, begin new epochs; 0 also when nothing is to do."""
    parser = argparse.ArgumentParser(
        prog="limen restored",
        description="After an older backup was restored: save what NATS still has of the lost events, repeat what they "
        "revoked, begin a new epoch of each log that lost something, and have its mirror made anew.",
        epilog="Postgres and NATS must run; the services may, unready: those that stopped start anew by themselves.",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what was lost and what would be repeated")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    given = parser.parse_args(arguments)
    quiet()
    services = {name: _service(name) for name in STORES}  # before the loop turns: importing and reading files blocks
    try:
        asyncio.run(_restored(services, environ, is_dry=given.dry_run, is_sure=given.yes))
    except NotAdmitted as error:
        raise Refused(str(error)) from error
    except SchemaMismatch as error:
        raise Refused(str(error), SCHEMA) from error
    except BusError as error:
        raise Unavailable(f"NATS: {error}") from error
    return OK


async def _restored(
    services: Mapping[str, Service], environ: Mapping[str, str], *, is_dry: bool, is_sure: bool
) -> None:
    async with AsyncExitStack() as at_end:
        bus = await connected(nats_url(environ))
        at_end.push_async_callback(bus.close)
        databases = {each.name: await at_end.enter_async_context(_opened(each, environ)) for each in services.values()}
        losses = [
            loss
            for service in STORES
            for log in logs_of(service)
            if (loss := await loss_of(databases[service], bus, service, log)) is not None
        ]
        if not losses:
            say("nothing to do: no log has lost anything that NATS still has")
            return
        for loss in losses:
            say(_sentence(loss))
        if not (is_dry or is_sure):
            _require_yes(await asyncio.to_thread(_typed))
        await Restoring(bus, databases, services, environ, is_dry=is_dry).run(losses)


@asynccontextmanager
async def _opened(service: Service, environ: Mapping[str, str]) -> AsyncIterator[Database]:
    async with opened(service.name, environ) as database:
        async with database.connection() as rows:
            await require_schema(rows, service.name, service.migrations)
        yield database


def _sentence(loss: Loss) -> str:
    if loss.common == loss.last:
        return f"{loss.service} {loss.log}: nothing is lost, but its mirror is of a later epoch than the database"
    return (
        f"{loss.service} {loss.log}: the database and its mirror {loss.stream} agree up to position {loss.common}; "
        f"the mirror goes on to {loss.last}, the database to {loss.head}"
    )


def _typed() -> str:
    try:
        return input(QUESTION)
    except EOFError:
        return ""


def _require_yes(answer: str) -> None:
    if answer.strip().lower() != "yes":
        raise Refused("nothing was changed; `limen restored --yes` does not ask.")


class Restoring:
    """One run, step by step; each step may be repeated, so a run that was interrupted is finished by another."""

    def __init__(
        self,
        bus: Bus,
        databases: Mapping[str, Database],
        services: Mapping[str, Service],
        environ: Mapping[str, str],
        *,
        is_dry: bool,
    ) -> None:
        self._bus = bus
        self._services = services
        self._databases = databases
        self._environ = environ
        self._is_dry = is_dry
        self._told = Told()
        moment = datetime.fromtimestamp(wall(), UTC).strftime("%Y-%m-%dT%H%M%SZ")
        self._folder = DataDir.of(environ).path / "restored" / moment

    async def run(self, losses: Sequence[Loss]) -> None:
        """Save everything before anything is changed; delete the mirrors last, because they are the evidence."""
        facts: dict[str, list[Lost]] = {}
        counts = {}
        for loss in losses:
            counts[loss], facts[loss.stream] = await self._saved(loss)
        for loss in losses:
            await self._reapply(self._services[loss.service], facts[loss.stream])
        if not self._is_dry:
            await self._give_up(counts)
        self._report()

    async def _saved(self, loss: Loss) -> tuple[int, list[Lost]]:
        """Write the lost tail to its file; how many events it has, and those that are facts."""
        facts, types = [], Counter[str]()
        path = self._folder / f"{loss.stream}.jsonl"
        descriptor = None if self._is_dry else _created(path)
        try:
            async for batch in tail(self._databases[loss.service], self._bus, loss):
                types.update(each.type for each in batch)
                facts += batch if loss.log == "facts" else []
                if descriptor is not None:
                    _written(descriptor, batch)
        finally:
            if descriptor is not None:
                os.fsync(descriptor)
                os.close(descriptor)
        for name, count in sorted(types.items()):
            say(f"  lost: {count} {name}")
        if descriptor is not None and types:
            say(f"  saved in {path}")
        return types.total(), facts

    async def _reapply(self, service: Service, facts: Sequence[Lost]) -> None:
        store = EventStore(self._databases[service.name], service.catalogue, self._bus, service.commands)
        place = Place(store, self._environ)
        for lost in facts:
            assert lost.envelope is not None, "a fact has one"
            event = service.catalogue.decode(lost.envelope.type, bytes(lost.envelope.data))
            if (turn := service.reapply.get(type(event))) is None:
                continue
            step = await turn(place, lost.envelope, event)
            if step is not None:
                await self._execute(place, lost, step)

    async def _execute(self, place: Place, lost: Lost, step: Step) -> None:
        if not self._is_dry:
            ids = [derived(lost.id, number) for number in range(DERIVED)]
            try:
                committed = await place.store.execute(step.command, _context(lost), ids=ids)
            except AlreadyThere:
                return  # an earlier run that was interrupted did it
            except ManagementError as refusal:
                self._told.todo.append(f"look at {lost.type} {lost.id}: it was refused ({refusal})")
                return
            if not committed.events:
                return
        self._told.reapplied.append(step.says)
        if step.todo is not None and step.todo not in self._told.todo:
            self._told.todo.append(step.todo)

    async def _give_up(self, counts: Mapping[Loss, int]) -> None:
        for service in sorted({loss.service for loss in counts}):
            await self._burn(self._services[service])
        for loss, lost in counts.items():
            database = self._databases[loss.service]
            await record(database, loss, lost, Context(actor=OPERATOR))
            await begin_epoch(database, loss)
            for each in self._databases.values():
                for name in await bring_along(each, loss):
                    say(f"  {name} of {each.schema} had applied lost events of {loss.service} and follows anew")
        for loss in counts:
            await Streams(self._bus).delete(loss.stream)
            say(
                f"{loss.service} {loss.log}: epoch {loss.epoch} begins; {loss.stream} is deleted and made anew at start"
            )

    async def _burn(self, service: Service) -> None:
        """Make worthless what counts once, before the new epoch: a run that is interrupted does it again."""
        async with self._databases[service.name].transaction() as rows:
            for burn in service.burn:
                number = (await rows.execute(burn.statement)).rpartition(" ")[2]
                if burn.says and number != "0":
                    self._told.reapplied.append(f"{burn.says} ({number})")

    def _report(self) -> None:
        for line in self._told.reapplied:
            say(f"{'would be repeated' if self._is_dry else 'repeated'}: {line}")
        if self._is_dry:
            say("nothing was changed")
            return
        for line in self._told.todo:
            say(f"to do: {line}")
        say(f"to do: what was created or allowed is not repeated; {self._folder} says what it was")
        say("to do: services that run start anew by themselves, others by you; then `limen verify` compares everything")


def _context(lost: Lost) -> Context:
    envelope = lost.envelope
    assert envelope is not None, "a fact has one"
    return Context(
        actor=OPERATOR,
        causation_id=str(envelope.id),
        correlation_id=envelope.correlation_id or str(envelope.id),
    )


def _created(path: Path) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.parent.chmod(0o700)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def _written(descriptor: int, batch: Sequence[Lost]) -> None:
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.writelines(each.payload + b"\n" for each in batch)
