"""Token revocation (RFC 7009): an application gives back a refresh token, and with it what the person let it have.

Whoever is not the token's own client learns nothing about it: unknown, dead and another's look alike.
"""

from typing import Final

from libs.edge import Call, Reply, answers
from libs.oauth import OAuthError, Parameters, TooManyRequests, client_authentication, parameters
from services.token.commands import RevokeGrant
from services.token.grants.authentication import AssertionReplayed, SpentAssertion
from services.token.grants.door import HEADERS, Door, Request, context_of
from services.token.grants.grant import Asked, Reach
from services.token.grants.refresh_token import found
from services.token.grants.standing import Standings

KNOWN: Final = client_authentication.PARAMETERS | {"token", "token_type_hint"}
WHAT: Final = "revocation"
"""What a refused request is called in the log, where others have their grant type."""


SPEND: Final = """
INSERT INTO spent_assertions (tenant, key, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true
"""


class Revocation:
    """`POST /oauth/revoke`."""

    def __init__(self, standings: Standings, door: Door, reach: Reach) -> None:
        self._standings = standings
        self._door = door
        self._reach = reach

    async def answer(self, call: Call) -> Reply:
        """End the token's grant, or nothing; the answer is the same."""
        raw = call.request
        given = parameters.read(raw.headers, raw.query, raw.body, known=KNOWN)
        request = self._door.request(call, given, WHAT)
        try:
            await self._revoked(request, given)
        except TooManyRequests:
            raise
        except OAuthError as refusal:
            await self._door.refuse(request, refusal)
            raise
        return answers.empty(status=200, headers=HEADERS)

    async def _revoked(self, request: Request, given: Parameters) -> None:
        standing = await self._standings.read(request.call.tenant, request.client_id)
        authenticated = request.authenticate(standing)
        token = given.required("token")
        await self._spend(request.call.tenant, authenticated.spent)
        known = await found(Asked(WHAT, given, standing, authenticated, request.now, self._reach), token)
        if known is None:
            return
        _, grant, _ = known
        command = RevokeGrant(request.call.tenant, grant.grant_id, "revoked_by_client")
        context = context_of(request, grant_id=grant.grant_id, session_id=grant.session_id)
        await self._reach.store.execute(command, context)

    async def _spend(self, tenant: str, assertion: SpentAssertion | None) -> None:
        """Write down that the assertion was used: it must not be good at the token endpoint after this."""
        if assertion is None:
            return
        async with self._reach.store.database.connection() as rows:
            is_new = await rows.fetchval(SPEND, tenant, assertion.key, assertion.expires_at)
        if not is_new:
            raise AssertionReplayed
