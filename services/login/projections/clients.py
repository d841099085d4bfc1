"""Applications as the front channel needs them; follows `token`."""

from datetime import datetime
from typing import Any, Final, get_args

import msgspec
from msgspec.structs import replace

from libs.eventstore import Envelope, Projection, folding, one_by_one
from services.token.events import CATALOGUE, ClientChanged, ClientDeleted, ClientRegistered

CLIENTS: Final = "clients_v1"

DDL: Final = """
CREATE TABLE {table} (
    key        text   PRIMARY KEY,
    tenant     text   NOT NULL,
    client_id  text   NOT NULL,
    version    bigint NOT NULL,
    properties jsonb  NOT NULL,
    registered_at timestamptz
);
COMMENT ON TABLE  {table}            IS 'Applications as the front channel needs them; follows token.';
COMMENT ON COLUMN {table}.key        IS 'tenant/client_id.';
COMMENT ON COLUMN {table}.tenant     IS 'Whose application.';
COMMENT ON COLUMN {table}.client_id  IS 'RFC 6749 section 2.2.';
COMMENT ON COLUMN {table}.version    IS 'Position of the last fact that changed it.';
COMMENT ON COLUMN {table}.properties IS 'What the Management API shows, without secrets.';
COMMENT ON COLUMN {table}.registered_at IS 'When it was registered.';
"""


class ClientFacts(msgspec.Struct, frozen=True):
    """An application as the row says."""

    key: str
    tenant: str
    client_id: str
    version: int
    properties: dict[str, Any]
    registered_at: datetime | None = None


Changes = ClientRegistered | ClientChanged | ClientDeleted


def after(row: ClientFacts | None, envelope: Envelope, event: Changes) -> ClientFacts | None:
    """An application's row after a fact about it."""
    match row, event:
        case _, ClientRegistered():
            key = key_of(envelope, event)
            return ClientFacts(key, envelope.tenant, event.client_id, envelope.pos, event.properties, envelope.at)
        case ClientFacts(), ClientChanged(properties=changes):
            return replace(row, version=envelope.pos, properties=merged(row.properties, changes))
        case _, ClientDeleted():
            return None
        case _:
            return row


def merged(properties: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The properties after a change, in which `None` removes one."""
    return {name: value for name, value in {**properties, **changes}.items() if value is not None}


def key_of(envelope: Envelope, event: Changes) -> str:
    """Whose it is and which."""
    return f"{envelope.tenant}/{event.client_id}"


APPLY: Final = folding(ClientFacts, key_of, after)


def clients(**hooks: Any) -> Projection:
    """The following projection of applications."""
    return Projection(
        name=CLIENTS,
        service="login",
        source=CATALOGUE,
        ddl=DDL,
        handles=dict.fromkeys(get_args(Changes), one_by_one(APPLY)),
        many=APPLY,
        **hooks,
    )
