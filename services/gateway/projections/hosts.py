"""Owns the read model host → tenant, followed from `tenants`."""

from dataclasses import dataclass, replace

from libs.eventstore import Envelope, Event
from services.tenants.events import TenantDomainChanged, TenantOpened, TenantRegistered

DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True)
class Tenant:
    """A tenant as the edge sees it; `domain` is `host[:port]` in lower case."""

    id: str
    domain: str
    scheme: str
    is_open: bool = False


class Hosts:
    """Every tenant, by its id and by its host."""

    def __init__(self) -> None:
        self._tenants: dict[str, Tenant] = {}
        self._by_host: dict[str, str] = {}

    def find(self, authority: str, scheme: str) -> Tenant | None:
        """The tenant whose host this is; a default port may be said or left out."""
        tenant = self._by_host.get(authority) or self._by_host.get(authority.removesuffix(DEFAULT_PORTS[scheme]))
        return None if tenant is None else self._tenants[tenant]

    def tenant(self, tenant: str) -> Tenant | None:
        """The tenant of this id."""
        return self._tenants.get(tenant)

    def apply(self, envelope: Envelope, event: Event) -> None:
        """Take in one fact; the same fact twice changes nothing."""
        match event:
            case TenantRegistered(domain=domain, scheme=scheme):
                self._put(Tenant(envelope.tenant, domain, scheme, is_open=self._is_open(envelope.tenant)))
            case TenantDomainChanged(domain=domain, scheme=scheme):
                self._put(Tenant(envelope.tenant, domain, scheme, is_open=self._is_open(envelope.tenant)))
            case TenantOpened() if known := self._tenants.get(envelope.tenant):
                self._put(replace(known, is_open=True))

    def _is_open(self, tenant: str) -> bool:
        known = self._tenants.get(tenant)
        return known is not None and known.is_open

    def _put(self, tenant: Tenant) -> None:
        before = self._tenants.get(tenant.id)
        if before is not None and self._by_host.get(before.domain) == tenant.id:
            del self._by_host[before.domain]
        self._tenants[tenant.id] = tenant
        self._by_host[tenant.domain] = tenant.id
