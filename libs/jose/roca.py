"""Owns the fingerprint of RSA moduli made by the flawed Infineon generator, "ROCA" (CVE-2017-15361).

M. Nemec, M. Sys, P. Svenda, D. Klinec, V. Matyas: "The Return of Coppersmith's Attack: Practical Factorization of
Widely Used RSA Moduli", CCS 2017, §2.1. Its primes are k·M + (65537^a mod M) with M a product of the first primes, so
the modulus, too, is a power of 65537 modulo each of them. A discrete logarithm to base 65537 exists for all these
primes in a flawed modulus, and by chance in about one sound modulus of 2^27.
"""

from typing import Final

GENERATOR: Final = 65537

# Up to 167, the primes in M of the smallest (512-bit) keys; larger keys use all of these and more.
PRIMES: Final = (
    *(3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71),
    *(73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167),
)


def _powers(prime: int) -> frozenset[int]:
    """The subgroup that 65537 generates modulo `prime`: at most 166 numbers, so the logarithm is a lookup."""
    return frozenset(pow(GENERATOR, exponent, prime) for exponent in range(prime - 1))


_POWERS: Final = tuple((prime, _powers(prime)) for prime in PRIMES)


def is_roca(modulus: int) -> bool:
    """Whether `modulus` bears the fingerprint and so must be taken for factorable."""
    return all(modulus % prime in powers for prime, powers in _POWERS)
