"""The row of a tenant and its pictures: loaded and locked, saved.

Folded: all columns of `tenants` but `created_at`, which is authoritative, as `pictures` are: some were fetched.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from libs.eventstore import Event, Loaded
from libs.eventstore.verify import FoldCheck, Key
from libs.postgres import Connection, Record
from services.tenants.commands import ChangeBranding, MoveTenant, RegisterTenant
from services.tenants.rules import tenant as rules
from services.tenants.rules.tenant import Entry, Tenant

PREFIX: Final = "tenant-"


class TenantAggregate:
    """A tenant as `execute` sees it."""

    def stream(self, command: Any) -> str:
        """Each tenant is a stream of its own."""
        return f"{PREFIX}{command.tenant}"

    async def load(self, rows: Connection, command: Any) -> Loaded[Entry]:
        """Lock the tenant's row; look whether the domain a command asks for is another's."""
        row = await rows.fetchrow(
            "SELECT version, name, domain, scheme, settings, prepared, is_open, branding, pictures, prompts, "
            "protection FROM tenants WHERE tenant = $1 FOR NO KEY UPDATE",
            command.tenant,
        )
        is_taken = await _is_taken(rows, command)
        return Loaded(Entry(tenant_of(row) if row else None, is_taken), row["version"] if row else 0)

    def evolve(self, state: Entry, event: Event) -> Entry:
        """See `rules.tenant.evolve`."""
        return rules.evolve(state, event)

    async def save(self, rows: Connection, command: Any, before: Loaded[Entry], after: Loaded[Entry]) -> None:
        """Write the tenant's row."""
        assert after.state.tenant is not None, "an event makes a tenant or changes one"
        statement = INSERT if before.version == 0 else UPDATE
        await rows.execute(statement, command.tenant, after.version, *values_of(after.state.tenant))
        if isinstance(command, ChangeBranding):
            await _keep_pictures(rows, command)


INSERT: Final = (
    "INSERT INTO tenants (tenant, version, name, domain, scheme, settings, prepared, is_open, "
    "branding, pictures, prompts, protection) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
)
UPDATE: Final = (
    "UPDATE tenants SET version = $2, name = $3, domain = $4, scheme = $5, settings = $6, prepared = $7, is_open = $8, "
    "branding = $9, pictures = $10, prompts = $11, protection = $12 WHERE tenant = $1"
)


async def _keep_pictures(rows: Connection, command: ChangeBranding) -> None:
    for name, picture in command.pictures.items():
        await rows.execute("DELETE FROM pictures WHERE tenant = $1 AND name = $2", command.tenant, name)
        if picture is not None:
            await rows.execute(
                "INSERT INTO pictures (tenant, name, content_type, content, version) VALUES ($1, $2, $3, $4, $5)",
                command.tenant, name, picture.content_type, picture.content, picture.version,
            )  # fmt: skip


async def _is_taken(rows: Connection, command: Any) -> bool:
    if not isinstance(command, RegisterTenant | MoveTenant):
        return False
    domain = rules.canonical(command.domain, command.scheme)
    found = await rows.fetchval("SELECT true FROM tenants WHERE domain = $1 AND tenant <> $2", domain, command.tenant)
    return found is True


def tenant_of(row: Record | Mapping[str, Any]) -> Tenant:
    """The tenant of a row."""
    return Tenant(
        name=row["name"],
        domain=row["domain"],
        scheme=row["scheme"],
        settings=json.loads(row["settings"]),
        prepared=frozenset(row["prepared"]),
        is_open=row["is_open"],
        branding=json.loads(row["branding"]),
        pictures=json.loads(row["pictures"]),
        prompts=json.loads(row["prompts"]),
        protection=json.loads(row["protection"]),
    )


def values_of(tenant: Tenant) -> tuple[Any, ...]:
    """The values of the folded columns behind `version`, in the order of `INSERT`."""
    own = (tenant.branding, tenant.pictures, tenant.prompts, tenant.protection)
    return (
        tenant.name, tenant.domain, tenant.scheme, _json(tenant.settings), sorted(tenant.prepared), tenant.is_open,
        *map(_json, own),
    )  # fmt: skip


def _json(value: Mapping[str, Any]) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


async def _stored(rows: Connection, tenants: Sequence[str], _streams: Sequence[str]) -> dict[Key, object]:
    found = await rows.fetch(
        "SELECT tenant, name, domain, scheme, settings, prepared, is_open, branding, pictures, prompts, protection "
        "FROM tenants WHERE tenant = ANY ($1)",
        tenants,
    )
    return {(row["tenant"], PREFIX + row["tenant"]): tenant_of(row) for row in found}


FOLD: Final = FoldCheck(
    name="tenants",
    streams=PREFIX,
    initial=Entry(),
    evolve=rules.evolve,
    shape=lambda entry: entry.tenant,
    read=_stored,
    keys=f"SELECT tenant, '{PREFIX}' || tenant AS stream FROM tenants",  # noqa: S608
)
"""How `limen verify` compares tenants with their facts."""
