"""What may be asked of `tenants` on the bus; every ask can be repeated."""

from typing import Any, Final

from libs.bus import Bus, Serving
from libs.edge.asks import answer_asks
from libs.eventstore import Actor, Applied, Context, EventStore
from services.tenants import queries
from services.tenants.commands import (
    SERVICE,
    ListTenants,
    MoveTenant,
    ReadTenant,
    Registered,
    RegisterTenant,
    TenantAnswer,
    TenantsAnswer,
)
from services.tenants.rules.tenant import NoSuchTenant, Refused, Tenant

OPERATOR: Final = Context(actor=Actor("operator", "limen"))
"""Who asks: the `limen` command alone has the right to."""


class Asks:
    """The handlers, and their table."""

    def __init__(self, store: EventStore, applied: Applied) -> None:
        self._store = store
        self._applied = applied

    async def serve(self, bus: Bus) -> list[Serving]:
        """Answer from now on."""
        verbs: dict[str, tuple[Any, Any]] = {
            "register": (RegisterTenant, self.register),
            "move": (MoveTenant, self.register),
            "list": (ListTenants, self.listing),
            "read": (ReadTenant, self.read),
        }
        return [
            await answer_asks(bus, SERVICE, verb, kind, handler, refusals=(Refused,))
            for verb, (kind, handler) in verbs.items()
        ]

    async def register(self, command: RegisterTenant | MoveTenant) -> Registered:
        """Run the command; answered when whoever obeys it has heard, or half a second later."""
        committed = await self._store.execute(command, OPERATOR)
        if committed.pos:
            await self._applied.settled(committed.epoch, committed.pos)
        return Registered(tenant=command.tenant, is_open=committed.state.tenant.is_open)

    async def read(self, question: ReadTenant) -> TenantAnswer:
        """One tenant."""
        tenant = await queries.tenant(self._store.database, question.tenant)
        if tenant is None:
            raise NoSuchTenant(f"there is no tenant {question.tenant}")
        return _answer(question.tenant, tenant)

    async def listing(self, _question: ListTenants) -> TenantsAnswer:
        """Every tenant."""
        found = await queries.all_tenants(self._store.database)
        return TenantsAnswer(tenants=[_answer(each.id, each.tenant) for each in found])


def _answer(tenant_id: str, tenant: Tenant) -> TenantAnswer:
    return TenantAnswer(
        tenant=tenant_id,
        name=tenant.name,
        domain=tenant.domain,
        scheme=tenant.scheme,
        is_open=tenant.is_open,
        waiting_for=tenant.waiting_for,
    )
