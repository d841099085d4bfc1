"""Wires `connections`: its logs and rows, whom it follows, what it answers."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Cursors, Edge, RouteTable, idempotency
from libs.edge.guard import Callers
from libs.edge.idempotency import AnsweredRequests
from libs.eventstore import (
    Applied,
    Envelope,
    EventStore,
    Follower,
    Handler,
    Reactor,
    Relay,
    Retention,
    keep_partitions,
)
from libs.eventstore.opening import migrations_of, open_bus, open_database
from libs.outgoing import Outgoing, trusting
from libs.postgres import Locks
from libs.runtime.lifecycle import Lifecycle
from libs.sealed import Keyring
from libs.settings import load
from services.connections.commands import (
    SERVICE,
    ChangeConnection,
    CreateConnection,
    DeleteConnection,
    EnableConnection,
    FinishDelivery,
)
from services.connections.config import Settings
from services.connections.events import CATALOGUE
from services.connections.projections import Looks, callers, erased, tenants
from services.connections.providers.backchannel import BackChannel
from services.connections.providers.letters import preload
from services.connections.providers.mailbox import Mailbox
from services.connections.providers.outcome import Provider
from services.connections.providers.queue import KINDS, Deliveries, Patience
from services.connections.providers.sealing import LABEL, Sealing
from services.connections.providers.smtp import SMTP, Letters, NoServer
from services.connections.reactions import FIRST_CONNECTIONS, LettingIn
from services.connections.routes import connections
from services.connections.routes import mailbox as mailbox_routes
from services.connections.routes.asks import Asks
from services.connections.routes.connection_users import ConnectionUsers
from services.connections.routes.desk import Desk
from services.connections.rows import FOLDS, ConnectionRows, DeliveryRows, EnablingRows
from services.connections.rules import connection, delivery
from services.key_rotation.events import CATALOGUE as KEY_FACTS
from services.tenants.events import CATALOGUE as TENANT_FACTS

CONNECTION: Final = ConnectionRows()

COMMANDS: Final[Mapping[type, Handler[Any]]] = {
    CreateConnection: Handler(CONNECTION, connection.create),
    ChangeConnection: Handler(CONNECTION, connection.change),
    DeleteConnection: Handler(CONNECTION, connection.delete),
    EnableConnection: Handler(CONNECTION, connection.enable, several=EnablingRows()),
    FinishDelivery: Handler(DeliveryRows(), delivery.finish),
}
"""Every command, with the aggregate it changes and the rule that decides it."""

AGGREGATES: Final = FOLDS
"""What `limen verify` compares with its facts."""

PROJECTIONS: Final = (tenants(), erased())
"""What `limen rebuild` fills anew."""

MIRRORED: Final = {"max_age": 7 * 86400 * 10**9, "max_bytes": 1 << 30}
"""How much activity the bus keeps: what is older is in Postgres alone."""

MIGRATIONS: Final = migrations_of(SERVICE)
"""Read once, before the loop turns; so are the words of mails."""

preload()


async def start(lifecycle: Lifecycle, locks: Locks, keyring: Keyring) -> None:
    """Start the service; `lifecycle` stops it: requests first, then what runs beside them, the bus, the pool."""
    settings = load(Settings, lifecycle.environ, service=SERVICE)
    database, clock = await open_database(
        lifecycle, settings.postgres_url.reveal(), service=SERVICE, migrations=MIGRATIONS
    )
    bus = await open_bus(lifecycle, settings.nats_url.reveal(), service=SERVICE)
    store = EventStore(database, CATALOGUE, bus, COMMANDS)
    await _mirror(lifecycle, store, bus, locks, settings)
    looks = Looks()
    believed = _remember(lifecycle, bus, looks)
    await _follow(lifecycle, store, bus, locks)
    applied = Applied(bus, SERVICE)
    await applied.listen()
    answered = AnsweredRequests(database, keyring.derived(idempotency.LABEL))
    lifecycle.background("forget answered requests", answered.sweep())
    desk = Desk(store, database, applied, answered, Cursors(*keyring.derived("cursor")))

    sealing = Sealing(keyring.derived(LABEL))
    letters = Letters(database, looks.of)
    mailbox = Mailbox(database, letters, sealing) if settings.dev_mailbox else None
    deliveries = _deliveries(lifecycle, store, bus, sealing, mailbox or _mails(letters, settings), settings)

    edge = Edge(
        bus,
        SERVICE,
        table(desk, bus, mailbox),
        slots={"management": settings.management_slots, "public": 64},
        clock=clock,
        authorise=believed.guard(),
        answered=answered,
        requests_per_second=settings.management_requests_per_second,
        readiness=lifecycle.readiness,
    )
    for asks in await Asks(deliveries, database).serve(bus):
        lifecycle.on_stop(partial(asks.drain, within=5))
    await believed.level()
    await edge.start()
    lifecycle.on_stop(edge.drain)


def table(desk: Desk, bus: Bus, mailbox: Mailbox | None) -> RouteTable:
    """Every route of the service."""
    return RouteTable(
        *connections.routes(desk, bus), *ConnectionUsers(desk.database, bus).routes(), *mailbox_routes.routes(mailbox)
    )


def _mails(letters: Letters, settings: Settings) -> Provider:
    """How mails are sent where they are not shown instead."""
    if settings.smtp_url is None:
        return NoServer()
    tls = trusting(settings.outgoing_ca_file)
    return SMTP(letters, settings.smtp_url.reveal(), settings.mail_from, tls)


def _deliveries(
    lifecycle: Lifecycle, store: EventStore, bus: Bus, sealing: Sealing, mails: Provider, settings: Settings
) -> Deliveries:
    """The queue, and those who work it off."""
    outgoing = Outgoing(settings.outgoing_networks, ca_file=settings.outgoing_ca_file)
    deliveries = Deliveries(
        store,
        sealing,
        {"mail": mails, "logout": BackChannel(bus, outgoing)},
        {"mail": settings.mail_slots, "logout": settings.logout_slots},
        Patience(settings.delivery_attempts, settings.delivery_backoff),
        most=settings.deliveries_waiting,
    )
    lifecycle.on_stop(deliveries.drain)
    for kind in KINDS:
        lifecycle.background(f"deliver {kind}", deliveries.run(kind))
    lifecycle.background("tend deliveries", deliveries.tend())
    return deliveries


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


def _remember(lifecycle: Lifecycle, bus: Bus, looks: Looks) -> Callers:
    """Public keys, issuers and how tenants look, in memory."""
    believed = callers()

    def tenant_fact(envelope: Envelope, event: Any) -> None:
        believed.tenant_fact(envelope, event)
        looks.tenant_fact(envelope, event)

    believed.follow(lifecycle, bus, (KEY_FACTS, believed.key_fact), (TENANT_FACTS, tenant_fact))
    return believed


async def _follow(lifecycle: Lifecycle, store: EventStore, bus: Bus, locks: Locks) -> None:
    """Tenants and who was erased as rows, and what is done about tenants and applications."""
    followers = [Follower(each, store.database, bus, locks, lifecycle.readiness) for each in PROJECTIONS]
    for projection, follower in zip(PROJECTIONS, followers, strict=True):
        await follower.prepare()
        lifecycle.background(f"follow {projection.name}", follower.run())
    for reaction in (FIRST_CONNECTIONS, LettingIn(store).reaction):
        reactor = Reactor(reaction, store, bus, locks, lifecycle.readiness)
        await reactor.prepare()
        lifecycle.background(f"react {reaction.name}", reactor.run())
    for follower in followers:
        await follower.filled()
