"""The front channel of `login` behind its door: real rows and sessions; `token` and the people are played by few lines.

front = await Front.opened(database, bus)
browser = front.browser()
answer = await browser.get("/authorize", client_id="app", response_type="code", …)
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from libs.bus import Bus
from libs.edge import AnsweredRequests, Call, Cursors, Edge, Reply, Route, RouteTable, answers, idempotency
from libs.edge.asks import answer_asks
from libs.edge.guard import guard
from libs.edge.wire import VERSION, Request, decode_reply, encode
from libs.eventstore import EventStore
from libs.jose import FollowedKeys, Signer, VerifyingKey, new_signing_key
from libs.oauth.authorization import AuthorizationRequest
from libs.postgres import Connection, Database
from libs.runtime.clock import Clock, wall
from libs.runtime.errors import Unavailable
from libs.runtime.ids import text
from libs.sealed import RootKey, derive
from services.key_rotation.events import SigningKeyPublished, SigningKeyRevoked, SigningKeyScheduled
from services.login import app
from services.login.events import CATALOGUE
from services.login.projections import PROJECTIONS
from services.login.routes.flow import Flow
from services.login.routes.showing import Pages
from services.token.commands import (
    CodeIssued,
    GrantAnswer,
    GrantOf,
    GrantsRevoked,
    IdTokenIssued,
    IssueCode,
    IssueIdToken,
    NamedSessions,
    NamedSessionsOf,
    RefreshTokensAnswer,
    RefreshTokensOf,
    RefreshTokenView,
    RevokeGrants,
)

KEY: Final = new_signing_key("RS256", now=datetime(2026, 11, 23, tzinfo=UTC), issuer_name="tests")
SIGNER: Final = Signer("RS256", KEY.kid, KEY.private)
ROOT: Final = RootKey("tests", bytes(range(32)))
ISSUER: Final = "https://id.acme.example/"
CALLBACK: Final = "https://app.example/callback"
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)

CLIENTS: Final[Mapping[str, dict[str, Any]]] = {
    "app": {"name": "Web app", "app_type": "regular_web", "callbacks": [CALLBACK]},
    "other": {"name": "Other app", "app_type": "regular_web", "callbacks": ["https://other.example/cb"]},
    "spa": {
        "name": "Single page",
        "app_type": "spa",
        "token_endpoint_auth_method": "none",
        "callbacks": ["https://spa.example/"],
        "web_origins": ["https://spa.example"],
    },
    "native": {
        "name": "Native",
        "app_type": "native",
        "token_endpoint_auth_method": "none",
        "callbacks": ["http://127.0.0.1/cb", "com.example.app:/cb", "http://[::1]:4000/cb"],
    },
    "stranger": {"name": "Stranger", "is_first_party": False, "callbacks": ["https://stranger.example/cb"]},
    "machine": {"name": "Machine", "grant_types": ["client_credentials"], "callbacks": [CALLBACK]},
}
PERSON: Final = """
INSERT INTO people (tenant, person, version, connection_id, connection, provider, sealed_user_id, sealed,
                    email_verified, has_password, is_blocked, endings, user_id, name, profile,
                    valid_from, created_at, updated_at)
VALUES ('acme', $1, 1, 'con_1', 'db', 'auth0', '', '{}', true, true, false, 0, 'auth0|' || $1, $1, '{}', $2, $2, $2)
"""
GRANT_TYPES: Final = ["authorization_code", "implicit", "refresh_token"]


@dataclass(frozen=True)
class Somebody:
    """A person, as the accounts' rows would say."""

    user_id: str
    person: str = "p1"
    name: str = "ada@example.com"
    is_blocked: bool = False
    valid_from: datetime = BEGINNING
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Proof:
    person: str
    amr: Sequence[str] = ("pwd",)
    endings: int = 0


@dataclass
class People:
    """Who there is."""

    known: dict[str, Somebody] = field(
        default_factory=lambda: {"p1": Somebody("auth0|ada"), "p2": Somebody("auth0|bob", "p2", "bob@example.com")}
    )
    ends: dict[str, str] = field(default_factory=dict)

    async def person(self, _tenant: str, person: str) -> Somebody | None:
        return self.known.get(person)

    async def named(self, _tenant: str, user_id: str) -> Somebody | None:
        return next((each for each in self.known.values() if each.user_id == user_id), None)

    async def session_end(self, _tenant: str, session_id: str) -> str | None:
        return self.ends.get(session_id)

    def claims(self, person: Any, _asked: AuthorizationRequest, _scope: Sequence[str]) -> dict[str, Any]:
        return {"name": person.name}

    def userinfo(self, person: Any, scope: list[str], _requested: Mapping[str, Any] | None) -> dict[str, Any]:
        return {"email": person.name} if "email" in scope else {}


