"""Owns public keys as JWKs: which of strangers' we take, how ours look, thumbprints (RFC 7517, 7518 §6, 7638)."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from libs.jose import base64url
from libs.jose.algorithms import ALGORITHMS, Algorithm, PublicKey
from libs.jose.refusals import KeyMalformed, KeyTooWeak, PrivateKeyGiven, WrongAlgorithm
from libs.jose.roca import PRIMES, is_roca

MIN_RSA_BITS: Final = 2048  # NIST SP 800-131A; RFC 7518 §3.3.
MAX_RSA_BITS: Final = 8192  # Verifying costs the square of the size, and the sender chooses it.
MIN_RSA_EXPONENT: Final = 65537  # FIPS 186-5 §A.1.1; small exponents have broken sloppy verifiers.
MAX_RSA_EXPONENT_BITS: Final = 32  # The cost of verifying grows with it; OpenSSL refuses more than 64.
MAX_KID: Final = 128
MAX_KEYS: Final = 20
"""Keys in a set of a stranger: enough for several applications' rotations, too few to make us work."""

_MAX_MEMBER: Final = 2048  # Characters; 8192 bits need 1366.
_COORDINATE: Final = 32  # Bytes of a P-256 coordinate, leading zeros included (RFC 7518 §6.2.1.2).
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_THUMBPRINTED: Final = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}
_SMALL_PRIMES: Final = 2 * math.prod(PRIMES)


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key that passed every check here, bound to the one algorithm it may verify (RFC 8725 §3.1)."""

    alg: str
    public: PublicKey
    kid: str | None = None


def public_key_from_jwk(jwk: Mapping[str, Any], alg: str | None = None) -> VerifyingKey:
    """The key in `jwk`, for `alg` or, without it, for the JWK's own `alg`.

    Raises:
        UnacceptableKey: see its tree in `libs.jose.refusals`.
    """
    algorithm = _algorithm(jwk, alg)
    _check_purpose(jwk, algorithm)
    public = _rsa(jwk) if algorithm.kty == "RSA" else _p256(jwk)
    check_strength(public, algorithm.name)
    return VerifyingKey(algorithm.name, public, _kid(jwk))


def public_keys_from_jwks(jwks: Mapping[str, Any]) -> list[VerifyingKey]:
    """The keys of a stranger's JWK Set; one bad key refuses the set, because its owner must learn of it.

    Raises:
        UnacceptableKey: not a set, none or more than `MAX_KEYS` keys, a `kid` twice, or a key that is refused by
        itself.
    """
    listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_KEYS:
        raise KeyMalformed(f"a JWK Set has a member keys with one to {MAX_KEYS} keys")
    keys = [public_key_from_jwk(jwk) for jwk in listed]
    kids = [key.kid for key in keys if key.kid is not None]
    if len(set(kids)) != len(kids):
        raise KeyMalformed("two keys of the set share a kid")
    return keys


def public_jwk(key: VerifyingKey) -> dict[str, Any]:
    """The JWK of `key`: `kty`, `use`, `alg`, `kid` if it has one, and its public numbers, nothing else."""
    named = {"kid": key.kid} if key.kid is not None else {}
    return {"kty": ALGORITHMS[key.alg].kty, "use": "sig", "alg": key.alg, **named, **_numbers(key.public)}


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The SHA-256 thumbprint of an RSA or EC JWK, base64url (RFC 7638 §3).

    Raises:
        KeyMalformed: another `kty`, or a required member is missing.
    """
    names = _THUMBPRINTED.get(str(jwk.get("kty")))
    if names is None or any(not isinstance(jwk.get(name), str) for name in names):
        raise KeyMalformed("kty must be RSA or EC, with all its public members")
    text = json.dumps({name: jwk[name] for name in names}, separators=(",", ":"), sort_keys=True)
    return base64url.encode(hashlib.sha256(text.encode()).digest()).decode()


def check_strength(public: object, alg: str) -> PublicKey:
    """Returns `public` if it may verify `alg`.

    Raises:
        UnacceptableKey: an algorithm we do not know, another kind of key or curve, or a weak RSA key.
    """
    algorithm = ALGORITHMS.get(alg)
    if algorithm is None:
        raise WrongAlgorithm(f"alg must be one of {', '.join(ALGORITHMS)}")
    if algorithm.kty == "RSA" and isinstance(public, RSAPublicKey):
        numbers = public.public_numbers()
        _check_rsa(numbers.n, numbers.e)
        return public
    if algorithm.kty == "EC" and isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1):
        return public
    raise WrongAlgorithm(f"the key is not {_needed(algorithm)}, which {alg} needs")


