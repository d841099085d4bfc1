"""What a refresh token looks like: it is stored nowhere, and made anew from its grant's row whenever it is due.

`v1.` and, in base64url, the key's id, the grant's handle, the generation, and an HMAC of those with the row's salt and
epoch under a key of the tenant's own. Whoever holds the database but no key can forge none; whoever holds a backup of
it finds none.
"""

import hmac
import struct
from typing import Final, NamedTuple

from libs.jose.base64url import decode, encode
from libs.sealed import DerivedKey, Keyring

PREFIX: Final = "v1."
LONGEST: Final = 256
HANDLE_BYTES: Final = 16
SALT_BYTES: Final = 16
MAC_BYTES: Final = 32
_GENERATION: Final = struct.Struct(">I")


class Seed(NamedTuple):
    """What of a grant's row its refresh tokens are made of."""

    handle: bytes
    salt: bytes
    epoch: int


class Presented(NamedTuple):
    """A token that was read and is not believed yet."""

    key_id: str
    handle: bytes
    generation: int
    mac: bytes


def read(token: str) -> Presented | None:
    """The token's parts; `None` when it is none, or is not spelt as we spell it."""
    if not token.startswith(PREFIX) or len(token) > LONGEST:
        return None
    try:
        raw = decode(token.removeprefix(PREFIX))
        return _parts(raw[1 : 1 + raw[0]].decode("ascii"), raw[1 + raw[0] :])
    except (ValueError, IndexError):
        return None


def _parts(key_id: str, rest: bytes) -> Presented | None:
    if len(rest) != HANDLE_BYTES + _GENERATION.size + MAC_BYTES:
        return None
    (generation,) = _GENERATION.unpack_from(rest, HANDLE_BYTES)
    return Presented(key_id, rest[:HANDLE_BYTES], generation, rest[-MAC_BYTES:])


class RefreshTokens:
    """Makes them and tells whether one is genuine; each tenant's keys are derived once."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._keys: dict[str, dict[str, DerivedKey]] = {}

    def token(self, tenant: str, seed: Seed, generation: int) -> str:
        """The token of a generation: the same whenever it is asked for."""
        key = next(iter(self._of(tenant).values()))
        said = key.key_id.encode("ascii")
        body = seed.handle + _GENERATION.pack(generation)
        raw = bytes([len(said)]) + said + body + _mac(key, seed, body)
        return PREFIX + encode(raw).decode()

    def is_genuine(self, tenant: str, presented: Presented, seed: Seed) -> bool:
        """Whether we made it, for this grant."""
        key = self._of(tenant).get(presented.key_id)
        body = presented.handle + _GENERATION.pack(presented.generation)
        return key is not None and hmac.compare_digest(_mac(key, seed, body), presented.mac)

    def _of(self, tenant: str) -> dict[str, DerivedKey]:
        if tenant not in self._keys:
            self._keys[tenant] = {key.key_id: key for key in self._keyring.derived("refresh", tenant=tenant)}
        return self._keys[tenant]


def _mac(key: DerivedKey, seed: Seed, body: bytes) -> bytes:
    return hmac.digest(key.key, seed.salt + body + struct.pack(">I", seed.epoch), "sha256")
