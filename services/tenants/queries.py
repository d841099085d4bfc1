"""What is asked about tenants; it reads the state rows, so it never lags."""

from dataclasses import dataclass
from typing import Final

from libs.postgres import Database
from services.tenants.commands import Picture
from services.tenants.rows import tenant_of
from services.tenants.rules.tenant import Tenant

COLUMNS: Final = "name, domain, scheme, settings, prepared, is_open, branding, pictures, prompts, protection"


@dataclass(frozen=True)
class Found:
    """A tenant and its id."""

    id: str
    tenant: Tenant


async def tenant(database: Database, tenant_id: str) -> Tenant | None:
    """The tenant of this id."""
    async with database.connection() as rows:
        row = await rows.fetchrow(
            f"SELECT {COLUMNS} FROM tenants WHERE tenant = $1",  # noqa: S608
            tenant_id,
        )
    return tenant_of(row) if row else None


async def all_tenants(database: Database) -> list[Found]:
    """Every tenant, by id."""
    async with database.connection() as rows:
        found = await rows.fetch(
            f"SELECT tenant, {COLUMNS} FROM tenants ORDER BY tenant"  # noqa: S608
        )
    return [Found(row["tenant"], tenant_of(row)) for row in found]


async def picture(database: Database, tenant_id: str, name: str) -> Picture | None:
    """A picture of the tenant's pages: `logo` or `favicon`."""
    async with database.connection() as rows:
        row = await rows.fetchrow(
            "SELECT content_type, content, version FROM pictures WHERE tenant = $1 AND name = $2", tenant_id, name
        )
    return Picture(content_type=row["content_type"], content=row["content"], version=row["version"]) if row else None
