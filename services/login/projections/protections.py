"""What protects the people of every tenant, in memory; follows `tenants`."""

from collections.abc import Mapping
from typing import Any

from libs.eventstore import Envelope
from services.login.rules.protection import UNCHANGED, Protection
from services.tenants.events import TenantProtectionChanged


class Protections:
    """The protections of all tenants; one that was never heard of has the defaults."""

    def __init__(self) -> None:
        self._said: dict[str, Mapping[str, Any]] = {}
        self._of: dict[str, Protection] = {}

    def tenant_fact(self, envelope: Envelope, event: Any) -> None:
        """Take in one fact about tenants."""
        if isinstance(event, TenantProtectionChanged):
            self.take_in(envelope.tenant, event.protection)

    def take_in(self, tenant: str, changed: Mapping[str, Any]) -> None:
        """A tenant has changed what is named here."""
        said = {**self._said.get(tenant, {}), **changed}
        self._said[tenant], self._of[tenant] = said, Protection.of(said)

    def of(self, tenant: str) -> Protection:
        """What holds at a tenant."""
        return self._of.get(tenant, UNCHANGED)
