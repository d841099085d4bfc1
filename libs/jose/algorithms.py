"""Owns the closed list of signature algorithms Limen speaks, and the types of their keys (RFC 7518 §3.1)."""

from dataclasses import dataclass
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
PublicKey = RSAPublicKey | EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One row of the list: the `alg` name, the `kty` it needs and, for EC, the one curve it allows."""

    name: str
    kty: Literal["RSA", "EC"]
    crv: str | None = None


# `none` and the HMACs are not in the list, so no spelling of them and no caller's mistake can let them in (RFC 8725
# §3.1): a verifier of ours never holds a secret it shares with the signer.
ALGORITHMS: Final = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("RS256", "RSA"),
        Algorithm("RS384", "RSA"),
        Algorithm("PS256", "RSA"),
        Algorithm("ES256", "EC", "P-256"),
    )
}

# What we sign with. RS384 is only for clients' assertions, because Auth0 accepts it there.
SIGNING_ALGORITHMS: Final = ("RS256", "PS256", "ES256")
