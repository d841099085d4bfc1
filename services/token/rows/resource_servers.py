"""The rows of APIs: one in `resource_servers`, none when deleted; load and lock, save, compare."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from libs.eventstore import Event, Loaded
from libs.eventstore.verify import FoldCheck, Key
from libs.postgres import Connection, Record
from services.token.commands import RegisterResourceServer
from services.token.rules import resource_server
from services.token.rules.resource_server import DeletedResourceServer, NoResourceServer, ResourceServer

STREAM: Final = "resource_server-"


class ResourceServerRows:
    """The aggregate `resource_server`: one row in `resource_servers`, none when deleted."""

    def stream(self, command: Any) -> str:
        """One stream per API."""
        return f"{STREAM}{command.id}"

    def evolve(self, state: resource_server.State, event: Event) -> resource_server.State:
        """See `rules.resource_server`."""
        return resource_server.evolve(state, event)

    async def load(self, rows: Connection, command: Any) -> Loaded[resource_server.State]:
        """Lock the API's row; for a new one, look whether its identifier is taken."""
        row = await rows.fetchrow(
            "SELECT version, identifier, is_system, properties FROM resource_servers "
            "WHERE tenant = $1 AND id = $2 FOR UPDATE",
            command.tenant,
            command.id,
        )
        if row is not None:
            return _resource_server(command.id, row)
        is_taken = isinstance(command, RegisterResourceServer) and await rows.fetchval(
            "SELECT EXISTS (SELECT FROM resource_servers WHERE tenant = $1 AND identifier = $2)",
            command.tenant,
            command.identifier,
        )
        return Loaded(NoResourceServer(bool(is_taken)), 0)

    async def save(
        self,
        rows: Connection,
        command: Any,
        _before: Loaded[resource_server.State],
        after: Loaded[resource_server.State],
    ) -> None:
        """Write the row, or remove it."""
        match after.state:
            case ResourceServer() as api:
                await rows.execute(
                    "INSERT INTO resource_servers (tenant, id, version, identifier, is_system, properties) "
                    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, id) DO UPDATE "
                    "SET version = excluded.version, identifier = excluded.identifier, "
                    "properties = excluded.properties, updated_at = now()",
                    command.tenant,
                    api.id,
                    after.version,
                    api.identifier,
                    api.is_system,
                    msgspec.json.encode(api.properties).decode(),
                )
            case DeletedResourceServer():
                await rows.execute(
                    "DELETE FROM resource_servers WHERE tenant = $1 AND id = $2", command.tenant, command.id
                )
            case NoResourceServer():
                return


def _resource_server(id_: str, row: Record) -> Loaded[resource_server.State]:
    properties = msgspec.json.decode(row["properties"])
    return Loaded(ResourceServer(id_, row["identifier"], row["is_system"], properties), row["version"])


def _shape(state: resource_server.State) -> object:
    return (state.identifier, state.is_system, state.properties) if isinstance(state, ResourceServer) else None


async def _stored(rows: Connection, tenants: Sequence[str], streams: Sequence[str]) -> dict[Key, object]:
    found = await rows.fetch(
        "SELECT tenant, id, version, identifier, is_system, properties FROM resource_servers "
        "JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, id) USING (tenant, id)",
        tenants,
        [stream.removeprefix(STREAM) for stream in streams],
    )
    return {(row["tenant"], STREAM + row["id"]): _shape(_resource_server("", row).state) for row in found}


FOLD: Final[FoldCheck[Any]] = FoldCheck[Any](
    name="resource_server",
    streams=STREAM,
    initial=NoResourceServer(),
    evolve=resource_server.evolve,
    shape=_shape,
    read=_stored,
    keys=f"SELECT tenant, '{STREAM}' || id AS stream FROM resource_servers",  # noqa: S608
)
"""How `limen verify` compares APIs with their facts."""