def _needed(algorithm: Algorithm) -> str:
    return "an RSA key" if algorithm.crv is None else f"an EC key on {algorithm.crv}"


def _algorithm(jwk: Mapping[str, Any], alg: str | None) -> Algorithm:
    if not isinstance(jwk, Mapping):
        raise KeyMalformed("a JWK is a JSON object")
    own = jwk.get("alg", alg)
    wanted = own if alg is None else alg
    if not isinstance(wanted, str) or wanted not in ALGORITHMS:
        raise WrongAlgorithm(f"alg must be one of {', '.join(ALGORITHMS)}")
    if own != wanted:
        raise WrongAlgorithm(f"the key says it is not for {wanted}")
    return ALGORITHMS[wanted]


def _check_purpose(jwk: Mapping[str, Any], algorithm: Algorithm) -> None:
    if _PRIVATE & jwk.keys():
        raise PrivateKeyGiven("send the public key only; the private one you sent is no longer private")
    if jwk.get("kty") != algorithm.kty:
        raise WrongAlgorithm(f"kty is not {algorithm.kty}, which {algorithm.name} needs")
    if jwk.get("use", "sig") != "sig":
        raise WrongAlgorithm("use is not sig")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise WrongAlgorithm("key_ops does not allow verify")


def _kid(jwk: Mapping[str, Any]) -> str | None:
    kid = jwk.get("kid")
    if kid is not None and (not isinstance(kid, str) or len(kid) > MAX_KID):
        raise KeyMalformed(f"kid is not a string of at most {MAX_KID} characters")
    return kid


def _rsa(jwk: Mapping[str, Any]) -> RSAPublicKey:
    modulus, exponent = (int.from_bytes(_octets(jwk, name), "big") for name in ("n", "e"))
    _check_rsa(modulus, exponent)
    try:
        return RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise KeyMalformed("n and e are no RSA key") from error


def _p256(jwk: Mapping[str, Any]) -> EllipticCurvePublicKey:
    if jwk.get("crv") != "P-256":
        raise WrongAlgorithm("crv is not P-256")
    x, y = (_octets(jwk, name) for name in ("x", "y"))
    if len(x) != _COORDINATE or len(y) != _COORDINATE:
        raise KeyMalformed(f"x and y have {_COORDINATE} bytes each")
    try:
        return EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1()).public_key()
    except ValueError as error:
        raise KeyMalformed("x and y are no point of the curve") from error


def _octets(jwk: Mapping[str, Any], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= _MAX_MEMBER:
        raise KeyMalformed(f"{name} is missing or too long")
    try:
        return base64url.decode(text)
    except ValueError as error:
        raise KeyMalformed(f"{name} is not base64url") from error


def _check_rsa(modulus: int, exponent: int) -> None:
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        raise KeyTooWeak(f"an RSA key has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")
    if exponent < MIN_RSA_EXPONENT or exponent % 2 == 0 or exponent.bit_length() > MAX_RSA_EXPONENT_BITS:
        raise KeyTooWeak(
            f"the RSA exponent is odd, at least {MIN_RSA_EXPONENT}, of {MAX_RSA_EXPONENT_BITS} bits at most"
        )
    if math.gcd(modulus, _SMALL_PRIMES) != 1:
        raise KeyTooWeak("the RSA modulus has a small factor")
    if is_roca(modulus):
        raise KeyTooWeak("the RSA key was made by a generator with a known flaw (ROCA, CVE-2017-15361)")


def _numbers(public: PublicKey) -> dict[str, str]:
    if isinstance(public, RSAPublicKey):
        rsa = public.public_numbers()
        return {"n": _unsigned(rsa.n), "e": _unsigned(rsa.e)}
    point = public.public_numbers()
    return {"crv": "P-256", "x": _unsigned(point.x, _COORDINATE), "y": _unsigned(point.y, _COORDINATE)}


def _unsigned(number: int, length: int | None = None) -> str:
    return base64url.encode(number.to_bytes(length or (number.bit_length() + 7) // 8, "big")).decode()
