"""What is asked about tenants; it reads the state rows, so it never lags."""

from dataclasses import dataclass

from libs.postgres import Database
from services.tenants.rows import tenant_of
from services.tenants.rules.tenant import Tenant


@dataclass(frozen=True)
class Found:
    """A tenant and its id."""

    id: str
    tenant: Tenant


async def tenant(database: Database, tenant_id: str) -> Tenant | None:
    """The tenant of this id."""
    async with database.connection() as rows:
        row = await rows.fetchrow(
            "SELECT name, domain, scheme, settings, prepared, is_open FROM tenants WHERE tenant = $1", tenant_id
        )
    return tenant_of(row) if row else None


async def all_tenants(database: Database) -> list[Found]:
    """Every tenant, by id."""
    async with database.connection() as rows:
        found = await rows.fetch(
            "SELECT tenant, name, domain, scheme, settings, prepared, is_open FROM tenants ORDER BY tenant"
        )
    return [Found(row["tenant"], tenant_of(row)) for row in found]
