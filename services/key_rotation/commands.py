"""What can be asked of signing keys: commands for the rules, and the questions and answers of `svc.v1.key_rotation.*`.

Commands bring fresh keys along, because making one takes time and chance: a rule that needs none leaves it unused.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

SERVICE: Final = "key_rotation"


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh key: what is published of it, and its private half wrapped by the keyring."""

    kid: str
    alg: str
    jwk: dict[str, Any]
    wrapped: bytes


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's times for the schedule (LIMEN_JWKS_MAX_AGE, LIMEN_KEY_LEAD, LIMEN_KEY_ROTATION)."""

    max_age: timedelta
    lead: timedelta
    rotation: timedelta


class EnsureSigningKeys(msgspec.Struct, frozen=True, kw_only=True):
    """See that each of `algs` has a current key and an announced next one; `candidates` has two of each at most."""

    tenant: str
    algs: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    times: Times


class RotateSigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """Make the next key of `alg` current as soon as verifiers can know it, and announce the one after it."""

    tenant: str
    alg: str
    candidates: tuple[Candidate, ...]
    times: Times


class RevokeSigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """End a key that is not to be believed any more; in place of the current one the next signs at once.

    `is_wanted` tells whether the tenant still allows the key's algorithm; if not, nothing takes its place.
    """

    tenant: str
    kid: str
    candidates: tuple[Candidate, ...]
    times: Times
    is_wanted: bool = True


class SigningKeysOf(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.key_rotation.signing_keys`: the private keys of a tenant that may sign now or later."""

    tenant: str


class WrappedKey(msgspec.Struct, frozen=True, kw_only=True):
    """One signing key; `wrapped` is opened with the keyring and `associated_data(**purpose_of(tenant, kid, alg))`."""

    kid: str
    alg: str
    wrapped: bytes
    active_from: datetime
    is_revoked: bool


class SigningKeysAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `signing_keys`: keys that are current, next, or lately previous."""

    keys: list[WrappedKey]


class RotateKey(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.key_rotation.rotate` of `limen keys rotate`, answered by `Rotated`."""

    tenant: str
    alg: str = "RS256"


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """Which key signs next, and from when."""

    kid: str
    alg: str
    active_from: datetime


class ListKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The ask `svc.v1.key_rotation.list` of `limen keys list`; without `tenant`, the keys of all."""

    tenant: str | None = None


class KeyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One key as `limen keys list` shows it; `standing` is `current`, `next`, `previous` or `retired`."""

    tenant: str
    kid: str
    alg: str
    standing: str
    active_from: datetime
    is_revoked: bool


class KeysAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `list`, by tenant, algorithm and schedule."""

    keys: list[KeyAnswer]


def purpose_of(tenant: str, kid: str, alg: str) -> dict[str, str]:
    """What a wrapped signing key is bound to: the parts of its associated data, in their order (DESIGN §6)."""
    return {"tenant": tenant, "kid": kid, "alg": alg, "use": "sig"}
