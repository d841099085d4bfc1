"""What `connections` does about others: each tenant gets its database connection, new applications are let in.

An application concerns several connections, and a reaction causes one command: the others are run before it, under
ids derived from the event as well, so that a repeat finds what it did.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID, uuid5

from libs.eventstore import Actor, Context, Envelope, EventStore, Reaction
from libs.postgres import AlreadyThere
from libs.runtime.errors import Unavailable
from libs.runtime.together import Together
from services.connections import queries
from services.connections.commands import DATABASE, CreateConnection, EnableConnection
from services.connections.rules.connection import NoSuchConnection
from services.connections.rules.defaults import DATABASE_STRATEGY, first_connection
from services.tenants.events import CATALOGUE as TENANT_FACTS
from services.tenants.events import TenantRegistered
from services.token.events import CATALOGUE as TOKEN_FACTS
from services.token.events import ClientDeleted, ClientRegistered

IDS: Final = 4
"""Derived ids per command: more events than one causes."""

EVENT_ID: Final = "facts_id_key"


def first(tenant: str) -> CreateConnection:
    """The connection every tenant begins with."""
    return CreateConnection(
        tenant=tenant,
        connection_id=first_connection(tenant),
        name=DATABASE,
        strategy=DATABASE_STRATEGY,
        properties={},
        enabled=[],
    )


async def prepare(envelope: Envelope, _event: TenantRegistered) -> CreateConnection:
    """A new tenant gets its database connection."""
    return first(envelope.tenant)


# From the start: tenants and applications of earlier releases get theirs too.
FIRST_CONNECTIONS: Final = Reaction(
    name="first_connections", source=TENANT_FACTS, reacts={TenantRegistered: prepare}, from_start=True
)


class LettingIn:
    """Applications come and go."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._looks = Together(self._look)

    @property
    def reaction(self) -> Reaction:
        """What is done about the facts of `token`."""
        return Reaction(
            name="client_connections",
            source=TOKEN_FACTS,
            reacts={ClientRegistered: self.let_in, ClientDeleted: self.let_out},
            from_start=True,
            together=frozenset({ClientRegistered}),
        )

    async def let_in(self, envelope: Envelope, event: ClientRegistered) -> EnableConnection | None:
        """A new application may use every database connection, unless its tenant wants to say so itself.

        Raises:
            Unavailable: the tenant was not heard of yet.
        """
        wanted = await self._wanted(envelope)
        if not wanted.enables_clients:
            return None
        if not wanted.was_made:
            await self._run(envelope, first(envelope.tenant))
            wanted = await self._wanted(envelope)
        return await self._all_but_one(envelope, wanted.databases, event.client_id, may=True)

    async def _wanted(self, envelope: Envelope) -> queries.LettingIn:
        tenant = envelope.tenant
        found = await self._looks.one(tenant)
        if found is None:
            raise Unavailable(f"the tenant {tenant} was not heard of yet")
        return found

    async def _look(self, tenants: Sequence[str]) -> list[queries.LettingIn | None]:
        """Applications are often made many at a time: what their tenant wants is asked once for all of them."""
        found = {
            tenant: await queries.letting_in(self._store.database, tenant, first_connection(tenant))
            for tenant in set(tenants)
        }
        return [found[tenant] for tenant in tenants]

    async def let_out(self, envelope: Envelope, event: ClientDeleted) -> EnableConnection | None:
        """A deleted application may use none any more."""
        wanted = await queries.connections_of(self._store.database, envelope.tenant, event.client_id)
        return await self._all_but_one(envelope, wanted, event.client_id, may=False)

    async def _all_but_one(
        self, envelope: Envelope, connections: Iterable[str], client_id: str, *, may: bool
    ) -> EnableConnection | None:
        """Say it to all of them but the last, whose command commits with the reaction's checkpoint."""
        commands = [
            EnableConnection(tenant=envelope.tenant, connection_id=each, clients={client_id: may})
            for each in connections
        ]
        for command in commands[:-1]:
            await self._run(envelope, command)
        return commands[-1] if commands else None

    async def _run(self, envelope: Envelope, command: CreateConnection | EnableConnection) -> None:
        context = Context(
            actor=Actor("service", self._store.catalogue.service),
            trace=envelope.trace,
            causation_id=str(envelope.id),
            correlation_id=envelope.correlation_id or str(envelope.id),
        )
        try:
            await self._store.execute(command, context, ids=_ids(envelope, command.connection_id))
        except NoSuchConnection:
            return  # deleted meanwhile
        except AlreadyThere as there:
            if there.constraint != EVENT_ID:
                raise


def _ids(envelope: Envelope, connection_id: str) -> list[UUID]:
    return [uuid5(envelope.id, f"connections {connection_id} {number}") for number in range(IDS)]
