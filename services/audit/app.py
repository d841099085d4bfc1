"""Wires `audit`: its logs and rows, whom it follows, who reads its feed, what it answers."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Edge
from libs.edge.guard import Callers
from libs.eventstore import EventStore, Handler, Relay
from libs.eventstore.maintenance import Retention, keep_partitions
from libs.eventstore.names import FEED
from libs.eventstore.opening import migrations_of, open_bus, open_database
from libs.postgres import Locks
from libs.runtime.clock import Clock
from libs.runtime.lifecycle import Lifecycle
from libs.settings import load
from services.audit.commands import SERVICE, AddSubscriber, RemoveSubscriber
from services.audit.config import Settings
from services.audit.events import CATALOGUE
from services.audit.projections import callers
from services.audit.routes import table
from services.audit.routes.asks import Asks
from services.audit.routes.logs import Logs
from services.audit.routes.logs_ask import LogsAsk
from services.audit.rows import FOLD, SubscriberAggregate
from services.audit.rules import subscriber
from services.audit.sinks.feed import feeders
from services.audit.sinks.subscriptions import Subscriptions
from services.key_rotation.events import CATALOGUE as KEY_FACTS
from services.tenants.events import CATALOGUE as TENANT_FACTS

AGGREGATE: Final = SubscriberAggregate()

COMMANDS: Final[Mapping[type, Handler[Any]]] = {
    AddSubscriber: Handler(AGGREGATE, subscriber.add),
    RemoveSubscriber: Handler(AGGREGATE, subscriber.remove),
}
"""Every command, with the aggregate it changes and the rule that decides it."""

AGGREGATES: Final = (FOLD,)
"""What `limen verify` compares with its facts."""

MIGRATIONS: Final = migrations_of(SERVICE)
"""Read once, before the loop turns."""


async def start(lifecycle: Lifecycle, locks: Locks) -> None:
    """Start the service; `lifecycle` stops it: requests first, then what runs beside them, the bus, the pool."""
    settings = load(Settings, lifecycle.environ, service=SERVICE)
    database, clock = await open_database(
        lifecycle, settings.postgres_url.reveal(), service=SERVICE, migrations=MIGRATIONS
    )
    bus = await open_bus(lifecycle, settings.nats_url.reveal(), service=SERVICE)
    store = EventStore(database, CATALOGUE, bus, COMMANDS)

    await _mirror(lifecycle, store, bus, locks, settings)
    await _feed(lifecycle, store, bus, locks)
    believed = _remember(lifecycle, bus)
    await _answer(lifecycle, store, bus, locks, settings)
    await _serve(lifecycle, store, bus, believed, clock, settings)


async def _mirror(lifecycle: Lifecycle, store: EventStore, bus: Bus, locks: Locks, settings: Settings) -> None:
    """Both logs into their streams; returns when they were found to agree, before which nothing may be appended."""
    bounds = {
        "max_age": int(settings.feed_stream_age.total_seconds() * 1e9),
        "max_bytes": settings.feed_stream_bytes,
    }
    facts = Relay(store, bus, locks, lifecycle.readiness, log="facts")
    feed = Relay(store, bus, locks, lifecycle.readiness, log=FEED, **bounds)
    lifecycle.background("relay facts", facts.run())
    lifecycle.background("relay feed", feed.run())
    await facts.agreed()
    await feed.agreed()
    retention = Retention(settings.feed_partition_rows, settings.feed_retention, FEED)
    lifecycle.background("partitions", keep_partitions(store, bus, retention))


async def _feed(lifecycle: Lifecycle, store: EventStore, bus: Bus, locks: Locks) -> None:
    """What is public of every service's logs."""
    for feeder in feeders(store, bus, locks, lifecycle.readiness):
        await feeder.prepare()
        lifecycle.background("feed", feeder.run())


def _remember(lifecycle: Lifecycle, bus: Bus) -> Callers:
    """Public keys and issuers in memory."""
    believed = callers()
    believed.follow(lifecycle, bus, (KEY_FACTS, believed.key_fact), (TENANT_FACTS, believed.tenant_fact))
    return believed


async def _answer(lifecycle: Lifecycle, store: EventStore, bus: Bus, locks: Locks, settings: Settings) -> None:
    """The operator's asks with the consumers they are about, and what `login` asks of a person's log."""
    subscriptions = Subscriptions(store.database, bus, settings.feed_ack_wait)
    lifecycle.background("subscriptions", subscriptions.run(locks))
    for serving in (*await Asks(store, subscriptions).serve(bus), await LogsAsk(store.database).serve(bus)):
        lifecycle.on_stop(partial(serving.drain, within=5))


async def _serve(
    lifecycle: Lifecycle, store: EventStore, bus: Bus, believed: Callers, clock: Clock, settings: Settings
) -> None:
    """The Management API."""
    edge = Edge(
        bus,
        SERVICE,
        table(Logs(store.database, bus)),
        slots={"management": settings.management_slots},
        clock=clock,
        authorise=believed.guard(),
        requests_per_second=settings.management_requests_per_second,
        readiness=lifecycle.readiness,
    )
    await believed.level()
    await edge.start()
    lifecycle.on_stop(edge.drain)