@dataclass
class Token:
    """Plays `token`'s answers, and remembers what it was asked."""

    codes: dict[str, IssueCode] = field(default_factory=dict)
    id_tokens: list[IssueIdToken] = field(default_factory=list)
    grants: dict[str, GrantAnswer] = field(default_factory=dict)
    revoked: list[RevokeGrants] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    """Sessions in which a grant began that lives."""
    refusal: CodeIssued | None = None
    is_away: bool = False
    heard: Callable[[IssueCode], None] = field(default=lambda _: None)

    async def serve(self, bus: Bus) -> None:
        await answer_asks(bus, "token", "issue_code", IssueCode, self.issue_code)
        await answer_asks(bus, "token", "issue_id_token", IssueIdToken, self.issue_id_token)
        await answer_asks(bus, "token", "grant", GrantOf, self.grant)
        await answer_asks(bus, "token", "revoke_grants", RevokeGrants, self.revoke)
        await answer_asks(bus, "token", "refresh_tokens", RefreshTokensOf, self.refresh_tokens)
        await answer_asks(bus, "token", "named_sessions", NamedSessionsOf, self.named_sessions)

    async def issue_code(self, asked: IssueCode) -> CodeIssued:
        self.heard(asked)
        if self.is_away:
            raise Unavailable("token is away")
        if self.refusal is not None:
            return self.refusal
        self.codes[f"code-{asked.transaction}"] = asked
        return CodeIssued(code=f"code-{asked.transaction}")

    async def issue_id_token(self, asked: IssueIdToken) -> IdTokenIssued:
        self.id_tokens.append(asked)
        return IdTokenIssued(id_token="an.id.token")

    async def grant(self, asked: GrantOf) -> GrantAnswer:
        return self.grants.get(asked.grant_id) or GrantAnswer(is_alive=False)

    async def revoke(self, asked: RevokeGrants) -> GrantsRevoked:
        self.revoked.append(asked)
        return GrantsRevoked(count=1)

    async def named_sessions(self, asked: NamedSessionsOf) -> NamedSessions:
        if self.is_away:
            raise Unavailable("token is away")
        return NamedSessions(session_ids=[each for each in asked.session_ids if each in self.named])

    async def refresh_tokens(self, asked: RefreshTokensOf) -> RefreshTokensAnswer:
        view = RefreshTokenView(
            id="r1", client_id="app", session_id="s1", rotating=True, scope=["openid"], audience=None,
            created_at=BEGINNING, idle_expires_at=None, expires_at=None, last_exchanged_at=None,
        )  # fmt: skip
        return RefreshTokensAnswer(tokens=[view] if asked.person == "p1" else [], has_more=False)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for each, value in self.headers if each == name), None)

    @property
    def location(self) -> str:
        return self.header("location") or ""

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def said(self) -> dict[str, str]:
        """The parameters of an answer to an application, wherever they are."""
        split = urlsplit(self.location)
        return dict(parse_qsl(split.fragment or split.query))

    @property
    def fields(self) -> dict[str, str]:
        """The hidden fields of a page."""
        found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', self.text)
        return {name: unescape(value) for name, value in found}

    @property
    def is_page(self) -> bool:
        """A page for the person, and nothing sent anywhere (PAGE of the checklist)."""
        return self.status == 400 and not self.location and "text/html" in (self.header("content-type") or "")


