"""Wires `login`: its logs and rows, whom it follows, what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Cursors, Edge, Route, RouteTable, idempotency
from libs.edge.guard import Callers
from libs.edge.idempotency import AnsweredRequests
from libs.eventstore import (
    Applied,
    Envelope,
    EventStore,
    Follower,
    Handler,
    Relay,
    Retention,
    keep_partitions,
)
from libs.eventstore.opening import migrations_of, open_bus, open_database
from libs.jose import FollowedKeys
from libs.postgres import Locks
from libs.runtime.lifecycle import Lifecycle
from libs.sealed import Keyring
from libs.sealed.passwords import Passwords
from libs.settings import load
from services.key_rotation.events import CATALOGUE as KEY_FACTS
from services.login.commands import (
    SERVICE,
    AnnotateSession,
    EndSession,
    GiveConsent,
    Note,
    RenewSession,
    RevokeConsent,
    StartSession,
    VisitSession,
)
from services.login.config import Settings
from services.login.events import CATALOGUE
from services.login.projections import PROJECTIONS, callers
from services.login.projections.protections import Protections
from services.login.queries.user_search import Users
from services.login.routes import people_pages, remembered
from services.login.routes.account import Account
from services.login.routes.accounts import FOLD as PEOPLE_FOLD
from services.login.routes.accounts import Accounts, handlers
from services.login.routes.accounts import sweep as forget_attempts
from services.login.routes.asks import PeopleAsk, PersonAsk, UserAsk
from services.login.routes.authorize import Authorize
from services.login.routes.brands import Brands
from services.login.routes.consent_page import ConsentPage
from services.login.routes.ending import Ending, LogoutHand, Tell, telling
from services.login.routes.entering import Entering
from services.login.routes.erasing import EraseAsk
from services.login.routes.flow import Flow
from services.login.routes.grants import Grants
from services.login.routes.hints import Hints
from services.login.routes.issuing import Issuing
from services.login.routes.logout import Logout
from services.login.routes.people_desk import PeopleDesk
from services.login.routes.persons import Persons
from services.login.routes.remembered import Remembered
from services.login.routes.sessions import Sessions
from services.login.routes.showing import Pages
from services.login.routes.sweeping import Sweeping
from services.login.routes.user_logs import UserLogs
from services.login.routes.userinfo import Userinfo
from services.login.rows import errands
from services.login.rows.consents import FOLD as CONSENTS_FOLD
from services.login.rows.consents import ConsentRows
from services.login.rows.notes import Notes, noted
from services.login.rows.sessions import FOLD as SESSIONS_FOLD
from services.login.rows.sessions import SessionRows
from services.login.rows.transactions import sweep as forget_logins
from services.login.rules import consent, session
from services.tenants.events import CATALOGUE as TENANT_FACTS

SESSION: Final = SessionRows()
CONSENT: Final = ConsentRows()

COMMANDS: Final[Mapping[type, Handler[Any]]] = {
    **handlers(),
    StartSession: Handler(SESSION, session.start),
    RenewSession: Handler(SESSION, session.renew),
    VisitSession: Handler(SESSION, session.visit),
    AnnotateSession: Handler(SESSION, session.annotate),
    EndSession: Handler(SESSION, session.end),
    GiveConsent: Handler(CONSENT, consent.give),
    RevokeConsent: Handler(CONSENT, consent.revoke),
    Note: Handler(Notes(), noted),
}
"""Every command, with the aggregate it changes and the rule that decides it; those about people want a keyring."""

AGGREGATES: Final = (PEOPLE_FOLD, SESSIONS_FOLD, CONSENTS_FOLD)
"""What `limen verify` compares with its facts."""

MIRRORED: Final = {"max_age": 7 * 86400 * 10**9, "max_bytes": 1 << 30}
"""How much activity the bus keeps: what is older is in Postgres alone."""

MIGRATIONS: Final = migrations_of(SERVICE)
"""Read once, before the loop turns."""


async def start(lifecycle: Lifecycle, locks: Locks, keyring: Keyring) -> None:
    """Start the service; `lifecycle` stops it: requests first, then what runs beside them, the bus, the pool."""
    settings = load(Settings, lifecycle.environ, service=SERVICE)
    database, clock = await open_database(
        lifecycle, settings.postgres_url.reveal(), service=SERVICE, migrations=MIGRATIONS, most=10
    )
    bus = await open_bus(lifecycle, settings.nats_url.reveal(), service=SERVICE)
    store = EventStore(database, CATALOGUE, bus, {**COMMANDS, **handlers(keyring)})
    await _mirror(lifecycle, store, bus, locks, settings)
    brands, protections = Brands(), Protections()
    believed = _remember(lifecycle, bus, brands, protections)
    await _follow(lifecycle, store, bus, locks)
    applied = Applied(bus, SERVICE)
    await applied.listen()
    answered = AnsweredRequests(database, keyring.derived(idempotency.LABEL))
    lifecycle.background("forget answered requests", answered.sweep())
    pages = Pages(keyring.derived("csrf"), brands.of)
    protocol = front(
        store, bus, believed.keys, believed.issuers.of, Persons(database), telling, pages,
        Cursors(*keyring.derived("cursor")),
    )  # fmt: skip
    accounts = _accounts(lifecycle, store, bus, keyring, protocol.ending, protections)
    lifecycle.background("forget sessions", Sweeping(store, bus).run())
    desk = PeopleDesk(store, applied, answered, Users(database), protocol.ending.end_all)
    for asks in (PeopleAsk(database), PersonAsk(database), UserAsk(database), EraseAsk(desk), accounts):
        lifecycle.on_stop(partial((await asks.serve(bus)).drain, within=5))
    edge = Edge(
        bus,
        SERVICE,
        table(protocol, pages, accounts, desk, Remembered(keyring.derived(remembered.LABEL))),
        slots={"management": settings.management_slots, "public": settings.page_slots},
        clock=clock,
        authorise=believed.guard(),
        answered=answered,
        requests_per_second=settings.management_requests_per_second,
        readiness=lifecycle.readiness,
    )
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


def _remember(lifecycle: Lifecycle, bus: Bus, brands: Brands, protections: Protections) -> Callers:
    """Public keys, issuers, how tenants look and what protects their people, in memory."""
    believed = callers()

    def tenant_fact(envelope: Envelope, event: Any) -> None:
        believed.tenant_fact(envelope, event)
        brands.tenant_fact(envelope, event)
        protections.tenant_fact(envelope, event)

    believed.follow(lifecycle, bus, (KEY_FACTS, believed.key_fact), (TENANT_FACTS, tenant_fact))
    return believed


async def _follow(lifecycle: Lifecycle, store: EventStore, bus: Bus, locks: Locks) -> None:
    """Applications, APIs, connections and tenants as rows; returns when they hold what was said before."""
    followers = [Follower(each, store.database, bus, locks, lifecycle.readiness) for each in PROJECTIONS]
    for projection, follower in zip(PROJECTIONS, followers, strict=True):
        await follower.prepare()
        lifecycle.background(f"follow {projection.name}", follower.run())
    for follower in followers:
        await follower.filled()


@dataclass(frozen=True)
class FrontChannel:
    """The protocol's routes, and the flow to which the pages belong."""

    flow: Flow
    ending: Ending
    routes: tuple[Route, ...]


