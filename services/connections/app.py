"""Wires `connections`: its logs and rows, whom it follows, what it answers."""

from collections.abc import Mapping
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Cursors, Edge, idempotency
from libs.edge.guard import Callers
from libs.edge.idempotency import AnsweredRequests
from libs.eventstore import Applied, EventStore, Handler, MemoryFollower, Relay, Retention, keep_partitions
from libs.eventstore.opening import migrations_of, open_bus, open_database
from libs.postgres import Locks
from libs.runtime.lifecycle import Lifecycle
from libs.sealed import Keyring
from libs.settings import load
from services.connections.commands import SERVICE
from services.connections.config import Settings
from services.connections.events import CATALOGUE
from services.connections.projections import callers
from services.connections.routes import table
from services.key_rotation.events import CATALOGUE as KEY_FACTS
from services.tenants.events import CATALOGUE as TENANT_FACTS

COMMANDS: Final[Mapping[type, Handler[Any]]] = {}
"""Every command, with the aggregate it changes and the rule that decides it."""

AGGREGATES: Final = ()
"""What `limen verify` compares with its facts."""

PROJECTIONS: Final = ()
"""What `limen rebuild` fills anew."""

MIRRORED: Final = {"max_age": 7 * 86400 * 10**9, "max_bytes": 1 << 30}
"""How much activity the bus keeps: what is older is in Postgres alone."""

MIGRATIONS: Final = migrations_of(SERVICE)
"""Read once, before the loop turns."""


async def start(lifecycle: Lifecycle, locks: Locks, keyring: Keyring) -> None:
    """Start the service; `lifecycle` stops it: requests first, then what runs beside them, the bus, the pool."""
    settings = load(Settings, lifecycle.environ, service=SERVICE)
    database, clock = await open_database(
        lifecycle, settings.postgres_url.reveal(), service=SERVICE, migrations=MIGRATIONS
    )
    bus = await open_bus(lifecycle, settings.nats_url.reveal(), service=SERVICE)
    store = EventStore(database, CATALOGUE, bus, COMMANDS)
    await _mirror(lifecycle, store, bus, locks, settings)
    believed = _remember(lifecycle, bus)
    applied = Applied(bus, SERVICE)
    await applied.listen()
    answered = AnsweredRequests(database, keyring.derived(idempotency.LABEL))
    lifecycle.background("forget answered requests", answered.sweep())
    Cursors(*keyring.derived("cursor"))
    edge = Edge(
        bus,
        SERVICE,
        table(),
        slots={"management": settings.management_slots, "public": 64},
        clock=clock,
        authorise=believed.guard(),
        answered=answered,
        requests_per_second=settings.management_requests_per_second,
        readiness=lifecycle.readiness,
    )
    await edge.start()
    lifecycle.on_stop(edge.drain)


async def _mirror(lifecycle: Lifecycle, store: EventStore, bus: Bus, locks: Locks, settings: Settings) -> None:
    """Both logs into their streams; returns when they were found to agree, before which nothing may be appended."""
    facts = Relay(store, bus, locks, lifecycle.readiness, log="facts")
    activity = Relay(store, bus, locks, lifecycle.readiness, log="activity", **MIRRORED)
    lifecycle.background("relay facts", facts.run())
    lifecycle.background("relay activity", activity.run())
    await facts.agreed()
    await activity.agreed()
    retention = Retention(settings.activity_partition_rows, settings.activity_retention)
    lifecycle.background("partitions", keep_partitions(store, bus, retention))


def _remember(lifecycle: Lifecycle, bus: Bus) -> Callers:
    """Public keys and issuers in memory."""
    believed = callers()
    for source, apply in ((KEY_FACTS, believed.key_fact), (TENANT_FACTS, believed.tenant_fact)):
        follower = MemoryFollower(bus, source, apply, name=SERVICE, readiness=lifecycle.readiness)
        lifecycle.background(f"follow {source.service} in memory", follower.run())
    return believed
