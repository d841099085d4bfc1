"""Owns the registry of derived keys: from one root, one key for each registered purpose, by HKDF-SHA256 (RFC 5869)."""

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from libs.sealed.aead import associated_data

LABELS: Final = {
    "refresh": "the HMAC of refresh tokens",
    "code": "authorization codes, which a repeated ask finds again",
    "csrf": "tokens that bind a form to its session",
    "cursor": "opaque positions in lists",
    "lookup": "keyed hashes by which personal data is found",
    "idempotency": "kept answers to requests with an Idempotency-Key",
    "mail_link": "links sent by mail",
    "remembered": "the identifier that a browser offers at the next login",
    "pending": "what connections is to deliver, until it is delivered",
}
"""Every purpose a key is derived for. A label means the same for ever: what was made with it must stay readable."""

MIN_ROOT_BYTES: Final = 32
KEY_BYTES: Final = 32


class UnregisteredLabel(LookupError):
    """A purpose nobody wrote down: two users of one label by accident could pass off each other's outputs."""


@dataclass(frozen=True, slots=True, eq=False)
class RootKey:
    """At least 32 secret random bytes from which others are derived, and the id that outputs carry."""

    id: str
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuses a short root: an unset variable must not become a key that everybody knows."""
        if len(self.key) < MIN_ROOT_BYTES:
            raise ValueError(f"the root key {self.id} is shorter than {MIN_ROOT_BYTES} bytes")


@dataclass(frozen=True, slots=True, eq=False)
class DerivedKey:
    """A key for one label (and context); `key_id` names its root and goes into whatever is made with the key."""

    key_id: str
    label: str
    key: bytes = field(repr=False)


def derive(root: RootKey, label: str, **context: str) -> DerivedKey:
    """The 32-byte key of `root` for `label`, and within it for `context`, such as `tenant="default"`.

    Raises:
        UnregisteredLabel: `label` is not in `LABELS`.
    """
    if label not in LABELS:
        raise UnregisteredLabel(
            f"{label!r} is not a registered label; register it in libs.sealed.derive with its purpose"
        )
    info = associated_data(product="limen", label=label, **context)
    # No salt: the root is uniformly random already (RFC 5869 §3.1).
    key = HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(root.key)
    return DerivedKey(root.id, label, key)
