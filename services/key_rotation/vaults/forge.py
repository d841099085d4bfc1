"""Makes fresh keys for commands: generated and wrapped in threads, so that the loop never waits for a prime."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Final

from libs.jose import ALGORITHMS, new_private_key, new_signing_key, private_key_to_der
from libs.jose.algorithms import PrivateKey
from libs.runtime.clock import Clock
from libs.sealed import Keyring, associated_data
from services.key_rotation.commands import Candidate, purpose_of

STOCK: Final = 4
"""RSA keys kept ready: a PATCH that allows an algorithm is answered when its keys are usable, and primes take long."""

SLOW_KIND: Final = "RSA"


class Forge:
    """Makes candidates under one keyring; the private half leaves this room only wrapped."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock
        self._stock: deque[PrivateKey] = deque()
        self._taken = asyncio.Event()

    async def keep_stock(self) -> None:
        """Have keys ready before they are asked for, for ever (a background task)."""
        while True:
            while len(self._stock) < STOCK:
                self._stock.append(await asyncio.to_thread(new_private_key, "RS256"))
            self._taken.clear()
            await self._taken.wait()

    async def candidates(self, tenant: str, algs: Iterable[str], *, issuer_name: str) -> tuple[Candidate, ...]:
        """One fresh key for each of `algs`, which may name one twice; `issuer_name` is on their certificates."""
        making = [asyncio.to_thread(self._made, tenant, alg, issuer_name, self._ready(alg)) for alg in algs]
        return tuple(await asyncio.gather(*making))

    def _ready(self, alg: str) -> PrivateKey | None:
        """A key of the stock, which is thereby nobody else's."""
        if not self._stock or ALGORITHMS[alg].kty != SLOW_KIND:
            return None
        self._taken.set()
        return self._stock.popleft()

    def _made(self, tenant: str, alg: str, issuer_name: str, private: PrivateKey | None) -> Candidate:
        key = new_signing_key(alg, now=self._clock.now(), issuer_name=issuer_name, private=private)
        purpose = associated_data(**purpose_of(tenant, key.kid, alg))
        return Candidate(
            kid=key.kid, alg=alg, jwk=key.jwk, wrapped=self._keyring.wrap(private_key_to_der(key.private), aad=purpose)
        )
