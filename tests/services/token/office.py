"""The Management API part of `token` behind its door: real rows, real tokens, and no gateway before it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libs.bus import Bus
from libs.edge import AnsweredRequests, Cursors, Edge, RouteTable, idempotency
from libs.edge.asks import answer_asks
from libs.edge.guard import guard
from libs.edge.wire import VERSION, Request, decode_reply, encode
from libs.eventstore import Applied, EventStore
from libs.jose import Signer, VerifyingKey, new_signing_key
from libs.oauth.management_scopes import MANAGEMENT_SCOPES
from libs.postgres import Database
from libs.runtime.clock import Clock, wall
from libs.runtime.ids import text
from libs.sealed import RootKey, derive
from services.connections.commands import ConnectionsAnswer, ConnectionsOf
from services.token.app import COMMANDS
from services.token.app import table as all_routes
from services.token.events import CATALOGUE
from services.token.grants.endpoint import TokenEndpoint
from services.token.grants.revocation import Revocation
from services.token.projections import DDL, TENANTS, issuer_of
from services.token.routes.client_connections import ClientConnections
from services.token.routes.desk import Desk
from services.token.routes.discovery import Discovery
from services.token.routes.refresh_tokens import RefreshTokenRoutes

KEY: Final = new_signing_key("ES256", now=datetime(2026, 11, 23, tzinfo=UTC), issuer_name="tests")
SIGNER: Final = Signer("ES256", KEY.kid, KEY.private)
DOMAINS: Final = {"acme": "acme.example", "other": "other.example"}
ALL_SCOPES: Final = " ".join(MANAGEMENT_SCOPES)
ROOT: Final = RootKey("tests", bytes(range(32)))
CURSORS: Final = Cursors(derive(ROOT, "cursor"))
ANSWERS: Final = [derive(ROOT, idempotency.LABEL)]


def pem_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """A public key as an administrator pastes it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def ec_pem() -> str:
    return pem_of(ec.generate_private_key(ec.SECP256R1()))


def credential(**changes: Any) -> dict[str, Any]:
    """A fresh public key as a body names it."""
    return {"credential_type": "public_key", "name": "laptop", "pem": ec_pem(), "alg": "ES256", **changes}


def keys(*credentials: Any) -> dict[str, Any]:
    """`client_authentication_methods` with these credentials."""
    return {"private_key_jwt": {"credentials": list(credentials)}}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def error(self) -> tuple[int, str | None]:
        """Status and `errorCode` of a refusal in the Management API's shape."""
        assert set(self.body) <= {"statusCode", "error", "message", "errorCode"}, self.body
        assert self.body["statusCode"] == self.status
        return self.status, self.body.get("errorCode")


