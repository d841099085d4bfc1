"""The whole back channel on a real Postgres and NATS, and a double that plays `login`: who answers for people.

async with Town(addresses, nats.url) as town:
    app = await town.app("spa")
    code = await app.code()
    answer = await app.redeem(code)
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from libs.edge.asks import answer_asks, ask
from libs.edge.wire import VERSION, Request, decode_reply, encode
from libs.eventstore import Context, EventStore
from libs.eventstore.opening import migrations_of
from libs.postgres import Database
from libs.runtime.clock import wall
from libs.runtime.errors import Unavailable
from libs.runtime.ids import client_secret, hex24, prefixed, text
from libs.sealed import hash_of_secret
from services.login.commands import PeopleAnswer, PeopleOf, PersonAnswer, PersonOf, UserAnswer, UserOf
from services.tenants.commands import Registered, RegisterTenant
from services.token import app as token
from services.token.commands import CodeIssued, IssueCode, NewSecret, RegisterClient, RegisterResourceServer
from services.token.events import CATALOGUE
from tests.conftest import eventually
from tests.services.world import SCHEMAS, Answer, World

TOWN: Final = {**SCHEMAS, "token": migrations_of("token")}
DOMAIN: Final = "id.acme.example"
ISSUER: Final = f"https://{DOMAIN}/"
API: Final = "https://api.acme.example/"
PERSON: Final = "p" * 22
USER_ID: Final = "auth0|0123456789abcdef01234567"
CALLBACK: Final = "https://app.acme.example/cb"
AUTH_TIME: Final = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
VERIFIER: Final = "v" * 43
CHALLENGE: Final = base64.urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ROTATING: Final = {
    "rotation_type": "rotating",
    "expiration_type": "expiring",
    "leeway": 0,
    "token_lifetime": 3600,
    "idle_token_lifetime": 600,
    "infinite_token_lifetime": False,
    "infinite_idle_token_lifetime": False,
}


@dataclass
class People:
    """The double: says what it was told to say of a person, and remembers what it was asked."""

    refusal: str | None = None
    claims: dict[str, Any] = field(default_factory=lambda: {"name": "Jo", "email": "jo@acme.example"})
    asked: list[PersonOf] = field(default_factory=list)
    is_away: bool = False

    def reset(self) -> None:
        self.refusal, self.is_away = None, False
        self.claims = {"name": "Jo", "email": "jo@acme.example"}

    async def answer(self, asked: PeopleOf) -> PeopleAnswer:
        if self.is_away:
            raise Unavailable("login is away")
        self.asked.extend(asked.people)
        said = PersonAnswer(refusal=self.refusal, sub=USER_ID, claims=self.claims)
        return PeopleAnswer(people=[said for _ in asked.people])

    async def user(self, asked: UserOf) -> UserAnswer:
        if asked.user_id not in {None, USER_ID}:
            return UserAnswer(person=None, user_id=None)
        return UserAnswer(person=asked.person or PERSON, user_id=USER_ID)


class Town(World):
    """Two replicas of `token`, `tenants`, `key_rotation`, the tenant `acme` with an API, and people."""

    replicas = 2

    async def _start(self) -> None:
        self.people = People()
        await super()._start()
        for serving in (
            await answer_asks(self.bus, "login", "people", PeopleOf, self.people.answer),
            await answer_asks(self.bus, "login", "user", UserOf, self.people.user),
        ):
            self._stack.push_async_callback(serving.drain, within=1)
        await self._tenant("acme", DOMAIN)
        await self.api(API)

    async def api(self, identifier: str) -> str:
        """An API with two scopes; its id."""
        api_id = hex24()
        await self.run(RegisterResourceServer("acme", api_id, identifier, _api_properties()))
        return api_id

    async def grant(self, tokens: Mapping[str, Any]) -> Any:
        """The row of a grant."""
        (row,) = await self.rows("SELECT * FROM grants WHERE grant_id = $1", grant_of(tokens))
        return row

    async def alter(self, tokens: Mapping[str, Any], sql: str) -> None:
        """Change the row of a grant."""
        await self.rows(f"UPDATE grants SET {sql} WHERE grant_id = $1", grant_of(tokens))

    async def _start_token(self) -> None:
        database = await Database.open(self.addresses.of["token"], schema="token", most=2)
        self._stack.push_async_callback(database.close)
        self.store = EventStore(database, CATALOGUE, self.bus, token.COMMANDS)
        for _ in range(self.replicas):
            await token.start(self.lifecycle("token"), self._locks("token"), self.keyring)

    async def _tenant(self, tenant: str, domain: str) -> None:
        self.hosts[tenant] = domain
        command = RegisterTenant(tenant=tenant, name=tenant, domain=domain, scheme="https")
        await ask(self.bus, "tenants", "register", command, Registered)
        await self.connections_prepared(tenant)
        await eventually(lambda: self._is_open(tenant), within=10)
        await eventually(lambda: self._is_known(tenant), within=10)

    async def _is_known(self, tenant: str) -> bool:
        return bool(await self.rows("SELECT tenant FROM tenants_v1 WHERE tenant = $1 AND is_open", tenant))

    async def run(self, command: Any) -> Any:
        """Run a command as an administrator would."""
        return await self.store.execute(command, Context())

    async def rows(self, sql: str, *arguments: Any) -> list[Any]:
        """A look into `token`'s rows, or a change of them."""
        async with self.store.database.connection() as rows:
            return list(await rows.fetch(sql, *arguments))

    async def facts_of(self, grant_id: str) -> list[str]:
        """What happened to a grant."""
        found = await self.rows("SELECT type FROM facts WHERE stream = $1 ORDER BY version", f"grant-{grant_id}")
        return [row["type"] for row in found]

    async def app(self, app_type: str = "regular_web", **properties: Any) -> "App":
        """An application; `spa` and `native` are public."""
        client_id, secret = text(32), client_secret()
        said = {"name": "App", "app_type": app_type, "callbacks": [CALLBACK], "oidc_conformant": True} | properties
        kept = NewSecret(prefixed("sec", 16), hash_of_secret(secret))
        await self.run(RegisterClient("acme", client_id, said, kept))
        is_public = app_type in {"spa", "native"}
        return App(self, client_id, None if is_public else secret)

    async def post(self, path: str, form: Mapping[str, Any], *, tenant: str = "acme", as_json: bool = False) -> Answer:
        """A request as the gateway passes it on."""
        kind = "application/json" if as_json else "application/x-www-form-urlencoded"
        body = json.dumps(form) if as_json else urlencode(form, doseq=True)
        return await self.edge("POST", path, [("content-type", kind)], body.encode(), tenant=tenant)

    async def edge(
        self,
        method: str,
        path: str,
        headers: list[tuple[str, str]],
        body: bytes = b"",
        *,
        query: str = "",
        tenant: str = "acme",
    ) -> Answer:
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        place = (VERSION, method, "https", self.hosts[tenant], path, query, headers, body, "192.0.2.1", None, tenant)
        request = Request(*place, text(8), trace, wall() + 10)
        reply = decode_reply(await self.bus.request("edge.v1.token", encode(request), timeout=10))
        content = reply.body
        return Answer(reply.status, dict(reply.headers), json.loads(content) if content else None)


