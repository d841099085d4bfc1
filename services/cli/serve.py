"""`limen serve SERVICE…`: one or several services in one process, until somebody asks it to stop.

A process has one admin port, one readiness, one connection for locks and, where private keys are used, one keyring. Its
services start side by side, because each waits with patience for what it depends on, in whatever order that comes.
"""

import argparse
import asyncio
import gc
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import uvloop

from libs.postgres import Locks, NotAdmitted, SchemaMismatch
from libs.runtime import signals
from libs.runtime.ended import ended
from libs.runtime.lifecycle import EXIT_SOFTWARE, Lifecycle
from libs.settings import Port, Secret, SettingsError, load
from libs.telemetry import logs
from libs.telemetry.admin import Admin, CannotListen
from libs.telemetry.readiness import Readiness
from services.cli.errors import FAILED, OK, USAGE, Refused
from services.cli.loading import loaded

if TYPE_CHECKING:
    from libs.sealed import Keyring

SCHEMA: Final = 3
"""The exit code when the schema is not one this release runs with."""

WRONG_SETTING: Final = USAGE

COLLECT_AFTER: Final = (50_000, 20, 100)
"""Allocations after which the youngest objects are collected: requests make few cycles."""

YIELDS_AFTER: Final = 0.0002
"""Seconds after which a thread that wants the interpreter gets it: one that has signed must not wait out Python's five
milliseconds while the loop is busy."""

STOPS_WITHIN: Final = 40.0
"""Seconds for everything to end: 30 for requests under way, the rest for connections."""

STARTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway": (),
    "tenants": ("locks",),
    "token": ("locks", "keyring"),
    "login": ("locks", "keyring"),
    "connections": ("locks", "keyring"),
    "key_rotation": ("locks", "keyring"),
    "audit": ("locks",),
}
"""Every service, and what of the process its `app.start(lifecycle, …)` is handed."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """What an operator may say about a process."""

    admin_host: str = "127.0.0.1"
    """The address of the admin port: health, readiness and metrics, never for the public."""
    admin_port: Port = 0
    """The admin port; 0 takes any free one."""


@dataclass(frozen=True, kw_only=True)
class LockAddress:
    """Where a process keeps its locks: in the database of its first service."""

    postgres_url: Secret
    """Postgres, with the service's role."""


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a stop that was asked for, 2 for a wrong setting, 3 for a wrong schema."""
    services = parsed(arguments)
    logs.configure(",".join(services))
    for name in services:
        loaded(f"services.{name}.app")  # before the loop turns: importing blocks
    try:
        return uvloop.run(serve(services, environ))
    except SettingsError as error:
        raise Refused(str(error), WRONG_SETTING) from error
    except CannotListen as error:
        raise Refused(f"LIMEN_ADMIN_PORT or LIMEN_ADMIN_HOST is wrong: {error}.", WRONG_SETTING) from error
    except SchemaMismatch as error:
        raise Refused(str(error), SCHEMA) from error
    except NotAdmitted as error:
        raise Refused(f"{error} (LIMEN_<SERVICE>_POSTGRES_URL; `limen migrate` makes the roles)", FAILED) from error


def parsed(arguments: Sequence[str]) -> list[str]:
    """The services of a command line, each once."""
    parser = argparse.ArgumentParser(
        prog="limen serve",
        description="Run one or several services in this process until SIGTERM or Ctrl-C.",
        epilog="LIMEN_ADMIN_HOST and LIMEN_ADMIN_PORT are where /livez, /readyz and /metrics answer.",
    )
    parser.add_argument("services", nargs="+", metavar="SERVICE", choices=[*STARTERS], help=", ".join(STARTERS))
    return list(dict.fromkeys(parser.parse_args(arguments).services))


class Ending:
    """How a process ends: with 0 when it was asked to, with 70 when background work broke and it stops by itself."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self.code = OK

    def failed(self) -> None:
        """Stop in order, as if asked: what is under way is answered, and connections are closed rather than cut."""
        self.code = EXIT_SOFTWARE
        self._stop.set()


async def serve(services: Sequence[str], environ: Mapping[str, str]) -> int:
    """Start the services and wait for the wish to stop, which may come while they still start; the exit code."""
    stop = signals.stopped()
    readiness = Readiness()
    settings = load(Process, environ)
    async with Admin(readiness, host=settings.admin_host, port=settings.admin_port) as admin:
        shared = shared_of(services, environ)
        ending = Ending(stop)
        lifecycles = {name: Lifecycle(name, environ, readiness, failed=ending.failed) for name in services}
        logs.log.info("starting", services=list(services), admin_port=admin.port)
        try:
            await _first(_started(lifecycles, shared), stop)
            _settle_memory()
            await stop.wait()
        finally:
            logs.log.info("stopping", services=list(services))
            await _stopped(lifecycles, shared)
    return ending.code


def _settle_memory() -> None:
    """Tune the interpreter for serving: what a start made is never collected again, requests' leavings less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    sys.setswitchinterval(YIELDS_AFTER)


def shared_of(services: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """What the services of a process have in common, by the names of the starters' table."""
    wanted = {need for name in services for need in STARTERS[name]}
    shared: dict[str, Any] = {}
    if "keyring" in wanted:
        shared["keyring"] = _keyring(environ)
    if "locks" in wanted:
        first = next(name for name in services if "locks" in STARTERS[name])
        address = load(LockAddress, environ, service=first)
        shared["locks"] = Locks(address.postgres_url.reveal(), ",".join(services))
    return shared


def _keyring(environ: Mapping[str, str]) -> "Keyring":
    keyring: Keyring = import_module("services.key_rotation.app").open_keyring(environ)
    return keyring


async def _started(lifecycles: Mapping[str, Lifecycle], shared: Mapping[str, Any]) -> None:
    """Until all have started; what the first of them raises ends the others."""
    starting = [asyncio.create_task(_start(name, lifecycle, shared)) for name, lifecycle in lifecycles.items()]
    try:
        done, _ = await asyncio.wait(starting, return_when=asyncio.FIRST_EXCEPTION)
        for each in done:
            each.result()
    finally:
        await ended(starting)


async def _start(name: str, lifecycle: Lifecycle, shared: Mapping[str, Any]) -> None:
    condition = f"started {name}"
    lifecycle.readiness.require(condition, "waits for what it depends on")
    app = import_module(f"services.{name}.app")
    await app.start(lifecycle, *(shared[need] for need in STARTERS[name]))
    lifecycle.readiness.met(condition)
    logs.log.info("started", service=name)


async def _first(starting: Any, stop: asyncio.Event) -> None:
    """Until all have started or a stop is asked for."""
    started = asyncio.ensure_future(starting)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({started, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if started.done():
        started.result()
    started.cancel()
    await asyncio.wait({started})


async def _stopped(lifecycles: Mapping[str, Lifecycle], shared: Mapping[str, Any]) -> None:
    async with asyncio.timeout(STOPS_WITHIN):
        await asyncio.gather(*(lifecycle.stop() for lifecycle in lifecycles.values()))
        if "locks" in shared:
            await shared["locks"].close()
