"""Owns the question whether a key made a signature; the only place that calls joserfc.

joserfc's algorithms are right (sizes of r and s, PSS salt, curve), so they decide. Its token parser is not used for
strangers' tokens: it takes padded base64 and duplicate members, and refuses headers over 512 bytes.
"""

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from libs.jose.jwk import VerifyingKey


def is_signed(key: VerifyingKey, message: bytes, signature: bytes) -> bool:
    """Whether `signature` over `message` was made by the private half of `key` with the algorithm `key` is bound to."""
    algorithm = JWSRegistry(algorithms=[key.alg]).get_alg(key.alg)
    return algorithm.verify(message, signature, _joserfc_key(key))


def _joserfc_key(key: VerifyingKey) -> RSAKey | ECKey:
    if isinstance(key.public, RSAPublicKey):
        return RSAKey.import_key(key.public)
    return ECKey.import_key(key.public)
