"""Connections: where people may sign in; follows `connections`."""

from typing import Any, Final, get_args

import msgspec
from msgspec.structs import replace

from libs.eventstore import Envelope, Projection, folding, one_by_one
from services.connections.events import (
    CATALOGUE,
    ConnectionChanged,
    ConnectionCreated,
    ConnectionDeleted,
)
from services.login.projections.clients import merged
from services.login.rules.protection import guards

CONNECTIONS: Final = "connections_v2"
"""connections_v1 names the applications too; 0.4.0 reads it, so it goes in the release after this one."""

DDL: Final = """
CREATE TABLE {table} (
    key           text   PRIMARY KEY,
    tenant        text   NOT NULL,
    connection_id text   NOT NULL,
    version       bigint NOT NULL,
    name          text   NOT NULL,
    strategy      text   NOT NULL,
    properties    jsonb  NOT NULL
);
CREATE INDEX ON {table} (tenant, name);
COMMENT ON TABLE  {table}               IS 'Connections: where people may sign in; follows connections.';
COMMENT ON COLUMN {table}.key           IS 'tenant/connection_id.';
COMMENT ON COLUMN {table}.tenant        IS 'Whose connection.';
COMMENT ON COLUMN {table}.connection_id IS 'con_ and 16 characters.';
COMMENT ON COLUMN {table}.version       IS 'Position of the last fact that changed it.';
COMMENT ON COLUMN {table}.name          IS 'What requests call it.';
COMMENT ON COLUMN {table}.strategy      IS 'auth0 is a database of our own.';
COMMENT ON COLUMN {table}.properties    IS 'What the Management API shows, without secrets.';
"""


class ConnectionRow(msgspec.Struct, frozen=True):
    """A connection as the row says."""

    key: str
    tenant: str
    connection_id: str
    version: int
    name: str
    strategy: str
    properties: dict[str, Any]

    @property
    def options(self) -> dict[str, Any]:
        """Its options: password policy, whether anybody may sign up, and so on."""
        options = self.properties.get("options")
        return options if isinstance(options, dict) else {}

    @property
    def is_guarded(self) -> bool:
        """Whether the tenant's brute-force protection holds for its people, as it does unless it says otherwise."""
        return guards(self.options)


Changes = ConnectionCreated | ConnectionChanged | ConnectionDeleted


def after(row: ConnectionRow | None, envelope: Envelope, event: Changes) -> ConnectionRow | None:
    """A connection's row after a fact about it."""
    match row, event:
        case None, ConnectionCreated():
            return _created(envelope, event)
        case ConnectionRow(), ConnectionChanged(properties=changes):
            return replace(row, version=envelope.pos, properties=merged(row.properties, changes))
        case _, ConnectionDeleted():
            return None
        case _:
            return row


def _created(envelope: Envelope, event: ConnectionCreated) -> ConnectionRow:
    return ConnectionRow(
        key_of(envelope, event),
        envelope.tenant,
        event.connection_id,
        envelope.pos,
        event.name,
        event.strategy,
        event.properties,
    )


def key_of(envelope: Envelope, event: Changes) -> str:
    """Whose it is and which."""
    return f"{envelope.tenant}/{event.connection_id}"


APPLY: Final = folding(ConnectionRow, key_of, after)


def connections(**hooks: Any) -> Projection:
    """The following projection of connections."""
    return Projection(
        name=CONNECTIONS,
        service="login",
        source=CATALOGUE,
        ddl=DDL,
        handles=dict.fromkeys(get_args(Changes), one_by_one(APPLY)),
        many=APPLY,
        **hooks,
    )
