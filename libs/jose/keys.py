"""Owns making our signing keys and turning private keys into bytes that `libs.sealed` can wrap."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from libs.jose.algorithms import ALGORITHMS, SIGNING_ALGORITHMS, PrivateKey
from libs.jose.certificate import Certificate, certificate_members, certificate_of, self_signed
from libs.jose.jwk import VerifyingKey, public_jwk
from libs.runtime import ids

RSA_BITS: Final = 2048
RSA_EXPONENT: Final = 65537
# 131 bits of chance: unique without asking. Alphanumerics fit a NATS subject token and never look like an option.
_KID_LENGTH: Final = 22


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """A new key: its private half (which repr hides), the JWK to publish and the certificate to show."""

    kid: str
    alg: str
    private: PrivateKey = field(repr=False)
    jwk: dict[str, Any]
    certificate: Certificate


def new_signing_key(
    alg: str, *, kid: str | None = None, now: datetime, issuer_name: str, private: PrivateKey | None = None
) -> SigningKey:
    """A fresh key for RS256, PS256 (RSA 2048) or ES256 (P-256), with a `kid` of its own unless given.

    Making an RSA key takes 50 to 500 ms of one core: call it in a thread. `issuer_name` is the common name on its
    certificate (Auth0 shows the tenant's domain), `now` the day before which it is not valid. `private` is one that
    `new_private_key` made before for the same kind of key and nobody has used.

    Raises:
        ValueError: we do not sign with `alg`.
    """
    private = private or new_private_key(alg)
    kid = kid or new_kid()
    members = certificate_members(self_signed(private, issuer_name=issuer_name, now=now))
    jwk = public_jwk(VerifyingKey(alg, private.public_key(), kid)) | members
    return SigningKey(kid, alg, private, jwk, certificate_of(jwk))


def new_kid() -> str:
    """A key id nobody had before: 22 random alphanumerics."""
    return ids.text(_KID_LENGTH)


def private_key_to_der(private: PrivateKey) -> bytes:
    """The private key as PKCS #8 DER in the clear: wrap it at once, never store or log it (RFC 5208)."""
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def private_key_from_der(der: bytes) -> PrivateKey:
    """The private key that `private_key_to_der` wrote: one of ours, kept where nobody could change it unnoticed.

    Raises:
        ValueError: not a private key, or neither RSA nor EC.
    """
    # To find out again whether the primes of an RSA key are primes takes 35 ms, for each tenant at each start.
    private = load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("neither an RSA nor an EC private key")  # noqa: TRY004 - the value is wrong, not the caller's type
    return private


def new_private_key(alg: str) -> PrivateKey:
    """A fresh private key of the kind `alg` signs with; the slow part of `new_signing_key`, for those who make stock.

    Raises:
        ValueError: we do not sign with `alg`.
    """
    if alg not in SIGNING_ALGORITHMS:
        raise ValueError(f"we sign with {', '.join(SIGNING_ALGORITHMS)}, not with {alg}")
    if ALGORITHMS[alg].kty == "RSA":
        return rsa.generate_private_key(RSA_EXPONENT, RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1())
