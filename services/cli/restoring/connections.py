"""What of `connections` must not come back: connections that were deleted, and applications that may not use one."""

from collections.abc import Mapping
from typing import Final

from libs.eventstore import Envelope
from services.cli.restoring.steps import Place, Reapply, Step
from services.connections.commands import DeleteConnection, EnableConnection
from services.connections.events import ConnectionDeleted, ConnectionDisabled
from services.connections.rules.connection import Connection


async def connection_deleted(place: Place, lost: Envelope, event: ConnectionDeleted) -> Step | None:
    """The connection is deleted again."""
    command = DeleteConnection(tenant=lost.tenant, connection_id=event.connection_id)
    if not isinstance(await place.state(command), Connection):
        return None
    return Step(command, f"connection {event.name} is deleted again")


async def connection_disabled(place: Place, lost: Envelope, event: ConnectionDisabled) -> Step | None:
    """The application may not use the connection again."""
    command = EnableConnection(tenant=lost.tenant, connection_id=event.connection_id, clients={event.client_id: False})
    connection = await place.state(command)
    if not isinstance(connection, Connection) or event.client_id not in connection.enabled:
        return None
    return Step(command, f"connection {connection.name}: application {event.client_id} may not use it again")


REAPPLY: Final[Mapping[type, Reapply]] = {
    ConnectionDeleted: connection_deleted,
    ConnectionDisabled: connection_disabled,
}
"""Every fact of `connections` that restricted something."""
