"""Signing and believing JWTs: our narrow use of joserfc and cryptography.

Owns making signing keys, signing with them, the schedule by which every replica knows which one is due, taking
strangers' public keys, and the one strict way to verify a token; why something is refused is drawn in `refusals`.
Leaves to its neighbours: keeping private keys (`libs.sealed` wraps them), what an OAuth error looks like
(`libs.oauth`), single use of a `jti` and the lifetime of an assertion (the service that takes it), and all input and
output but for the pipe to `signing_process`.
"""

from libs.jose.algorithms import ALGORITHMS, SIGNING_ALGORITHMS, PrivateKey, PublicKey
from libs.jose.certificate import Certificate, certificate_of
from libs.jose.followed import FollowedKeys
from libs.jose.jwk import VerifyingKey, public_jwk, public_key_from_jwk, public_keys_from_jwks, thumbprint
from libs.jose.keys import (
    SigningKey,
    new_kid,
    new_private_key,
    new_signing_key,
    private_key_from_der,
    private_key_to_der,
)
from libs.jose.parse import Unverified, parse
from libs.jose.pem import certificate_end, public_key_from_pem
from libs.jose.refusals import (
    AlgorithmRefused,
    BadSignature,
    ClaimMalformed,
    ClaimMissing,
    Expired,
    ExtensionRefused,
    KeyMalformed,
    KeyTooWeak,
    Malformed,
    NotYetValid,
    PrivateKeyGiven,
    Refused,
    TooLarge,
    UnacceptableKey,
    UnknownKey,
    WrongAlgorithm,
    WrongAudience,
    WrongIssuer,
    WrongType,
)
from libs.jose.schedule import (
    MAX_TOKEN_LIFETIME,
    SIGNING_GRACE,
    SKEW,
    CannotSign,
    KeyNotHeld,
    NoKeyDue,
    ScheduledKey,
    Standing,
    current,
    next_active_from,
    published,
    retired_at,
    signing_key,
    standing,
)
from libs.jose.seen import Seen
from libs.jose.sign import Signer
from libs.jose.verify import SignedClaims, verify

__all__ = [
    "ALGORITHMS",
    "MAX_TOKEN_LIFETIME",
    "SIGNING_ALGORITHMS",
    "SIGNING_GRACE",
    "SKEW",
    "AlgorithmRefused",
    "BadSignature",
    "CannotSign",
    "Certificate",
    "ClaimMalformed",
    "ClaimMissing",
    "Expired",
    "ExtensionRefused",
    "FollowedKeys",
    "KeyMalformed",
    "KeyNotHeld",
    "KeyTooWeak",
    "Malformed",
    "NoKeyDue",
    "NotYetValid",
    "PrivateKey",
    "PrivateKeyGiven",
    "PublicKey",
    "Refused",
    "ScheduledKey",
    "Seen",
    "SignedClaims",
    "Signer",
    "SigningKey",
    "Standing",
    "TooLarge",
    "UnacceptableKey",
    "UnknownKey",
    "Unverified",
    "VerifyingKey",
    "WrongAlgorithm",
    "WrongAudience",
    "WrongIssuer",
    "WrongType",
    "certificate_end",
    "certificate_of",
    "current",
    "new_kid",
    "new_private_key",
    "new_signing_key",
    "next_active_from",
    "parse",
    "private_key_from_der",
    "private_key_to_der",
    "public_jwk",
    "public_key_from_jwk",
    "public_key_from_pem",
    "public_keys_from_jwks",
    "published",
    "retired_at",
    "signing_key",
    "standing",
    "thumbprint",
    "verify",
]
