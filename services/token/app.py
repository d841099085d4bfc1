"""Wires `token`: its log and rows, whom it follows, the token endpoint, its part of the Management API."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Cursors, Edge, RouteTable, idempotency
from libs.edge.guard import Callers
from libs.edge.idempotency import AnsweredRequests
from libs.eventstore import (
    Applied,
    BatchWriter,
    Envelope,
    Event,
    EventStore,
    Follower,
    Handler,
    Reactor,
    Relay,
    Retention,
    keep_partitions,
)
from libs.eventstore.opening import migrations_of, open_bus, open_database
from libs.postgres import Locks
from libs.runtime.clock import Clock
from libs.runtime.lifecycle import Lifecycle
from libs.sealed import Keyring
from libs.settings import load
from services.key_rotation.events import CATALOGUE as KEY_FACTS
from services.tenants.events import CATALOGUE as TENANT_FACTS
from services.token.commands import (
    AddClientCredential,
    AnnotateGrant,
    ChangeClient,
    ChangeClientCredential,
    ChangeClientGrant,
    ChangeResourceServer,
    DeleteClient,
    DeleteClientCredential,
    DeleteClientGrant,
    DeleteResourceServer,
    GrantClient,
    RegisterClient,
    RegisterResourceServer,
    RevokeGrant,
    RotateClientSecret,
)
from services.token.config import Settings
from services.token.events import CATALOGUE
from services.token.grants.codes import Codes
from services.token.grants.door import Door
from services.token.grants.endpoint import TokenEndpoint, Writers
from services.token.grants.grant import Reach
from services.token.grants.redeeming import REDEEM, RENEW, Redeem, Renew, redeem_arguments, renew_arguments
from services.token.grants.refresh_tokens import RefreshTokens
from services.token.grants.revocation import Revocation
from services.token.grants.signing import Signing
from services.token.grants.standing import Standings
from services.token.grants.sweeping import sweep
from services.token.grants.writing import ISSUE, REFUSE, Issue, Refusal, issue_arguments, refuse_arguments
from services.token.projections import callers, tenants
from services.token.reactions import MANAGEMENT_APIS
from services.token.routes import client_credentials, client_grants, clients, history, resource_servers, token
from services.token.routes.asks import QuickstartAsk
from services.token.routes.client_connections import ClientConnections
from services.token.routes.desk import Desk
from services.token.routes.discovery import Discovery
from services.token.routes.people_asks import PeopleAsks
from services.token.routes.refresh_tokens import RefreshTokenRoutes
from services.token.rows import FOLDS, ClientRows, GrantRows, NewClientRows, ResourceServerRows
from services.token.rules import client, grant, resource_server

SERVICE: Final = "token"
MIGRATIONS: Final = migrations_of(SERVICE)

CLIENT: Final = ClientRows()
RESOURCE_SERVER: Final = ResourceServerRows()
GRANT: Final = GrantRows()

COMMANDS: Final[Mapping[type, Handler[Any]]] = {
    RegisterClient: Handler(CLIENT, client.register, shares=True, several=NewClientRows()),
    ChangeClient: Handler(CLIENT, client.change),
    DeleteClient: Handler(CLIENT, client.delete),
    RotateClientSecret: Handler(CLIENT, client.rotate_secret),
    AddClientCredential: Handler(CLIENT, client.add_credential),
    ChangeClientCredential: Handler(CLIENT, client.change_credential),
    DeleteClientCredential: Handler(CLIENT, client.delete_credential),
    GrantClient: Handler(CLIENT, client.grant),
    ChangeClientGrant: Handler(CLIENT, client.change_grant),
    DeleteClientGrant: Handler(CLIENT, client.delete_grant),
    RegisterResourceServer: Handler(RESOURCE_SERVER, resource_server.register),
    ChangeResourceServer: Handler(RESOURCE_SERVER, resource_server.change),
    DeleteResourceServer: Handler(RESOURCE_SERVER, resource_server.delete),
    AnnotateGrant: Handler(GRANT, grant.annotate),
    RevokeGrant: Handler(GRANT, grant.revoke),
}
"""Every command, with the aggregate it changes and the rule that decides it."""

AGGREGATES: Final = FOLDS
"""What `limen verify` compares with its facts."""

PROJECTIONS: Final = (tenants(),)
"""What `limen rebuild` fills anew."""

MIRRORED: Final = {"max_age": 7 * 86400 * 10**9, "max_bytes": 1 << 30}
"""How much activity the bus keeps: what is older is in Postgres alone."""


async def start(lifecycle: Lifecycle, locks: Locks, keyring: Keyring) -> None:
    """Start the service; `lifecycle` stops it: requests first, then what runs beside them, the bus, the pool."""
    settings = load(Settings, lifecycle.environ, service=SERVICE)
    database, clock = await open_database(
        lifecycle, settings.postgres_url.reveal(), service=SERVICE, migrations=MIGRATIONS, most=10
    )
    bus = await open_bus(lifecycle, settings.nats_url.reveal(), service=SERVICE)
    store = EventStore(database, CATALOGUE, bus, COMMANDS)

    await _mirror(lifecycle, store, bus, locks, settings)
    lifecycle.background("sweep", sweep(store, clock))
    believed, signing = _remember(lifecycle, bus, keyring)
    await _follow(lifecycle, store, bus, locks)
    standings, reach = Standings(store.database), Reach.of(store, bus, RefreshTokens(keyring))
    door = _door(lifecycle, store, clock, settings)
    writers = _writers(lifecycle, store, signing, settings)
    applied = Applied(bus, SERVICE)
    await applied.listen()
    answered = AnsweredRequests(database, keyring.derived(idempotency.LABEL))
    lifecycle.background("forget answered requests", answered.sweep())
    desk = Desk(store, database, applied, answered, Cursors(*keyring.derived("cursor")))

    routes = table(
        TokenEndpoint(standings, signing, door, writers, reach),
        Revocation(standings, door, reach),
        Discovery(database),
        desk,
        RefreshTokenRoutes(desk, bus),
        ClientConnections(desk, bus),
    )
    edge = Edge(
        bus,
        SERVICE,
        routes,
        slots={"token": settings.token_slots, "management": settings.management_slots, "public": 64},
        clock=clock,
        authorise=believed.guard(),
        answered=answered,
        requests_per_second=settings.management_requests_per_second,
        readiness=lifecycle.readiness,
    )
    quickstart = await QuickstartAsk(store).serve(bus)
    lifecycle.on_stop(partial(quickstart.drain, within=5))
    asks = PeopleAsks(store, standings, signing, Codes(database, standings, keyring), clock)
    for each in await asks.serve(bus):
        lifecycle.on_stop(partial(each.drain, within=5))
    await believed.level()
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


def _remember(lifecycle: Lifecycle, bus: Bus, keyring: Keyring) -> tuple[Callers, Signing]:
    """Public keys and issuers in memory, and the private keys that are due."""
    believed = callers()
    signing = Signing(bus, believed.keys, keyring)
    lifecycle.background("signing", signing.run())
    lifecycle.background("signing process", signing.beside())
    believed.follow(
        lifecycle, bus, (KEY_FACTS, partial(_key_fact, believed, signing)), (TENANT_FACTS, believed.tenant_fact)
    )
    return believed, signing


async def _follow(lifecycle: Lifecycle, store: EventStore, bus: Bus, locks: Locks) -> None:
    """Tenants as rows, and what is done about them."""
    projected = Follower(PROJECTIONS[0], store.database, bus, locks, lifecycle.readiness)
    await projected.prepare()
    lifecycle.background("follow tenants", projected.run())
    reactor = Reactor(MANAGEMENT_APIS, store, bus, locks, lifecycle.readiness)
    await reactor.prepare()
    lifecycle.background("react to tenants", reactor.run())
    await projected.filled()


def _door(lifecycle: Lifecycle, store: EventStore, clock: Clock, settings: Settings) -> Door:
    """Where applications authenticate, with the writer whose commits their failures share."""
    refusals = BatchWriter[Refusal](store, REFUSE, partial(refuse_arguments, limit=settings.failures_per_minute))
    lifecycle.background("refuse", refusals.run())
    return Door(clock, refusals)


def _writers(lifecycle: Lifecycle, store: EventStore, signing: Signing, settings: Settings) -> Writers:
    """The writers whose commits the token endpoint's requests share; while one is under way its tokens are signed."""
    limit = settings.failures_per_minute
    issues = BatchWriter[Issue](
        store,
        ISSUE,
        partial(issue_arguments, limit=limit),
        meanwhile=lambda items: signing.sign([i.draft for i in items]),
    )
    redemptions = BatchWriter[Redeem](
        store,
        REDEEM,
        partial(redeem_arguments, limit=limit),
        meanwhile=lambda items: signing.sign([i.issue.draft for i in items]),
        logs=("facts", "activity"),
    )
    renewals = BatchWriter[Renew](
        store,
        RENEW,
        partial(renew_arguments, limit=limit),
        meanwhile=lambda items: signing.sign([i.issue.draft for i in items]),
    )
    lifecycle.background("issue", issues.run())
    lifecycle.background("redeem", redemptions.run())
    lifecycle.background("renew", renewals.run())
    return Writers(issues, redemptions, renewals)


def table(
    endpoint: TokenEndpoint,
    revocation: Revocation,
    discovery: Discovery,
    desk: Desk,
    refresh_tokens: RefreshTokenRoutes,
    client_connections: ClientConnections,
) -> RouteTable:
    """Every route of the service."""
    return RouteTable(
        *token.routes(endpoint, revocation),
        *discovery.routes(),
        *clients.routes(desk),
        *client_connections.routes(),
        *history.routes(desk),
        *client_credentials.routes(desk),
        *resource_servers.routes(desk),
        *client_grants.routes(desk),
        *refresh_tokens.routes(),
    )


def _key_fact(believed: Callers, signing: Signing, envelope: Envelope, event: Event) -> None:
    believed.key_fact(envelope, event)
    signing.want(envelope.tenant)
