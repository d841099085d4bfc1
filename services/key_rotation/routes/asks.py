"""What may be asked of `key_rotation` on the bus: `token` fetches wrapped keys, the operator lists and rotates."""

from typing import Any, Final

from libs.bus import Bus, Serving
from libs.edge.asks import answer_asks
from libs.eventstore import Actor, Context
from libs.jose import ScheduledKey, standing
from libs.runtime.clock import Clock
from services.key_rotation import queries
from services.key_rotation.commands import (
    SERVICE,
    KeyAnswer,
    KeysAnswer,
    ListKeys,
    Rotated,
    RotateKey,
    SigningKeysAnswer,
    SigningKeysOf,
)
from services.key_rotation.routes.changes import Changes
from services.key_rotation.rules.signing_keys import Refused, rotated

OPERATOR: Final = Context(actor=Actor("operator", "limen"))


class Asks:
    """The handlers, and their table."""

    def __init__(self, changes: Changes, clock: Clock) -> None:
        self._changes = changes
        self._database = changes.store.database
        self._clock = clock

    async def serve(self, bus: Bus) -> list[Serving]:
        """Answer from now on."""
        verbs: dict[str, tuple[Any, Any]] = {
            "signing_keys": (SigningKeysOf, self.signing_keys),
            "list": (ListKeys, self.listing),
            "rotate": (RotateKey, self.rotate),
        }
        return [
            await answer_asks(bus, SERVICE, verb, kind, handler, refusals=(Refused,))
            for verb, (kind, handler) in verbs.items()
        ]

    async def signing_keys(self, question: SigningKeysOf) -> SigningKeysAnswer:
        """The wrapped private keys that may sign."""
        found = await queries.private_keys(self._database, question.tenant, self._clock.now())
        return SigningKeysAnswer(keys=found)

    async def rotate(self, question: RotateKey) -> Rotated:
        """Rotate; answered when whoever obeys it has heard, or half a second later."""
        committed = await self._changes.rotate(question.tenant, question.alg, OPERATOR)
        await self._changes.applied.settled(committed.epoch, committed.pos)
        key = rotated(committed.state, question.alg)
        return Rotated(kid=key.kid, alg=key.alg, active_from=key.active_from)

    async def listing(self, question: ListKeys) -> KeysAnswer:
        """Every key of one tenant, or of all."""
        tenants = [question.tenant] if question.tenant else await queries.tenants(self._database)
        return KeysAnswer(keys=[each for tenant in tenants for each in await self._of(tenant)])

    async def _of(self, tenant: str) -> list[KeyAnswer]:
        keys = await queries.keys(self._database, tenant)
        return [self._answer(tenant, key, keys) for key in keys]

    def _answer(self, tenant: str, key: ScheduledKey, keys: list[ScheduledKey]) -> KeyAnswer:
        place = standing(key, keys, self._clock.now(), max_age=self._changes.times.max_age)
        return KeyAnswer(
            tenant=tenant,
            kid=key.kid,
            alg=key.alg,
            standing=place.value,
            active_from=key.active_from,
            is_revoked=key.is_revoked,
        )
