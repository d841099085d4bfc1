"""Makes fresh keys for commands: generated and wrapped in threads, so that the loop never waits for a prime."""

import asyncio
from collections.abc import Iterable

from libs.jose import new_signing_key, private_key_to_der
from libs.runtime.clock import Clock
from libs.sealed import Keyring, associated_data
from services.key_rotation.commands import Candidate, purpose_of


class Forge:
    """Makes candidates under one keyring; the private half leaves this room only wrapped."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock

    async def candidates(self, tenant: str, algs: Iterable[str], *, issuer_name: str) -> tuple[Candidate, ...]:
        """One fresh key for each of `algs`, which may name one twice; `issuer_name` is on their certificates."""
        making = [asyncio.to_thread(self._made, tenant, alg, issuer_name) for alg in algs]
        return tuple(await asyncio.gather(*making))

    def _made(self, tenant: str, alg: str, issuer_name: str) -> Candidate:
        key = new_signing_key(alg, now=self._clock.now(), issuer_name=issuer_name)
        purpose = associated_data(**purpose_of(tenant, key.kid, alg))
        return Candidate(
            kid=key.kid, alg=alg, jwk=key.jwk, wrapped=self._keyring.wrap(private_key_to_der(key.private), aad=purpose)
        )
