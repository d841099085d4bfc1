"""Wires the gateway: what it follows, the order of its filters, its own documents, and where it listens."""

from libs.bus import Bus
from libs.eventstore import Envelope, Event, MemoryFollower
from libs.jose import FollowedKeys
from libs.runtime.clock import wall
from libs.runtime.lifecycle import Lifecycle
from libs.settings import load
from services.gateway.config import Settings
from services.gateway.filters import Arriving, Leaving, headers
from services.gateway.filters.connection import Edge
from services.gateway.filters.cors import CORS
from services.gateway.filters.host import Host
from services.gateway.filters.limits import Bodies, Capacity, limits
from services.gateway.filters.origin import Origin
from services.gateway.filters.sites import Sites, certified
from services.gateway.filters.target import Target
from services.gateway.projections.discovery import Discovery
from services.gateway.projections.hosts import Hosts
from services.gateway.projections.keys import Keys
from services.gateway.projections.origins import HEARD, Origins
from services.gateway.routes.documents import Documents
from services.gateway.routes.forward import AskDiscovery, Forward
from services.gateway.routes.front import Front
from services.gateway.routes.table import DISCOVERY, JWKS, ROOT, route_of
from services.key_rotation import events as key_facts
from services.tenants import events as tenant_facts

NAME = "gateway"


def arriving(settings: Settings, host: Host) -> tuple[Arriving, ...]:
    """The filters on the way in, in their order."""
    return (Origin(settings.trusted_proxies), Target(route_of), headers.arriving, limits, host)


def leaving(origins: Origins) -> tuple[Leaving, ...]:
    """The filters on the way out, in their order."""
    return (CORS(origins), headers.leaving)


async def start(lifecycle: Lifecycle) -> Sites:
    """Start the gateway; `lifecycle` stops it. What comes back knows the ports."""
    settings = load(Settings, lifecycle.environ, service=NAME)
    certificate = certified(settings)
    lifecycle.readiness.require("nats", "NATS has not answered yet")
    bus = await Bus.connect(settings.nats_url.reveal(), name=NAME)
    lifecycle.readiness.met("nats")  # for good: without NATS the gateway still serves what it remembers
    lifecycle.on_stop(bus.close)
    lifecycle.background("bus", bus.watch())

    front = _front(lifecycle, bus, settings)
    edge = Edge(
        front,
        receive_seconds=settings.receive_timeout.total_seconds(),
        keep_alive_seconds=settings.keep_alive.total_seconds(),
        max_connections=settings.max_connections,
    )
    sites = Sites(settings, edge, certificate)
    lifecycle.background("sweep connections", edge.sweep())
    lifecycle.on_stop(sites.close)
    lifecycle.on_stop(front.stop)
    lifecycle.on_stop(lambda: lifecycle.readiness.lost("running", "the process is stopping"))
    await sites.open()
    return sites


def _front(lifecycle: Lifecycle, bus: Bus, settings: Settings) -> Front:
    """What answers requests, with what it knows from what it hears."""
    hosts = Hosts()
    origins = Origins()
    discovery = Discovery(AskDiscovery(bus, hosts), wall)
    keys = Keys(_followed_keys(), settings.jwks_max_age, wall)

    def heard_of_tenant(envelope: Envelope, event: Event) -> None:
        hosts.apply(envelope, event)
        discovery.heard(envelope.tenant)

    def heard_of_key(envelope: Envelope, event: Event) -> None:
        keys.apply(envelope, event)
        discovery.heard(envelope.tenant)

    tenants = MemoryFollower(bus, tenant_facts.CATALOGUE, heard_of_tenant, name=NAME, readiness=lifecycle.readiness)
    published = MemoryFollower(bus, key_facts.CATALOGUE, heard_of_key, name=NAME, readiness=lifecycle.readiness)
    registered = MemoryFollower(bus, HEARD, origins.apply, name=NAME, readiness=lifecycle.readiness)
    lifecycle.background("follow tenants", tenants.run())
    lifecycle.background("follow keys", published.run())
    lifecycle.background("follow applications", registered.run())
    lifecycle.background("keep discovery", discovery.keep())

    documents = Documents(keys, lambda: published.silent_for, discovery, settings.jwks_max_age)
    return Front(
        arriving(settings, Host(hosts, lambda: tenants.silent_for)),
        leaving(origins),
        {JWKS: documents.jwks, DISCOVERY: documents.discovery, ROOT: documents.root},
        Forward(bus, settings.request_deadline.total_seconds()),
        Bodies(settings.receive_timeout.total_seconds()),
        Capacity(settings.max_in_flight),
        logs_requests=settings.log_requests,
    )


def _followed_keys() -> FollowedKeys:
    return FollowedKeys(
        published=key_facts.SigningKeyPublished,
        scheduled=key_facts.SigningKeyScheduled,
        revoked=key_facts.SigningKeyRevoked,
    )
