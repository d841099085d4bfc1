"""What `tenants` does about others' facts: a part that somebody prepared brings a tenant nearer to being open."""

from typing import Final

from libs.eventstore import Envelope, Reaction
from services.connections.commands import DATABASE
from services.connections.events import CATALOGUE as CONNECTION_FACTS
from services.connections.events import ConnectionCreated
from services.key_rotation.events import CATALOGUE as KEY_FACTS
from services.key_rotation.events import SigningKeyPublished
from services.tenants.commands import MarkPrepared
from services.token.events import CATALOGUE as TOKEN_FACTS
from services.token.events import ResourceServerRegistered


async def keys_are_there(envelope: Envelope, _event: SigningKeyPublished) -> MarkPrepared:
    """A tenant has a signing key."""
    return MarkPrepared(tenant=envelope.tenant, part="keys")


async def token_is_ready(envelope: Envelope, event: ResourceServerRegistered) -> MarkPrepared | None:
    """A tenant has its Management API, so `token` knows it; other APIs are the tenant's own affair."""
    return MarkPrepared(tenant=envelope.tenant, part="token") if event.is_system else None


async def connections_are_ready(envelope: Envelope, event: ConnectionCreated) -> MarkPrepared | None:
    """A tenant has the connection that each begins with; others are the tenant's own affair."""
    return MarkPrepared(tenant=envelope.tenant, part="connections") if event.name == DATABASE else None


# From the start: a tenant waits for these facts, whenever they were said.
REACTIONS: Final = (
    Reaction("keys_prepared", KEY_FACTS, {SigningKeyPublished: keys_are_there}, from_start=True),
    Reaction("token_prepared", TOKEN_FACTS, {ResourceServerRegistered: token_is_ready}, from_start=True),
    Reaction("connections_prepared", CONNECTION_FACTS, {ConnectionCreated: connections_are_ready}, from_start=True),
)
