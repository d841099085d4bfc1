"""Owns the way of operator's verbs to a running stack: addresses, connections, and what services let be checked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from libs.bus import Bus
from libs.eventstore import Catalogue
from libs.postgres import Database
from libs.runtime.errors import Unavailable
from libs.settings import Secret, load
from libs.telemetry import logs
from libs.telemetry.stdout import Stdout

STORES: Final = ("tenants", "token", "login", "connections", "key_rotation", "audit")
"""The services with a log."""

CONNECTS_WITHIN: Final = 3.0
"""Seconds a server may take to let us in."""

STDERR: Final = 2


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Where a service's schema is."""

    postgres_url: Secret
    """Postgres, with the service's role."""


@dataclass(frozen=True, kw_only=True)
class Nats:
    """Where the operator listens."""

    nats_url: Secret
    """NATS, with the operator's user."""


def schema_url(service: str, environ: Mapping[str, str]) -> str:
    """The address of a service's schema."""
    return load(Schema, environ, service=service).postgres_url.reveal()


def nats_url(environ: Mapping[str, str]) -> str:
    """The operator's address of NATS."""
    return load(Nats, environ).nats_url.reveal()


async def connected(url: str) -> Bus:
    """A connection as the operator.

    Raises:
        Unavailable: NATS does not answer in time.
    """
    try:
        async with asyncio.timeout(CONNECTS_WITHIN):
            return await Bus.connect(url, name="limen")
    except TimeoutError as error:
        raise Unavailable("NATS does not answer") from error


@asynccontextmanager
async def opened(service: str, environ: Mapping[str, str], *, most: int = 2) -> AsyncIterator[Database]:
    """A pool on a service's schema.

    Raises:
        Unavailable: Postgres does not answer in time.
    """
    try:
        async with asyncio.timeout(CONNECTS_WITHIN):
            database = await Database.open(schema_url(service, environ), schema=service, most=most)
    except TimeoutError as error:
        raise Unavailable("Postgres does not answer") from error
    try:
        yield database
    finally:
        await database.close()


def catalogue(service: str) -> Catalogue:
    """A service's events."""
    found: Catalogue = import_module(f"services.{service}.events").CATALOGUE
    return found


def exported(service: str, name: str) -> tuple[Any, ...]:
    """What a service's `app` lists under `name` (`AGGREGATES`, `PROJECTIONS`); nothing when it has none."""
    return tuple(getattr(import_module(f"services.{service}.app"), name, ()))


def quiet() -> None:
    """Send the lines of the libraries to standard error: what a verb prints is read by programs."""
    logs._stdout = Stdout(STDERR)  # noqa: SLF001 - the way of this process's lines, chosen once before it starts


def say(text: str) -> None:
    """One line to whoever asked."""
    print(text, flush=True)  # noqa: T201 - a command line speaks by printing