def _api_properties() -> dict[str, Any]:
    scopes = [{"value": each, "description": each} for each in ("read:things", "write:things")]
    return {"name": "Things", "scopes": scopes, "allow_offline_access": True, "token_lifetime": 900}


@dataclass
class App:
    """An application that asks; what it does not say otherwise is right."""

    town: Town
    client_id: str
    secret: str | None

    @property
    def identity(self) -> dict[str, str]:
        return {"client_id": self.client_id} | ({"client_secret": self.secret} if self.secret else {})

    async def ask_code(self, **changes: Any) -> CodeIssued:
        """What `login` asks when somebody was signed in."""
        said: dict[str, Any] = {
            "tenant": "acme",
            "transaction": text(22),
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": ["openid", "profile", "email", "read:things", "offline_access"],
            "audience": API,
            "nonce": "n-0S6_WzA2Mj",
            "code_challenge": CHALLENGE,
            "requested": None,
            "person": PERSON,
            "session_id": "s" * 22,
            "auth_time": AUTH_TIME,
            "amr": ["pwd"],
            "acr": None,
        }
        return await ask(self.town.bus, "token", "issue_code", IssueCode(**(said | changes)), CodeIssued)

    async def code(self, **changes: Any) -> str:
        issued = await self.ask_code(**changes)
        assert issued.error is None, issued
        return issued.code

    async def redeem(self, code: str, **changes: Any) -> Answer:
        """`None` leaves a parameter out."""
        said = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return await self._ask({**said, **self.identity, **changes})

    async def refresh(self, token: str, **changes: Any) -> Answer:
        return await self._ask({"grant_type": "refresh_token", "refresh_token": token, **self.identity, **changes})

    async def _ask(self, said: Mapping[str, Any]) -> Answer:
        form = {name: value for name, value in said.items() if value is not None}
        return await self.town.post("/oauth/token", form)

    async def tokens(self, **changes: Any) -> dict[str, Any]:
        """A first set of tokens."""
        answer = await self.redeem(await self.code(**changes))
        assert answer.status == 200, answer.body
        return dict(answer.body)


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, believed."""
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


def grant_of(tokens: Mapping[str, Any]) -> str:
    """The grant its access token names."""
    return str(claims_of(tokens["access_token"])["jti"]).partition(".")[0]
