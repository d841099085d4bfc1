"""Accounts of `login` behind their door: real rows, real passwords; the mailbox plays `connections`.

house = await House.opened(database, bus)
answer = await house.manage("POST", "users", {"email": …, "password": …, "connection": …})
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from libs.bus import Bus
from libs.edge import AnsweredRequests, Edge, RouteTable, idempotency
from libs.edge.asks import answer_asks
from libs.edge.guard import guard
from libs.edge.wire import VERSION, Request, decode_reply, encode
from libs.eventstore import Applied, Context, EventStore, Handler
from libs.jose import Signer, VerifyingKey, new_signing_key
from libs.oauth.management_scopes import MANAGEMENT_SCOPES
from libs.postgres import Database
from libs.runtime.clock import Clock, wall
from libs.runtime.ids import text
from libs.sealed import KeyEncryptionKey, Keyring
from libs.sealed.passwords import Passwords
from services.connections.commands import Accepted, DeliverMail
from services.login import app
from services.login.commands import Note
from services.login.events import CATALOGUE
from services.login.factors.attempt import Attempt, Caller, SignUpRequest
from services.login.projections import PROJECTIONS
from services.login.projections.protections import Protections
from services.login.queries.user_search import Users
from services.login.routes.accounts import Accounts, handlers
from services.login.routes.ending import Ending, telling
from services.login.routes.people_desk import PeopleDesk
from services.login.rows.errands import ENDING, Errands
from services.login.rows.notes import Notes, noted
from services.tenants.commands import PROTECTION

KEY: Final = new_signing_key("ES256", now=datetime(2026, 11, 23, tzinfo=UTC), issuer_name="tests")
SIGNER: Final = Signer("ES256", KEY.kid, KEY.private)
KEYRING: Final = Keyring([KeyEncryptionKey("tests", bytes(range(32)))])
TENANTS: Final = {"acme": "https://acme.example/", "other": "https://other.example/"}
CONNECTION: Final = "con_0123456789abcdef"
NAME: Final = "Username-Password-Authentication"
ALL_SCOPES: Final = " ".join(MANAGEMENT_SCOPES)
GOOD: Final = "correct-horse-7-battery"
OTHER: Final = "violet-9-submarine-tea"
ADDRESS: Final = "192.0.2.1"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None


@dataclass
class Mailbox:
    """Takes what is to be delivered."""

    mails: list[DeliverMail] = field(default_factory=list)

    async def serve(self, bus: Bus) -> None:
        await answer_asks(bus, "connections", "deliver_mail", DeliverMail, self.take)

    async def take(self, asked: DeliverMail) -> Accepted:
        if asked.id not in {each.id for each in self.mails}:
            self.mails.append(asked)
        return Accepted(id=asked.id)

    def templates(self) -> list[str]:
        return [each.template for each in self.mails]

    def ticket(self, template: str) -> str:
        """The secret of the newest link of a kind."""
        found = [each for each in self.mails if each.template == template]
        return found[-1].variables["url"].partition("ticket=")[2]


@dataclass
class House:
    """What a test says to the accounts and sees of them."""

    database: Database
    store: EventStore
    accounts: Accounts
    edge: Edge
    mailbox: Mailbox
    errands: Errands
    passwords: Passwords
    ended: list[tuple[str, str]]
    desk: PeopleDesk
    protections: Protections

    @classmethod
    async def opened(cls, database: Database, bus: Bus) -> "House":
        await _furnish(database)
        commands: dict[type, Handler[Any]] = {**handlers(KEYRING), Note: Handler(Notes(), noted)}
        store = EventStore(database, CATALOGUE, bus, commands)
        passwords, mailbox = Passwords(), Mailbox()
        protections = Protections()
        accounts = Accounts.opened(store, KEYRING, passwords, protections.of)
        ended: list[tuple[str, str]] = []

        async def end(_tenant: str, person: str, reason: str, _context: Context) -> None:
            ended.append((person, reason))

        answered = AnsweredRequests(database, KEYRING.derived(idempotency.LABEL))
        desk = PeopleDesk(store, Applied(bus, "login"), answered, Users(database), end)
        edge = Edge(
            bus,
            "login",
            RouteTable(*accounts.routes(desk)),
            slots={"management": 50, "public": 50},
            clock=Clock(),
            authorise=guard(_key_of, TENANTS.get),
            answered=answered,
        )
        await mailbox.serve(bus)
        ending = Ending(EventStore(database, CATALOGUE, bus, app.COMMANDS), telling)
        errands = Errands(database, {**accounts.hands(bus), ENDING: ending.hand})
        return cls(database, store, accounts, edge, mailbox, errands, passwords, ended, desk, protections)

    async def manage(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: str = "",
        tenant: str = "acme",
        scope: str = ALL_SCOPES,
        sub: str = "operator@clients",
        key: str = "",
    ) -> Answer:
        """A request to the Management API."""
        issuer, now = TENANTS[tenant], int(wall())
        said = {"iss": issuer, "aud": f"{issuer}api/v2/", "sub": sub, "azp": "operator", "scope": scope}
        token = SIGNER.sign({**said, "iat": now, "exp": now + 60, "jti": text(8)})
        brought = [("authorization", f"Bearer {token}"), *([("idempotency-key", key)] if key else [])]
        return await self.send(method, f"/api/v2/{path}", body, query=query, tenant=tenant, headers=brought)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: str = "",
        tenant: str = "acme",
        headers: list[tuple[str, str]] | None = None,
        address: str = ADDRESS,
    ) -> Answer:
        payload = b"" if body is None else json.dumps(body).encode()
        said = [*(headers or []), *([("content-type", "application/json")] if payload else [])]
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        request = Request(
            VERSION, method, "https", "acme.example", path, query, said, payload, address, None, tenant,
            f"req-{text(6)}", trace, wall() + 30,
        )  # fmt: skip
        answered = await self.edge.answer(encode(request))
        assert answered is not None
        reply = decode_reply(answered)
        return Answer(reply.status, dict(reply.headers), reply.body)

    async def user(self, email: str = "ada@corp.example", password: str = GOOD, **more: Any) -> dict[str, Any]:
        """A new user, made by an administrator and verified."""
        body = {"connection": NAME, "email": email, "password": password, "email_verified": True, **more}
        answer = await self.manage("POST", "users", body)
        assert answer.status == 201, answer.body
        return dict(answer.body)

    async def person(self, email: str = "ada@corp.example") -> str:
        """The opaque id of whoever has an address."""
        found = await self.accounts.factor.account("acme", CONNECTION, email)
        assert found.person is not None
        return found.person

    def attempt(self, identifier: str = "ada@corp.example", password: str = GOOD, **more: Any) -> Attempt:
        said = {"tenant": "acme", "connection_id": CONNECTION, "connection": NAME, "client_id": "app"}
        where = {"address": ADDRESS, "user_agent": "a browser", "host": "acme.example"}
        return Attempt(**{**said, **where, "identifier": identifier, "password": password, **more})

    def request(self, email: str = "ada@corp.example", password: str = GOOD, **more: Any) -> SignUpRequest:
        said = {"tenant": "acme", "connection_id": CONNECTION, "client_id": "app"}
        where = {"address": ADDRESS, "user_agent": "a browser", "host": "acme.example"}
        return SignUpRequest(**{**said, **where, "email": email, "password": password, **more})

    def protect(self, **shields: Any) -> None:
        """Have the tenant protected so, as its facts would say; without a word as if it had never changed anything."""
        self.protections.take_in("acme", {shield: shields.get(shield, {}) for shield in PROTECTION})

    async def hand_on(self) -> None:
        """Hand on every errand that is due."""
        while await self.errands.once():
            pass

    async def rows(self, statement: str, *values: Any) -> list[Any]:
        async with self.database.connection() as rows:
            return list(await rows.fetch(statement, *values))


def caller(address: str = ADDRESS) -> Caller:
    return Caller(address=address, user_agent="a browser", host="acme.example", client_id="app")


async def _furnish(database: Database) -> None:
    """The read models, as they would have been followed."""
    async with database.connection() as rows:
        for projection in PROJECTIONS:
            await rows.execute(projection.ddl.format(table=projection.name))
        for tenant, issuer in TENANTS.items():
            await rows.execute(
                "INSERT INTO tenants_v1 (tenant, version, name, issuer) VALUES ($1, 1, $2, $3)",
                tenant, f"{tenant.title()} Widgets", issuer,
            )  # fmt: skip
            await rows.execute(
                "INSERT INTO connections_v2 (key, tenant, connection_id, version, name, strategy, properties) "
                "VALUES ($1, $2, $3, 1, $4, 'auth0', '{\"options\": {}}')",
                f"{tenant}/{CONNECTION}", tenant, CONNECTION, NAME,
            )  # fmt: skip
            await rows.execute(
                "INSERT INTO enabled_v1 (key, tenant, client_id, connection_id) VALUES ($1, $2, 'app', $3)",
                f"{tenant}/app/{CONNECTION}", tenant, CONNECTION,
            )  # fmt: skip
            await rows.execute(
                "INSERT INTO clients_v1 (key, tenant, client_id, version, properties) "
                "VALUES ($1, $2, 'app', 1, '{\"name\": \"Web app\"}')",
                f"{tenant}/app", tenant,
            )  # fmt: skip


def _key_of(_tenant: str, kid: str, _now: datetime) -> VerifyingKey | None:
    return VerifyingKey("ES256", KEY.private.public_key(), kid) if kid == KEY.kid else None
