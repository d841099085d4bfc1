"""The rows of connections: one in `connections`, and one in `connection_clients` for each application let in."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from libs.eventstore import Change, Event, Loaded, Place
from libs.eventstore.verify import FoldCheck, Key
from libs.postgres import Connection as Rows
from libs.postgres import Record
from services.connections.commands import ChangeConnection, CreateConnection, EnableConnection
from services.connections.rules import connection
from services.connections.rules.connection import Connection, DeletedConnection, NoConnection

STREAM: Final = "connection-"

LOCK: Final = """
SELECT version, name, strategy, properties, is_deleted FROM connections
WHERE tenant = $1 AND connection_id = $2 FOR UPDATE
"""
SAVE: Final = """
WITH saved AS (
    INSERT INTO connections (tenant, connection_id, version, name, strategy, properties, is_deleted)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, connection_id) DO UPDATE
    SET version = excluded.version, properties = excluded.properties, is_deleted = excluded.is_deleted,
        updated_at = now()
), enabled AS (
    INSERT INTO connection_clients (tenant, connection_id, client_id)
    SELECT $1, $2, unnest($8::text[]) ON CONFLICT DO NOTHING
)
DELETE FROM connection_clients WHERE tenant = $1 AND connection_id = $2 AND client_id = ANY ($9)
"""
ALL_OUT: Final = "DELETE FROM connection_clients WHERE tenant = $1 AND connection_id = $2"
EVERYBODY: Final = "SELECT client_id FROM connection_clients WHERE tenant = $1 AND connection_id = $2"
ENABLED: Final = f"{EVERYBODY} AND client_id = ANY ($3)"
"""Those of some: a statement of its own, because one for both cases reads everybody to find them."""


class ConnectionRows:
    """The aggregate `connection`."""

    def stream(self, command: Any) -> str:
        """One stream per connection."""
        return f"{STREAM}{command.connection_id}"

    def evolve(self, state: connection.State, event: Event) -> connection.State:
        """See `rules.connection`."""
        return connection.evolve(state, event)

    async def load(self, rows: Rows, command: Any) -> Loaded[connection.State]:
        """Lock the connection's row and read which of the applications named may use it; for a new one, the name."""
        row = await rows.fetchrow(LOCK, command.tenant, command.connection_id)
        if row is None:
            return Loaded(NoConnection(await _is_taken(rows, command)), 0)
        return Loaded(_state(command.connection_id, row, await _concerned(rows, command)), row["version"])

    async def save(
        self, rows: Rows, command: Any, before: Loaded[connection.State], after: Loaded[connection.State]
    ) -> None:
        """Write the connection's row, and those of the applications that changed."""
        if isinstance(after.state, NoConnection):
            return
        key = (command.tenant, command.connection_id)
        properties = after.state.properties if isinstance(after.state, Connection) else {}
        was, now = _clients(before.state), _clients(after.state)
        await rows.execute(
            SAVE,
            *key,
            after.version,
            after.state.name,
            after.state.strategy,
            msgspec.json.encode(properties).decode(),
            isinstance(after.state, DeletedConnection),
            sorted(now - was),
            sorted(was - now),
        )
        if isinstance(after.state, DeletedConnection):
            await rows.execute(ALL_OUT, *key)


class EnablingRows(ConnectionRows):
    """Applications that are let in at the same time: each connection is read and written once for all of them."""

    async def load_all(self, rows: Rows, commands: Sequence[EnableConnection]) -> dict[Place, Loaded[connection.State]]:
        """Lock the connections and read which of all the applications named may use each."""
        wanted: dict[Place, EnableConnection] = {}
        for each in commands:
            place = each.tenant, self.stream(each)
            before = wanted[place].clients if place in wanted else {}
            wanted[place] = EnableConnection(
                tenant=each.tenant, connection_id=each.connection_id, clients=before | each.clients
            )
        return {place: await self.load(rows, wanted[place]) for place in sorted(wanted)}

    async def save_all(self, rows: Rows, changes: Sequence[Change[connection.State]]) -> None:
        """Write each connection's row, and those of the applications that changed."""
        for change in changes:
            await self.save(rows, change.commands[0], change.before, change.after)


async def _is_taken(rows: Rows, command: Any) -> bool:
    if not isinstance(command, CreateConnection):
        return False
    return bool(
        await rows.fetchval(
            "SELECT EXISTS (SELECT FROM connections WHERE tenant = $1 AND lower(name) = lower($2) AND NOT is_deleted)",
            command.tenant,
            command.name,
        )
    )


async def _concerned(rows: Rows, command: Any) -> frozenset[str]:
    """Which of the applications that the command is about may use it now."""
    match command:
        case EnableConnection(clients=clients):
            found = await rows.fetch(ENABLED, command.tenant, command.connection_id, list(clients))
        case ChangeConnection(enabled=list()):
            found = await rows.fetch(EVERYBODY, command.tenant, command.connection_id)
        case _:
            return frozenset()
    return frozenset(row["client_id"] for row in found)


def _clients(state: connection.State) -> frozenset[str]:
    return state.enabled if isinstance(state, Connection) else frozenset()


def _state(connection_id: str, row: Record, enabled: frozenset[str]) -> connection.State:
    if row["is_deleted"]:
        return DeletedConnection(row["name"], row["strategy"])
    properties = msgspec.json.decode(row["properties"])
    return Connection(connection_id, row["name"], row["strategy"], properties, enabled)


def _shape(state: connection.State) -> object:
    match state:
        case NoConnection():
            return None
        case DeletedConnection():
            return (state.name, state.strategy)
        case Connection():
            return (state.name, state.strategy, state.properties, state.enabled)


READ: Final = """
SELECT c.tenant, c.connection_id, c.name, c.strategy, c.properties, c.is_deleted FROM connections c
JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, connection_id) USING (tenant, connection_id)
"""
READ_CLIENTS: Final = """
SELECT c.tenant, c.connection_id, c.client_id FROM connection_clients c
JOIN unnest($1::text[], $2::text[]) AS wanted(tenant, connection_id) USING (tenant, connection_id)
"""


async def _stored(rows: Rows, tenants: Sequence[str], streams: Sequence[str]) -> dict[Key, object]:
    ids = [stream.removeprefix(STREAM) for stream in streams]
    enabled: dict[Key, set[str]] = defaultdict(set)
    for row in await rows.fetch(READ_CLIENTS, tenants, ids):
        enabled[row["tenant"], row["connection_id"]].add(row["client_id"])
    found = await rows.fetch(READ, tenants, ids)
    return {
        (row["tenant"], STREAM + row["connection_id"]): _shape(
            _state(row["connection_id"], row, frozenset(enabled[row["tenant"], row["connection_id"]]))
        )
        for row in found
    }


FOLD: Final[FoldCheck[Any]] = FoldCheck[Any](
    name="connection",
    streams=STREAM,
    initial=NoConnection(),
    evolve=connection.evolve,
    shape=_shape,
    read=_stored,
    keys=f"SELECT tenant, '{STREAM}' || connection_id AS stream FROM connections",  # noqa: S608
)
"""How `limen verify` compares connections with their facts."""
