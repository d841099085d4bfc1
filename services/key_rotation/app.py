"""Wires `key_rotation`: its vault, its log and rows, whom it follows, what it answers."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Edge, idempotency
from libs.edge.guard import Callers
from libs.edge.idempotency import AnsweredRequests
from libs.eventstore import Applied, EventStore, Follower, Handler, Reactor, Relay
from libs.eventstore.opening import migrations_of, open_bus, open_database
from libs.postgres import Locks
from libs.runtime.lifecycle import Lifecycle
from libs.sealed import Keyring
from libs.settings import load
from services.key_rotation import projections
from services.key_rotation.commands import SERVICE, EnsureSigningKeys, RevokeSigningKey, RotateSigningKey, Times
from services.key_rotation.config import Settings
from services.key_rotation.events import CATALOGUE
from services.key_rotation.projections import callers
from services.key_rotation.reactions import KeyMaking
from services.key_rotation.routes import table
from services.key_rotation.routes.asks import Asks
from services.key_rotation.routes.changes import Changes
from services.key_rotation.routes.signing_keys import SigningKeyRoutes
from services.key_rotation.rows import FOLD, SigningKeysAggregate
from services.key_rotation.rules import signing_keys
from services.key_rotation.vaults import open_vault
from services.key_rotation.vaults.forge import Forge
from services.key_rotation.vaults.proof import prove
from services.tenants.events import CATALOGUE as TENANT_FACTS

AGGREGATE: Final = SigningKeysAggregate()

COMMANDS: Final[Mapping[type, Handler[Any]]] = {
    EnsureSigningKeys: Handler(AGGREGATE, signing_keys.ensure),
    RotateSigningKey: Handler(AGGREGATE, signing_keys.rotate),
    RevokeSigningKey: Handler(AGGREGATE, signing_keys.revoke),
}
"""Every command, with the aggregate it changes and the rule that decides it."""

AGGREGATES: Final = (FOLD,)
"""What `limen verify` compares with its facts."""

PROJECTIONS: Final = (projections.tenants(),)
"""What `limen rebuild` fills anew."""

CONNECTIONS: Final = 4
"""To Postgres, of one process: several replicas share what the role is allowed."""

MIGRATIONS: Final = migrations_of(SERVICE)
"""Read once, before the loop turns."""


def open_keyring(environ: Mapping[str, str]) -> Keyring:
    """The key-encryption keys of this process, opened once; raises `SettingsError` with one clear line."""
    return open_vault(environ)


async def start(lifecycle: Lifecycle, locks: Locks, keyring: Keyring) -> None:
    """Start the service; `lifecycle` stops it: requests first, then what runs beside them, the bus, the pool."""
    settings = load(Settings, lifecycle.environ, service=SERVICE)
    readiness = lifecycle.readiness

    database, clock = await open_database(
        lifecycle, settings.postgres_url.reveal(), service=SERVICE, migrations=MIGRATIONS, most=CONNECTIONS
    )
    await prove(keyring, database)
    bus = await open_bus(lifecycle, settings.nats_url.reveal(), service=SERVICE)

    store = EventStore(database, CATALOGUE, bus, COMMANDS)
    relay = Relay(store, bus, locks, readiness, log="facts")
    lifecycle.background("relay", relay.run())
    await relay.agreed()

    tenants = Follower(PROJECTIONS[0], database, bus, locks, readiness)
    await tenants.prepare()
    lifecycle.background("project tenants", tenants.run())
    await tenants.filled()

    believed = _remember(lifecycle, bus)

    applied = Applied(bus, SERVICE)
    await applied.listen()

    times = Times(max_age=settings.jwks_max_age, lead=settings.key_lead, rotation=settings.key_rotation)
    forge = Forge(keyring, clock)
    lifecycle.background("stock of keys", forge.keep_stock())
    making = KeyMaking(store, forge, times)
    reactor = Reactor(making.reaction(), store, bus, locks, readiness, applied=applied)
    await reactor.prepare()
    lifecycle.background("react", reactor.run())
    lifecycle.background("rotate", locks.lead(f"rotate {SERVICE}", making.rotate_when_due))

    answered = AnsweredRequests(database, keyring.derived(idempotency.LABEL))
    lifecycle.background("forget answered requests", answered.sweep())
    changes = Changes(store, applied, forge, times)
    edge = Edge(
        bus,
        SERVICE,
        table(SigningKeyRoutes(changes, answered)),
        slots={"management": settings.management_slots},
        clock=clock,
        authorise=believed.guard(),
        answered=answered,
        requests_per_second=settings.management_requests_per_second,
        readiness=readiness,
    )
    asks = Asks(changes, clock)
    for serving in await asks.serve(bus):
        lifecycle.on_stop(partial(serving.drain, within=5))
    await believed.level()
    await edge.start()
    lifecycle.on_stop(edge.drain)


def _remember(lifecycle: Lifecycle, bus: Bus) -> Callers:
    """Public keys and issuers in memory."""
    believed = callers()
    believed.follow(lifecycle, bus, (CATALOGUE, believed.key_fact), (TENANT_FACTS, believed.tenant_fact))
    return believed
