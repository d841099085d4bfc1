"""Wires `tenants`: its log and rows, whom it follows, what it answers."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Edge
from libs.edge.guard import Callers
from libs.eventstore import Applied, EventStore, Handler, Reactor, Relay
from libs.eventstore.opening import migrations_of, open_bus, open_database
from libs.outgoing.fetching import Fetching
from libs.postgres import Locks
from libs.runtime.lifecycle import Lifecycle
from libs.settings import load
from services.key_rotation.events import CATALOGUE as KEY_FACTS
from services.tenants.commands import (
    SERVICE,
    ChangeBranding,
    ChangePrompts,
    ChangeProtection,
    ChangeSettings,
    MarkPrepared,
    MoveTenant,
    RegisterTenant,
)
from services.tenants.config import Settings
from services.tenants.events import CATALOGUE
from services.tenants.projections import callers
from services.tenants.reactions import REACTIONS
from services.tenants.routes import table
from services.tenants.routes.asks import Asks
from services.tenants.routes.branding import BrandingRoutes
from services.tenants.routes.protection import ProtectionRoutes
from services.tenants.routes.settings import SettingsRoutes
from services.tenants.rows import FOLD, TenantAggregate
from services.tenants.rules import tenant

AGGREGATE: Final = TenantAggregate()

COMMANDS: Final[Mapping[type, Handler[Any]]] = {
    RegisterTenant: Handler(AGGREGATE, tenant.register),
    MoveTenant: Handler(AGGREGATE, tenant.move),
    ChangeSettings: Handler(AGGREGATE, tenant.change_settings),
    ChangeBranding: Handler(AGGREGATE, tenant.change_branding),
    ChangePrompts: Handler(AGGREGATE, tenant.change_prompts),
    ChangeProtection: Handler(AGGREGATE, tenant.change_protection),
    MarkPrepared: Handler(AGGREGATE, tenant.mark_prepared),
}
"""Every command, with the aggregate it changes and the rule that decides it."""

AGGREGATES: Final = (FOLD,)
"""What `limen verify` compares with its facts."""

FETCHES_WITHIN: Final = 2.0
"""Seconds for one picture: two of them stay within the deadline of a request."""

CONNECTIONS: Final = 4
"""To Postgres, of one process: several replicas share what the role is allowed."""

MIGRATIONS: Final = migrations_of(SERVICE)
"""Read once, before the loop turns."""


async def start(lifecycle: Lifecycle, locks: Locks) -> None:
    """Start the service; `lifecycle` stops it: requests first, then what runs beside them, the bus, the pool."""
    settings = load(Settings, lifecycle.environ, service=SERVICE)
    readiness = lifecycle.readiness

    database, clock = await open_database(
        lifecycle, settings.postgres_url.reveal(), service=SERVICE, migrations=MIGRATIONS, most=CONNECTIONS
    )
    bus = await open_bus(lifecycle, settings.nats_url.reveal(), service=SERVICE)

    store = EventStore(database, CATALOGUE, bus, COMMANDS)
    relay = Relay(store, bus, locks, readiness, log="facts")
    lifecycle.background("relay", relay.run())
    await relay.agreed()

    believed = _remember(lifecycle, bus)

    for reaction in REACTIONS:
        reactor = Reactor(reaction, store, bus, locks, readiness)
        await reactor.prepare()
        lifecycle.background(f"react {reaction.name}", reactor.run())

    applied = Applied(bus, SERVICE)
    await applied.listen()

    fetching = Fetching(settings.outgoing_networks, ca_file=settings.outgoing_ca_file, seconds=FETCHES_WITHIN)
    edge = Edge(
        bus,
        SERVICE,
        table(
            SettingsRoutes(store, applied), BrandingRoutes(store, applied, fetching), ProtectionRoutes(store, applied)
        ),
        slots={"management": settings.management_slots, "public": settings.picture_slots},
        clock=clock,
        authorise=believed.guard(),
        requests_per_second=settings.management_requests_per_second,
        readiness=readiness,
    )
    asks = Asks(store, applied)
    for serving in await asks.serve(bus):
        lifecycle.on_stop(partial(serving.drain, within=5))
    await believed.level()
    await edge.start()
    lifecycle.on_stop(edge.drain)


def _remember(lifecycle: Lifecycle, bus: Bus) -> Callers:
    """Public keys and issuers in memory."""
    believed = callers()
    believed.follow(lifecycle, bus, (KEY_FACTS, believed.key_fact), (CATALOGUE, believed.tenant_fact))
    return believed
