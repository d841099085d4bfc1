"""The asks that `token` answers: a tenant's quickstart, for the operator's command line."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

from libs.bus import Bus, Serving
from libs.edge.asks import answer_asks
from libs.edge.management_errors import Conflict, ManagementError
from libs.eventstore import Actor, Context, EventStore
from libs.oauth.management_scopes import MANAGEMENT_SCOPES
from libs.runtime.errors import Unavailable
from libs.runtime.ids import client_secret, prefixed, text, uuid7
from libs.sealed import hash_of_secret
from services.token.commands import (
    GrantClient,
    NewSecret,
    Quickstart,
    QuickstartAnswer,
    RegisterClient,
    RegisterResourceServer,
    RotateClientSecret,
)
from services.token.reactions import management_audience

AUDIENCE: Final = "https://api.example.com/"
"""The quickstart API's identifier: a name, never fetched."""

SCOPES: Final = (("read:messages", "Read messages"), ("write:messages", "Write messages"))

TENANT: Final = "SELECT issuer, domain FROM tenants_v1 WHERE tenant = $1"
EXISTS: Final = "SELECT EXISTS (SELECT FROM clients WHERE tenant = $1 AND client_id = $2 AND NOT is_deleted)"
HAS: Final = """
SELECT EXISTS (SELECT FROM client_secrets WHERE tenant = $1 AND client_id = $2 AND sha256 = $3 AND expires_at IS NULL)
"""


class QuickstartAsk:
    """Makes a tenant's first application, API and management application; what is there stays."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def serve(self, bus: Bus) -> Serving:
        """Answer `svc.v1.token.quickstart`."""
        return await answer_asks(bus, "token", "quickstart", Quickstart, self.answer, refusals=(ManagementError,))

    async def answer(self, asked: Quickstart) -> QuickstartAnswer:
        """Make what is missing and say what there is."""
        tenant = asked.tenant
        async with self._store.database.connection() as rows:
            row = await rows.fetchrow(TENANT, tenant)
        if row is None:
            raise Unavailable("the tenant has not been heard of yet")
        management = management_audience(row["issuer"])
        await self._api(tenant)
        first, manager = derived_id(tenant, "quickstart"), derived_id(tenant, "management")
        first_secret = await self._client(asked, first, "Quickstart application")
        manager_secret = await self._client(asked, manager, "Management application")
        await self._grant(tenant, first, AUDIENCE, tuple(value for value, _ in SCOPES))
        await self._grant(tenant, manager, management, MANAGEMENT_SCOPES)
        return QuickstartAnswer(
            issuer=row["issuer"],
            domain=row["domain"],
            audience=AUDIENCE,
            client_id=first,
            client_secret=first_secret,
            management_audience=management,
            management_client_id=manager,
            management_client_secret=manager_secret,
        )

    async def _api(self, tenant: str) -> None:
        scopes = [{"value": value, "description": description} for value, description in SCOPES]
        properties = {"name": "Quickstart API", "scopes": scopes, "signing_alg": "RS256", "token_lifetime": 86400}
        api_id = sha256(f"quickstart api of {tenant}".encode()).hexdigest()[:24]
        await self._once(RegisterResourceServer(tenant, api_id, AUDIENCE, properties))

    async def _client(self, asked: Quickstart, client_id: str, name: str) -> str | None:
        """Register the client or, when asked, give it a new secret; the secret, if one was made."""
        secret = client_secret() if asked.seed is None else derived_secret(asked.seed, client_id)
        kept = NewSecret(prefixed("sec", 16), hash_of_secret(secret))
        if await self._is_made_now(asked.tenant, client_id, name, kept):
            return secret
        if await self._ask(HAS, asked.tenant, client_id, kept.sha256):
            return secret  # the same ask, sent before, made it
        if not asked.new_secrets:
            return None
        await self._store.execute(RotateClientSecret(asked.tenant, client_id, kept), _context())
        return secret

    async def _is_made_now(self, tenant: str, client_id: str, name: str, secret: NewSecret) -> bool:
        """Register the client unless it is there, also where the same ask, sent before, registers it meanwhile."""
        if await self._ask(EXISTS, tenant, client_id):
            return False
        properties = {"name": name, "app_type": "non_interactive", "grant_types": ["client_credentials"]}
        try:
            await self._store.execute(RegisterClient(tenant, client_id, properties, secret), _context())
        except Conflict:
            if await self._ask(EXISTS, tenant, client_id):
                return False
            raise  # it was deleted, and its id is never used again
        return True

    async def _ask(self, question: str, *values: object) -> bool:
        async with self._store.database.connection() as rows:
            return bool(await rows.fetchval(question, *values))

    async def _grant(self, tenant: str, client_id: str, audience: str, scope: tuple[str, ...]) -> None:
        await self._once(GrantClient(tenant, client_id, prefixed("cgr", 16), audience, scope, {}))

    async def _once(self, command: RegisterResourceServer | GrantClient) -> None:
        try:
            await self._store.execute(command, _context())
        except Conflict:
            return  # it is there: somebody may have changed it since, and that stays


def derived_id(tenant: str, purpose: str) -> str:
    """A client_id that a repeat finds again; it is no secret."""
    return sha256(f"{purpose} of {tenant}".encode()).hexdigest()[:32]


def derived_secret(seed: str, client_id: str) -> str:
    """A secret that a repeat makes again: 64 characters of `A-Za-z0-9_-`, as hard to guess as the seed."""
    return urlsafe_b64encode(hmac.digest(seed.encode(), f"secret of {client_id}".encode(), "sha512")[:48]).decode()


def _context() -> Context:
    return Context(actor=Actor("operator", "cli"), request_id=str(uuid7()), correlation_id=text(16))
