"""What every service with a log does first: open its schema and its bus, and keep telling whether both are there."""

import asyncio
import time
from collections.abc import Sequence
from importlib.resources import files as package_files
from typing import Final

from libs.bus import Bus
from libs.postgres import Database, DatabaseAway, Migration, require_schema
from libs.postgres.migrations import files
from libs.runtime.clock import Clock
from libs.runtime.lifecycle import Lifecycle
from libs.telemetry.readiness import Readiness

MEASURED_EVERY: Final = 2.0
"""Seconds between two readings of the database's clock, which also tell whether the database is there."""

MEASURED_AGAIN: Final = 0.5
"""Seconds until the next try when a reading failed."""

LOOKED_EVERY: Final = 0.5
"""Seconds between two looks at whether the bus is there."""

CLOCK: Final = "clock"


def migrations_of(service: str) -> list[Migration]:
    """Every migration of a service's schema: the log's own (below 100), then the service's."""
    log = package_files("libs.eventstore").joinpath("migrations")
    own = package_files(f"services.{service}").joinpath("migrations")
    return [*files(log), *files(own)]


async def open_database(
    lifecycle: Lifecycle, url: str, *, service: str, migrations: Sequence[Migration], most: int = 6
) -> tuple[Database, Clock]:
    """Open the pool of `service`'s schema, check the schema, and measure its clock from now on.

    Waits for a database that is not there yet; `lifecycle` closes the pool last.

    Raises:
        SchemaMismatch: with one line that says what to run.
    """
    lifecycle.readiness.require(f"postgres of {service}", "Postgres has not answered yet")
    database = await Database.open(url, schema=service, most=most)
    lifecycle.on_stop(database.close)
    clock = Clock()
    await _checked(database, service, migrations)
    await _measure(database, clock)
    lifecycle.background("clock", keep_time(database, clock, lifecycle.readiness))
    return database, clock


async def open_bus(lifecycle: Lifecycle, url: str, *, service: str) -> Bus:
    """Connect to NATS as `service`, waiting until it is there, and tell from now on whether it is."""
    lifecycle.readiness.require(f"nats of {service}", "NATS has not answered yet")
    bus = await Bus.connect(url, name=service)
    lifecycle.on_stop(bus.close)
    lifecycle.background("bus", bus.watch())
    lifecycle.background("bus readiness", _tell_of(bus, service, lifecycle.readiness))
    return bus


async def _tell_of(bus: Bus, service: str, readiness: Readiness) -> None:
    while True:
        if bus.is_connected:
            readiness.met(f"nats of {service}")
        else:
            readiness.lost(f"nats of {service}", "NATS is away")
        await asyncio.sleep(LOOKED_EVERY)


async def keep_time(database: Database, clock: Clock, readiness: Readiness) -> None:
    """Measure the database's clock for ever (a background task); unready without it, or while the machine's differs."""
    condition = f"postgres of {database.schema}"
    while True:
        is_measured = await _measure(database, clock)
        if is_measured:
            readiness.met(condition)
        else:
            readiness.lost(condition, "Postgres is away")
        if clock.is_trusted:
            readiness.met(CLOCK)
        else:
            readiness.lost(CLOCK, "the database's clock and this machine's differ by more than five seconds")
        await asyncio.sleep(MEASURED_EVERY if is_measured else MEASURED_AGAIN)


async def _checked(database: Database, service: str, migrations: Sequence[Migration]) -> None:
    while True:
        try:
            async with database.connection() as rows:
                await require_schema(rows, service, migrations)
        except DatabaseAway:
            await asyncio.sleep(MEASURED_AGAIN)
        else:
            return


async def _measure(database: Database, clock: Clock) -> bool:
    try:
        async with database.connection() as rows:
            began = time.monotonic()
            at = await rows.fetchval("SELECT clock_timestamp()")
            clock.measured(at, round_trip=time.monotonic() - began)
    except DatabaseAway:
        return False
    return True