class Browser:
    """Keeps cookies, and follows nothing by itself."""

    def __init__(self, front: "Front", scheme: str = "https") -> None:
        self.front, self.scheme = front, scheme
        self.tenant = "acme"
        self.cookies: dict[str, str] = {}

    async def get(self, path: str, _headers: Mapping[str, str] | None = None, /, **query: str) -> Answer:
        return await self.send("GET", path, query=urlencode(query), headers=_headers)

    async def post(self, path: str, _headers: Mapping[str, str] | None = None, /, **form: str) -> Answer:
        said = {"content-type": "application/x-www-form-urlencoded", **(_headers or {})}
        return await self.send("POST", path, body=urlencode(form).encode(), headers=said)

    async def send(
        self, method: str, path: str, *, query: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        path, _, inline = path.partition("?")
        said = list((headers or {}).items())
        if self.cookies:
            said.append(("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        answer = await self.front.request(method, path, query or inline, body, said, self.scheme, self.tenant)
        for name, value in answer.headers:
            if name == "set-cookie":
                self._keep(value)
        return answer

    def _keep(self, cookie: str) -> None:
        pair, *attributes = cookie.split("; ")
        name, _, value = pair.partition("=")
        if "Max-Age=0" in attributes:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    async def authorize(self, client_id: str = "app", **more: str) -> Answer:
        callbacks = CLIENTS[client_id]["callbacks"]
        said = {"response_type": "code", "redirect_uri": callbacks[0], "scope": "openid", "state": "s"}
        return await self.get("/authorize", client_id=client_id, **(said | more))

    async def sign_in(self, client_id: str = "app", person: str = "p1", **more: str) -> Answer:
        """Through a login page that believes everybody."""
        begun = await self.authorize(client_id, **more)
        assert begun.location.startswith("/u/login"), begun
        return await self.log_in(begun, person)

    async def answer(self, page: Answer, path: str, action: str) -> Answer:
        """Press a button of a page."""
        return await self.post(path, **page.fields, action=action)

    async def consent(self, asking: Answer, action: str = "accept") -> Answer:
        """Answer the question to which one is sent."""
        assert asking.location.startswith("/u/consent?state="), asking
        return await self.answer(await self.get(asking.location), "/u/consent", action)

    async def log_in(self, begun: Answer, person: str = "p1") -> Answer:
        return await self.post("/u/login", state=begun.said["state"], person=person)

    @property
    def session(self) -> str | None:
        return self.cookies.get("__Host-limen" if self.scheme == "https" else "limen")


@dataclass
class Front:
    database: Database
    store: EventStore
    edge: Edge
    token: Token
    people: People
    told: list[tuple[str, str]]

    @classmethod
    async def opened(cls, database: Database, bus: Bus) -> "Front":
        await _rows(database)
        token, people, told = Token(), People(), list[tuple[str, str]]()
        await token.serve(bus)
        store, edge = _served(database, bus, people, told)
        return cls(database, store, edge, token, people, told)

    async def again(self, bus: Bus) -> "Front":
        """The same as another process would be, on the same rows."""
        store, edge = _served(self.database, bus, self.people, self.told)
        return Front(self.database, store, edge, self.token, self.people, self.told)

    def use(self, other: "Front") -> None:
        """Let another process answer from now on."""
        self.store, self.edge = other.store, other.edge

    def browser(self, scheme: str = "https") -> Browser:
        return Browser(self, scheme)

    async def request(
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes = b"",
        headers: Sequence[tuple[str, str]] = (),
        scheme: str = "https",
        tenant: str = "acme",
    ) -> Answer:
        host, trace = f"id.{tenant}.example", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        request = Request(
            VERSION, method, scheme, host, path, query, list(headers), body, "192.0.2.1", None, tenant,
            text(8), trace, wall() + 5,
        )  # fmt: skip
        payload = await self.edge.answer(encode(request))
        assert payload is not None
        reply = decode_reply(payload)
        return Answer(reply.status, reply.headers, reply.body)

    async def api(self, method: str, path: str, scope: str, query: str = "", body: Any = None) -> Answer:
        """A request to the Management API."""
        token = signed(aud=f"{ISSUER}api/v2/", sub="app@clients", azp="app", scope=scope)
        payload = b"" if body is None else json.dumps(body).encode()
        headers = [("authorization", f"Bearer {token}"), *([("content-type", "application/json")] if payload else [])]
        return await self.request(method, f"/api/v2/{path}", query, payload, headers)

    async def change(self, client_id: str, **properties: Any) -> None:
        """Change an application as its facts would."""
        async with self.database.connection() as rows:
            await rows.execute(
                "UPDATE clients_v1 SET properties = properties || $2 WHERE client_id = $1",
                client_id,
                json.dumps(properties),
            )

    async def run(self, statement: str, *arguments: Any) -> None:
        async with self.database.connection() as rows:
            await rows.execute(statement, *arguments)

    async def twin(self, tenant: str) -> None:
        """Let there be another tenant with the same applications, APIs and connections under the same ids."""
        await self.run(
            "INSERT INTO tenants_v1 (tenant, version, name, issuer) VALUES ($1, 1, $1, $2)",
            tenant,
            f"https://id.{tenant}.example/",
        )
        for table in ("clients_v1", "connections_v2", "enabled_v1", "apis_v1"):
            await self.run(
                f"INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(t) || "
                "jsonb_build_object('tenant', $1::text, 'key', replace(key, 'acme/', $1 || '/')))).* "
                f"FROM {table} t WHERE tenant = 'acme'",
                tenant,
            )

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """The data of the events of a type, of either log."""
        async with self.database.connection() as rows:
            found = await rows.fetch(
                "SELECT data FROM facts WHERE type = $1 UNION ALL SELECT data FROM activity WHERE type = $1",
                kind,
            )
        return [json.loads(row["data"]) for row in found]


def _served(database: Database, bus: Bus, people: People, told: list[tuple[str, str]]) -> tuple[EventStore, Edge]:
    async def tell(_rows: Connection, _tenant: str, client_id: str, session_id: str, _person: str) -> None:
        told.append((client_id, session_id))

    store = EventStore(database, CATALOGUE, bus, app.COMMANDS)
    keys, pages = followed_keys(), Pages([derive(ROOT, "csrf")])
    cursors = Cursors(derive(ROOT, "cursor"))
    answered = AnsweredRequests(database, [derive(ROOT, idempotency.LABEL)])
    front = app.front(store, bus, keys, _issuer, people, tell, pages, cursors)
    table = RouteTable(*front.routes, *login_page(front.flow, pages))
    authorise = guard(keys.verifying_key, _issuer)
    slots = {"management": 50, "public": 50}
    # Each set of routes in a process has metrics of its own name.
    edge = Edge(bus, "login_front", table, slots=slots, clock=Clock(), authorise=authorise, answered=answered)
    return store, edge


def login_page(flow: Flow, pages: Pages) -> tuple[Route, ...]:
    """A login page that believes whatever is typed."""

    async def show(call: Call) -> Reply:
        tx = await flow.transaction(call)
        return answers.json({"application": tx.client.name})

    async def log_in(call: Call) -> Reply:
        tx = await flow.transaction(call)
        form = dict(parse_qsl(call.request.body.decode()))
        return await flow.signed_in(call, tx, Proof(form["person"]))

    return (
        Route("GET", "/u/login", show, renderer=pages.refused),
        Route("POST", "/u/login", log_in, renderer=pages.refused),
    )


async def _rows(database: Database) -> None:
    async with database.connection() as rows:
        for person in ("p1", "p2"):
            await rows.execute(PERSON, person, BEGINNING)
        for each in PROJECTIONS:
            await rows.execute(each.ddl.format(table=each.name))
        await rows.execute(
            "INSERT INTO tenants_v1 (tenant, version, name, issuer) VALUES ('acme', 1, 'Acme', $1)", ISSUER
        )
        for client_id, properties in CLIENTS.items():
            await rows.execute(
                "INSERT INTO clients_v1 (key, tenant, client_id, version, properties) VALUES ($1, 'acme', $2, 1, $3)",
                f"acme/{client_id}",
                client_id,
                json.dumps({"grant_types": GRANT_TYPES, **properties}),
            )
        await rows.execute(
            "INSERT INTO connections_v2 (key, tenant, connection_id, version, name, strategy, properties) "
            "VALUES ('acme/con_1', 'acme', 'con_1', 1, 'Username-Password-Authentication', 'auth0', '{}')"
        )
        await rows.execute(
            "INSERT INTO enabled_v1 (key, tenant, client_id, connection_id) "
            "SELECT 'acme/' || id || '/con_1', 'acme', id, 'con_1' FROM unnest($1::text[]) AS id",
            list(CLIENTS),
        )
        await rows.execute(
            "INSERT INTO apis_v1 (key, tenant, identifier, version, properties) "
            "VALUES ('acme/1', 'acme', 'https://api.example/', 1, $1)",
            json.dumps({"name": "The API", "scopes": [{"value": "read", "description": "Read all"}]}),
        )


def followed_keys() -> FollowedKeys:
    keys = FollowedKeys(published=SigningKeyPublished, scheduled=SigningKeyScheduled, revoked=SigningKeyRevoked)
    keys.apply("acme", SigningKeyPublished(kid=KEY.kid, alg="RS256", jwk=KEY.jwk, active_from=BEGINNING))
    return keys


def signed(**claims: Any) -> str:
    """A token of the tenant's."""
    now = int(wall())
    return SIGNER.sign({"iss": ISSUER, "iat": now, "exp": now + 60} | claims)


def id_token(sub: str = "auth0|ada", aud: str = "app", **claims: Any) -> str:
    return signed(sub=sub, aud=aud, **claims)


def _issuer(tenant: str) -> str | None:
    return ISSUER if tenant == "acme" else None


__all__ = ["CALLBACK", "CHALLENGE", "ISSUER", "Browser", "Front", "VerifyingKey", "id_token", "signed"]
