"""`connections` beside `tenants` and `key_rotation`, with a small log that plays `token`.

One may stand for all tests of a file: each of them moves in with two tenants of its own, and sees only theirs.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from libs.bus import Serving
from libs.edge.asks import answer_asks, ask
from libs.eventstore import Context, Event
from libs.eventstore.opening import migrations_of
from libs.runtime.ids import text
from libs.runtime.lifecycle import Lifecycle
from services.connections import app
from services.connections.commands import Accepted, DeliverLogout, DeliverMail
from services.connections.events import CATALOGUE
from services.connections.rules.defaults import first_connection
from services.token.commands import LogoutToken, LogoutTokenFor, UnknownClients, UnknownClientsOf
from tests.conftest import MakeDatabase, eventually
from tests.servers import NatsServer, PostgresServer, running
from tests.services.world import SCHEMAS, Answer, Say, World

ALL: Final = {**SCHEMAS, "connections": migrations_of("connections")}
SCOPES: Final = (
    "read:connections create:connections update:connections delete:connections read:connections_options "
    "read:tenant_settings update:tenant_settings"
)
FAST: Final = {"LIMEN_DELIVERY_BACKOFF": "20ms"}
SERVICES: Final = ("tenants", "key_rotation", "token", "connections")


class House(World):
    """The running services, and what a test does with them."""

    connections: Lifecycle
    catalogue = CATALOGUE
    unknown: set[str]
    """Ids of which `token` says that they are of no application."""
    other: str
    """The second tenant of the test that lives here, beside `acme`."""

    async def move_in(self) -> None:
        """Two new tenants; what another test played is over."""
        for serving in self._played_asks:
            await serving.drain(within=1)
        self._played_asks.clear()
        self.unknown.clear()
        self._moves += 1
        self.acme, self.other = f"acme{self._moves}", f"other{self._moves}"
        for tenant in (self.acme, self.other):
            await self.tenant(tenant, f"id.{tenant}.example")

    async def _start(self) -> None:
        self._moves = 0
        self._played_asks: list[Serving] = []
        self.unknown = set()
        await super()._start()

        async def unknown(asked: UnknownClientsOf) -> UnknownClients:
            return UnknownClients(client_ids=[each for each in asked.client_ids if each in self.unknown])

        await answer_asks(self.bus, "token", "unknown_clients", UnknownClientsOf, unknown)

    async def _start_connections(self) -> None:
        self.connections = self.lifecycle("connections")
        await app.start(self.connections, self._locks("connections"), self.keyring)

    async def ask(self, method: str, path: str, body: Any = None, *, scope: str = SCOPES, **more: Any) -> Answer:
        """A request to `/api/v2/connections`."""
        more.setdefault("tenant", self.acme)
        token = more.pop("token", None) or await self.token(more["tenant"], scope=scope)
        return await self.management("connections", method, f"/api/v2/connections{path}", body, token=token, **more)

    async def change_settings(self, **settings: Any) -> Answer:
        """Change the tenant's settings."""
        token = await self.token(self.acme, scope=SCOPES)
        path = "/api/v2/tenants/settings"
        return await self.management("tenants", "PATCH", path, settings, token=token)

    async def said_by_token(self, *facts: Event, tenant: str | None = None) -> None:
        """Facts of `token`."""
        await self.said.execute(Say(tenant or self.acme, facts), Context())

    async def first(self, tenant: str | None = None) -> str:
        """The id of the tenant's first connection, once it is there."""
        tenant = tenant or self.acme
        id_ = first_connection(tenant)

        async def is_there() -> bool:
            return (await self.ask("GET", f"/{id_}", tenant=tenant)).status == 200

        await eventually(is_there, within=10)
        return id_

    async def clients_of(self, connection_id: str, tenant: str | None = None) -> list[str]:
        answer = await self.ask("GET", f"/{connection_id}/clients", tenant=tenant or self.acme)
        return [each["client_id"] for each in answer.body["clients"]]

    async def mail(self, template: str = "verify_email", **changes: Any) -> str:
        """Ask for a mail; its id."""
        asked: dict[str, Any] = {
            "id": text(20),
            "tenant": self.acme,
            "person": "p1",
            "template": template,
            "to": "ada@example.com",
            "locale": "en",
            "variables": {"url": "https://id.acme.example/u/verify-email?ticket=t", "name": "Ada", "minutes": "60"},
        }
        question = DeliverMail(**(asked | changes))
        return (await ask(self.bus, "connections", "deliver_mail", question, Accepted)).id

    async def logout(self, **changes: Any) -> str:
        """Ask for a logout; its id."""
        asked = {"id": text(20), "tenant": self.acme, "client_id": "app1", "session_id": "s1", "sub": "auth0|1"}
        question = DeliverLogout(**(asked | changes))
        return (await ask(self.bus, "connections", "deliver_logout", question, Accepted)).id

    async def tokens_for(self, *urls: str) -> list[LogoutTokenFor]:
        """Play `token`, which makes a logout token; what it was asked."""
        asked: list[LogoutTokenFor] = []

        async def made(question: LogoutTokenFor) -> LogoutToken:
            asked.append(question)
            return LogoutToken(token=f"token {len(asked)}", urls=list(urls))

        self._played_asks.append(await answer_asks(self.bus, "token", "logout_token", LogoutTokenFor, made))
        return asked

    async def happened(self) -> list[tuple[str, dict[str, Any]]]:
        """The activity of `connections`: types and data."""
        async with self.database("connections") as database, database.connection() as rows:
            found = await rows.fetch(
                "SELECT type, data FROM activity WHERE tenant = ANY($1) ORDER BY pos", [self.acme, self.other]
            )
        return [(row["type"].removeprefix("connections."), row["data"]) for row in found]

    async def versions(self, type_: str, member: str) -> dict[str, int]:
        """The versions of the facts of a type, by what they say in `member`."""
        async with self.database("connections") as database, database.connection() as rows:
            found = await rows.fetch(
                "SELECT data->>$3 AS named, version FROM facts WHERE tenant = $1 AND type = $2",
                self.acme,
                f"connections.{type_}",
                member,
            )
        return {row["named"]: row["version"] for row in found}

    async def types(self) -> list[str]:
        return [kind for kind, _ in await self.happened()]

    async def ended(self, *types: str) -> None:
        """Wait until this has happened, and nothing else."""

        async def has() -> bool:
            return await self.types() == list(types)

        await eventually(has, within=10)

    async def deliveries(self) -> Sequence[Any]:
        async with self.database("connections") as database, database.connection() as rows:
            return list(await rows.fetch("SELECT * FROM deliveries WHERE tenant = ANY($1)", [self.acme, self.other]))

    async def run(self, statement: str) -> Any:
        async with self.database("connections") as database, database.connection() as rows:
            return await rows.fetch(statement)


@asynccontextmanager
async def house(make_database: MakeDatabase, nats_url: str, **environ: str) -> AsyncIterator[House]:
    """One of a test's own, with its tenants."""
    async with House(await make_database(**ALL), nats_url, environ=FAST | environ, services=SERVICES) as one:
        await one.move_in()
        yield one


@asynccontextmanager
async def shared_house(postgres: PostgresServer, **environ: str) -> AsyncIterator[House]:
    """One for all tests of a file, as yet without tenants."""
    addresses = await postgres.create(ALL)
    with running(NatsServer) as nats:
        async with House(addresses, nats.url, environ=FAST | environ, services=SERVICES) as one:
            yield one
    await postgres.drop(addresses)
