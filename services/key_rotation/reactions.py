"""What makes keys without anybody asking: a new tenant, a newly allowed algorithm, and time."""

import asyncio
from typing import Final

from libs.eventstore import Actor, Context, Envelope, EventStore, Reaction
from libs.runtime.errors import Unavailable
from libs.telemetry.logs import log
from services.key_rotation import queries
from services.key_rotation.commands import SERVICE, EnsureSigningKeys, Times
from services.key_rotation.rules.signing_keys import FIRST_ALG
from services.key_rotation.vaults.forge import Forge
from services.tenants.events import CATALOGUE as TENANT_FACTS
from services.tenants.events import TenantRegistered, TenantSettingsChanged

EVERY: Final = 1.0
"""Seconds between two looks at whether an announced key has become current."""

BY_ITSELF: Final = Context(actor=Actor("service", SERVICE))


class KeyMaking:
    """Commands with fresh keys, for whatever asks for keys."""

    def __init__(self, store: EventStore, forge: Forge, times: Times) -> None:
        self._store = store
        self._forge = forge
        self._times = times

    def reaction(self) -> Reaction:
        """What is done about tenants, from the first one on: none may stay without a key."""
        return Reaction(
            "signing_keys_of_tenants",
            TENANT_FACTS,
            {TenantRegistered: self.first_key, TenantSettingsChanged: self.allowed_algorithms},
            from_start=True,
        )

    async def first_key(self, envelope: Envelope, event: TenantRegistered) -> EnsureSigningKeys | None:
        """A new tenant gets its first keys."""
        return await self._missing(envelope.tenant, [FIRST_ALG], event.domain)

    async def allowed_algorithms(self, envelope: Envelope, event: TenantSettingsChanged) -> EnsureSigningKeys | None:
        """A tenant that allows another algorithm gets keys for it, the first one current at once."""
        allowed = event.settings.get("allowed_signing_algs") or []
        name = await queries.issuer_name(self._store.database, envelope.tenant)
        return await self._missing(envelope.tenant, allowed, name)

    async def _missing(self, tenant: str, algs: list[str], name: str) -> EnsureSigningKeys | None:
        there = await queries.algorithms(self._store.database, tenant)
        missing = [alg for alg in algs if alg not in there]
        return await self._ensuring(tenant, missing, name, fresh=2) if missing else None

    async def _ensuring(self, tenant: str, algs: list[str], name: str, *, fresh: int) -> EnsureSigningKeys:
        candidates = await self._forge.candidates(tenant, algs * fresh, issuer_name=name)
        return EnsureSigningKeys(tenant=tenant, algs=tuple(algs), candidates=candidates, times=self._times)

    async def rotate_when_due(self) -> None:
        """Announce the following key whenever an announced one has become current, for ever.

        One replica leads for thrift; two would not harm, because the second finds nothing missing. A leader killed at
        any step leaves a line that the next round completes.
        """
        while True:
            try:
                await self.one_round()
            except Unavailable as error:
                log.info("rotation waits", reason=repr(error))
            await asyncio.sleep(EVERY)

    async def one_round(self) -> None:
        """Complete every line that is due."""
        for each in await queries.due(self._store.database):
            name = await queries.issuer_name(self._store.database, each.tenant)
            command = await self._ensuring(each.tenant, [each.alg], name, fresh=1)
            committed = await self._store.execute(command, BY_ITSELF)
            log.info("rotated", tenant=each.tenant, alg=each.alg, events=len(committed.events))