@dataclass
class Office:
    """What a test says to the service and sees of it."""

    database: Database
    store: EventStore
    edge: Edge
    desk: Desk
    table: RouteTable
    connections: list[dict[str, Any]]
    """What `connections` says of an application."""
    tenant: str = "acme"
    scope: str = field(default=ALL_SCOPES)

    @classmethod
    async def opened(cls, database: Database, bus: Bus) -> "Office":
        async with database.connection() as rows:
            await rows.execute(DDL.format(table=TENANTS))
            for tenant, domain in DOMAINS.items():
                await rows.execute(
                    f"INSERT INTO {TENANTS} (tenant, version, domain, scheme, issuer) VALUES ($1, 1, $2, 'https', $3)",
                    tenant,
                    domain,
                    issuer_of("https", domain),
                )
        store = EventStore(database, CATALOGUE, bus, COMMANDS)
        answered = AnsweredRequests(database, ANSWERS)
        desk = Desk(store, database, Applied(bus, "token"), answered, CURSORS)
        # All routes, for a process counts the requests of one table of a service; some of them do not work here.
        endpoint, revocation = object.__new__(TokenEndpoint), object.__new__(Revocation)
        discovery = object.__new__(Discovery)
        every = all_routes(
            endpoint, revocation, discovery, desk, RefreshTokenRoutes(desk, bus), ClientConnections(desk, bus)
        )
        table = RouteTable(*(each for each in every if each.scopes and "refresh-tokens" not in each.template))
        slots, authorise = {"management": 50, "token": 1, "public": 1}, guard(_key_of, _issuer)
        edge = Edge(bus, "token", every, slots=slots, clock=Clock(), authorise=authorise, answered=answered)
        office = cls(database, store, edge, desk, table, [])
        await answer_asks(bus, "connections", "connections_of", ConnectionsOf, office.connections_of)
        return office

    async def connections_of(self, asked: ConnectionsOf) -> ConnectionsAnswer:
        wanted = [each for each in self.connections if each["strategy"] in (asked.strategies or [each["strategy"]])]
        behind = [each for each in wanted if each["id"] > asked.after]
        return ConnectionsAnswer(connections=behind[: asked.take], has_more=len(behind) > asked.take)

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: str = "",
        tenant: str | None = None,
        scope: str | None = None,
        token: str | None = None,
        raw: bytes | None = None,
        named: str | None = None,
    ) -> Answer:
        """A request as the gateway passes it on; `raw` is a body that `json.dumps` would not write."""
        tenant = tenant or self.tenant
        token = token if token is not None else token_of(tenant, self.scope if scope is None else scope)
        payload = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        headers = [("content-type", "application/json")] if payload else []
        headers += [("authorization", f"Bearer {token}")] if token else []
        headers += [("idempotency-key", named)] if named is not None else []
        request = Request(
            VERSION,
            method,
            "https",
            DOMAINS.get(tenant, "acme.example"),
            f"/api/v2/{path}",
            query,
            headers,
            payload,
            "192.0.2.1",
            None,
            tenant,
            f"req-{text(6)}",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            wall() + 5,
        )
        answered = await self.edge.answer(encode(request))
        assert answered is not None
        reply = decode_reply(answered)
        return Answer(reply.status, dict(reply.headers), json.loads(reply.body) if reply.body else None)

    async def client(self, **properties: Any) -> dict[str, Any]:
        """A new application."""
        answer = await self.ask("POST", "clients", {"name": "An application", **properties})
        assert answer.status == 201, answer.body
        return dict(answer.body)

    async def api(self, identifier: str | None = None, **properties: Any) -> dict[str, Any]:
        """A new API with the scopes `read` and `write`."""
        scopes = [{"value": "read"}, {"value": "write", "description": "Write"}]
        body = {"identifier": identifier or f"https://{text(8)}.example/", "scopes": scopes, **properties}
        answer = await self.ask("POST", "resource-servers", body)
        assert answer.status == 201, answer.body
        return dict(answer.body)

    async def grant(self, client: Mapping[str, Any], api: Mapping[str, Any], *scope: str) -> dict[str, Any]:
        """A new client grant."""
        body = {"client_id": client["client_id"], "audience": api["identifier"], "scope": list(scope)}
        answer = await self.ask("POST", "client-grants", body)
        assert answer.status == 201, answer.body
        return dict(answer.body)

    async def facts(self) -> list[Any]:
        """The log as the database holds it."""
        async with self.database.connection() as rows:
            found = await rows.fetch("SELECT tenant, stream, version, type, data, meta FROM facts ORDER BY pos")
        return list(found)

    async def secrets(self, client_id: str) -> list[bytes]:
        """The hashes of an application's secrets that a row holds."""
        async with self.database.connection() as rows:
            found = await rows.fetch(
                "SELECT sha256 FROM client_secrets WHERE tenant = $1 AND client_id = $2 ORDER BY number",
                self.tenant,
                client_id,
            )
        return [row["sha256"] for row in found]

    async def allow_algorithms(self, *algs: str) -> None:
        """What the tenant's settings say, as the projection of tenants would have written it."""
        async with self.database.connection() as rows:
            await rows.execute(
                f"UPDATE {TENANTS} SET allowed_signing_algs = $2 WHERE tenant = $1", self.tenant, list(algs)
            )


def named(identifier: str) -> str:
    """An API's identifier as one path segment."""
    return quote(identifier, safe="")


def token_of(tenant: str, scope: str = ALL_SCOPES, **claims: Any) -> str:
    issuer = issuer_of("https", DOMAINS[tenant])
    now = int(wall())
    said = {"iss": issuer, "aud": f"{issuer}api/v2/", "sub": "operator@clients", "azp": "operator", "scope": scope}
    return SIGNER.sign({**said, "iat": now, "exp": now + 60, "jti": text(8), **claims})


def _key_of(_tenant: str, kid: str, _now: datetime) -> VerifyingKey | None:
    return VerifyingKey("ES256", KEY.private.public_key(), kid) if kid == KEY.kid else None


def _issuer(tenant: str) -> str | None:
    return issuer_of("https", DOMAINS[tenant]) if tenant in DOMAINS else None
