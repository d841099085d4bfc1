"""Rotation and revocation on demand, whoever demands it: with fresh keys along, and an answer once they are obeyed."""

from typing import Final

from libs.eventstore import Also, Applied, Committed, Context, EventStore
from services.key_rotation import queries
from services.key_rotation.commands import RevokeSigningKey, RotateSigningKey, Times
from services.key_rotation.vaults.forge import Forge

NEEDED: Final = 2
"""Fresh keys a change may need at most: one to sign at once, one to announce."""


class Changes:
    """Runs both commands."""

    def __init__(self, store: EventStore, applied: Applied, forge: Forge, times: Times) -> None:
        self.store = store
        self.applied = applied
        self.times = times
        self._forge = forge

    async def rotate(self, tenant: str, alg: str, context: Context, *, also: Also | None = None) -> Committed:
        """Rotate the keys of `alg`, and write `also` with it; raises what the rule refuses."""
        name = await queries.issuer_name(self.store.database, tenant)
        candidates = await self._forge.candidates(tenant, [alg] * NEEDED, issuer_name=name)
        command = RotateSigningKey(tenant=tenant, alg=alg, candidates=candidates, times=self.times)
        return await self.store.execute(command, context, also=also)

    async def revoke(self, tenant: str, kid: str, alg: str, context: Context) -> Committed:
        """Revoke the key `kid` of `alg`; raises what the rule refuses."""
        name = await queries.issuer_name(self.store.database, tenant)
        candidates = await self._forge.candidates(tenant, [alg] * NEEDED, issuer_name=name)
        is_wanted = await queries.is_allowed(self.store.database, tenant, alg)
        command = RevokeSigningKey(tenant=tenant, kid=kid, candidates=candidates, times=self.times, is_wanted=is_wanted)
        return await self.store.execute(command, context)
