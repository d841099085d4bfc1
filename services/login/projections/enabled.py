"""Which applications may use which connections, a row for each pair; follows `connections`.

A row for each, because ten thousand applications may share one connection, and whoever signs in to one asks for one.
What a deleted connection leaves behind joins nothing: its id is never used again.
"""

from typing import Any, Final, get_args

import msgspec

from libs.eventstore import Envelope, Projection, folding, one_by_one
from services.connections.events import CATALOGUE, ConnectionDisabled, ConnectionEnabled

ENABLED: Final = "enabled_v1"

DDL: Final = """
CREATE TABLE {table} (
    key           text PRIMARY KEY,
    tenant        text NOT NULL,
    client_id     text NOT NULL,
    connection_id text NOT NULL
);
CREATE INDEX ON {table} (tenant, client_id);
COMMENT ON TABLE  {table}               IS 'Applications that may use a connection; follows connections.';
COMMENT ON COLUMN {table}.key           IS 'tenant/client_id/connection_id.';
COMMENT ON COLUMN {table}.tenant        IS 'Whose application.';
COMMENT ON COLUMN {table}.client_id     IS 'The application.';
COMMENT ON COLUMN {table}.connection_id IS 'The connection.';
"""


class EnabledRow(msgspec.Struct, frozen=True):
    """An application and a connection as the row says."""

    key: str
    tenant: str
    client_id: str
    connection_id: str


Changes = ConnectionEnabled | ConnectionDisabled


def after(_row: EnabledRow | None, envelope: Envelope, event: Changes) -> EnabledRow | None:
    """The row of a pair after a fact about it."""
    if isinstance(event, ConnectionDisabled):
        return None
    return EnabledRow(key_of(envelope, event), envelope.tenant, event.client_id, event.connection_id)


def key_of(envelope: Envelope, event: Changes) -> str:
    """Whose it is, and which two."""
    return f"{envelope.tenant}/{event.client_id}/{event.connection_id}"


APPLY: Final = folding(EnabledRow, key_of, after)


def enabled(**hooks: Any) -> Projection:
    """The following projection of who may use what."""
    return Projection(
        name=ENABLED,
        service="login",
        source=CATALOGUE,
        ddl=DDL,
        handles=dict.fromkeys(get_args(Changes), one_by_one(APPLY)),
        many=APPLY,
        **hooks,
    )