def front(
    store: EventStore,
    bus: Bus,
    keys: FollowedKeys,
    issuer_of: Callable[[str], str | None],
    people: Any,
    tell: Tell,
    pages: Pages,
    cursors: Cursors,
) -> FrontChannel:
    """Authorization, logout, userinfo, and what the Management API says of sessions and consents."""
    hints, ending = Hints(keys, issuer_of), Ending(store, tell)
    flow = Flow(store, people, hints, Entering(store, ending), Issuing(bus, people))
    routes = (
        *Authorize(flow, hints, pages).routes(),
        *ConsentPage(flow, pages).routes(),
        *Account(flow, pages).routes(),
        *Logout(flow, hints, ending, pages).routes(),
        *Userinfo(bus, keys, issuer_of, people).routes(),
        *Sessions(store, bus, ending, people, cursors).routes(),
        *Grants(store, bus, people).routes(),
        *UserLogs(bus, people).routes(),
    )
    return FrontChannel(flow, ending, routes)


def table(protocol: FrontChannel, pages: Pages, accounts: Accounts, desk: PeopleDesk, known: Remembered) -> RouteTable:
    """Every route of the service."""
    return RouteTable(
        *protocol.routes,
        *people_pages.routes(protocol.flow, pages, accounts.factor, accounts.signup, accounts.tickets, known),
        *accounts.routes(desk),
    )


def _accounts(
    lifecycle: Lifecycle, store: EventStore, bus: Bus, keyring: Keyring, ending: Ending, protections: Protections
) -> Accounts:
    """People's accounts, and what runs beside them: errands, and what is forgotten."""
    passwords = Passwords()
    lifecycle.on_stop(passwords.close)
    accounts = Accounts.opened(store, keyring, passwords, protections.of)
    hands = {
        **accounts.hands(bus),
        errands.LOGOUT: LogoutHand(store.database, bus).hand,
        errands.ENDING: ending.hand,
    }
    lifecycle.background("errands", errands.Errands(store.database, hands).run())
    lifecycle.background("forget attempts", forget_attempts(store.database, accounts.attempts.limits))
    lifecycle.background("forget logins", forget_logins(store.database))
    return accounts
