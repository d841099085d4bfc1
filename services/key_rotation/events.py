"""What happened to signing keys; a tenant's keys of all algorithms are one stream, `signing-keys`.

Nothing private is ever here: wrapped keys travel from a command to their row.
"""

from datetime import datetime
from typing import Any, Final

from libs.eventstore import Catalogue, Fact


class SigningKeyPublished(Fact, frozen=True, kw_only=True):
    """A key is in the JWKS from `published_at` on and signs from `active_from`, unless it is scheduled otherwise."""

    kid: str
    alg: str
    jwk: dict[str, Any]
    active_from: datetime
    published_at: datetime | None = None


class SigningKeyScheduled(Fact, frozen=True, kw_only=True):
    """A published key begins to sign at another moment than was said."""

    kid: str
    active_from: datetime


class SigningKeyRevoked(Fact, frozen=True, kw_only=True):
    """A key is not to be believed any more, and left the JWKS."""

    kid: str


CATALOGUE: Final = Catalogue("key_rotation", SigningKeyPublished, SigningKeyScheduled, SigningKeyRevoked)
