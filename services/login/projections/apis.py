"""APIs, for what a consent page says of their scopes; follows `token`."""

from typing import Any, Final, get_args

import msgspec
from msgspec.structs import replace

from libs.eventstore import Envelope, Projection, folding, one_by_one
from services.login.projections.clients import merged
from services.token.events import CATALOGUE, ResourceServerChanged, ResourceServerDeleted, ResourceServerRegistered

APIS: Final = "apis_v1"

DDL: Final = """
CREATE TABLE {table} (
    key        text   PRIMARY KEY,
    tenant     text   NOT NULL,
    identifier text   NOT NULL,
    version    bigint NOT NULL,
    properties jsonb  NOT NULL
);
CREATE INDEX ON {table} (tenant, identifier);
COMMENT ON TABLE  {table}            IS 'APIs with their scopes; follows token.';
COMMENT ON COLUMN {table}.key        IS 'tenant/id.';
COMMENT ON COLUMN {table}.tenant     IS 'Whose API.';
COMMENT ON COLUMN {table}.identifier IS 'The audience of its tokens.';
COMMENT ON COLUMN {table}.version    IS 'Position of the last fact that changed it.';
COMMENT ON COLUMN {table}.properties IS 'What the Management API shows.';
"""


class ApiFacts(msgspec.Struct, frozen=True):
    """An API as the row says."""

    key: str
    tenant: str
    identifier: str
    version: int
    properties: dict[str, Any]


Changes = ResourceServerRegistered | ResourceServerChanged | ResourceServerDeleted


def after(row: ApiFacts | None, envelope: Envelope, event: Changes) -> ApiFacts | None:
    """An API's row after a fact about it."""
    match row, event:
        case _, ResourceServerRegistered(identifier=identifier, properties=properties):
            return ApiFacts(key_of(envelope, event), envelope.tenant, identifier, envelope.pos, properties)
        case ApiFacts(), ResourceServerChanged(identifier=identifier, properties=changes):
            properties = merged(row.properties, changes)
            return replace(row, version=envelope.pos, identifier=identifier, properties=properties)
        case _, ResourceServerDeleted():
            return None
        case _:
            return row


def key_of(envelope: Envelope, event: Changes) -> str:
    """Whose it is and which."""
    return f"{envelope.tenant}/{event.id}"


APPLY: Final = folding(ApiFacts, key_of, after)


def apis(**hooks: Any) -> Projection:
    """The following projection of APIs."""
    return Projection(
        name=APIS,
        service="login",
        source=CATALOGUE,
        ddl=DDL,
        handles=dict.fromkeys(get_args(Changes), one_by_one(APPLY)),
        many=APPLY,
        **hooks,
    )
