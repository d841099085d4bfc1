"""Filling the feed: one feeder for each log of each service that something public may come from."""

from typing import Final

from libs.bus import Bus
from libs.eventstore import Activity, Catalogue, EventStore
from libs.eventstore.feeding import Feeder
from libs.eventstore.names import ACTIVITY, FACTS
from libs.postgres import Locks
from libs.telemetry.readiness import Readiness
from services.audit.rules.publishing import PUBLISHED, publishes
from services.audit.rules.said import Private
from services.connections.events import CATALOGUE as CONNECTION_EVENTS
from services.key_rotation.events import CATALOGUE as KEY_EVENTS
from services.login.events import CATALOGUE as LOGIN_EVENTS
from services.tenants.events import CATALOGUE as TENANT_EVENTS
from services.token.events import CATALOGUE as TOKEN_EVENTS

SOURCES: Final[tuple[Catalogue, ...]] = (TENANT_EVENTS, TOKEN_EVENTS, KEY_EVENTS, LOGIN_EVENTS, CONNECTION_EVENTS)
"""Whose events are published."""


def feeders(store: EventStore, bus: Bus, locks: Locks, readiness: Readiness) -> list[Feeder]:
    """All of them; a log of which nothing is public has none."""
    made = []
    for source in SOURCES:
        for log in (FACTS, ACTIVITY):
            table = {
                event: publishes(says)
                for _, event in source
                if issubclass(event, Activity) == (log == ACTIVITY)
                and not isinstance(says := PUBLISHED[event], Private)
            }
            if table:
                made.append(Feeder(source, log, table, store, bus, locks, readiness))
    return made
