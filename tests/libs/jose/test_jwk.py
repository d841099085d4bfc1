import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, RSAKey

from libs.jose import (
    KeyMalformed,
    KeyTooWeak,
    PrivateKeyGiven,
    SigningKey,
    UnacceptableKey,
    VerifyingKey,
    WrongAlgorithm,
    base64url,
    public_jwk,
    public_key_from_jwk,
    public_keys_from_jwks,
    thumbprint,
)
from libs.jose.roca import PRIMES, is_roca

JWK = dict[str, Any]


def spelt(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()


def roca_modulus(bits: int) -> int:
    """A number with the residues of the flawed generator, which is all that the fingerprint sees of a modulus."""
    product = 2
    for prime in PRIMES:
        product *= prime
    residue = pow(65537, 4711, product)
    return (1 << (bits - 1)) // product * product + product + residue


@pytest.fixture
def rsa_jwk(signing_keys: dict[str, SigningKey]) -> JWK:
    return {name: signing_keys["RS256"].jwk[name] for name in ("kty", "n", "e", "kid")}


@pytest.fixture
def ec_jwk(signing_keys: dict[str, SigningKey]) -> JWK:
    return {name: signing_keys["ES256"].jwk[name] for name in ("kty", "crv", "x", "y")}


@pytest.mark.parametrize("alg", ["RS256", "RS384", "PS256"])
def test_an_rsa_key_is_taken_for_the_named_algorithm(rsa_jwk: JWK, alg: str) -> None:
    key = public_key_from_jwk(rsa_jwk, alg)
    assert (key.alg, key.kid) == (alg, "RS256")
    assert public_jwk(key) == rsa_jwk | {"use": "sig", "alg": alg}


def test_an_ec_key_is_taken_and_written_with_whole_coordinates(ec_jwk: JWK) -> None:
    assert public_jwk(public_key_from_jwk(ec_jwk, "ES256")) == ec_jwk | {"use": "sig", "alg": "ES256"}
    small = next(key for key in _p256_keys() if key.public_key().public_numbers().x < 1 << 248).public_key()
    jwk = public_jwk(VerifyingKey("ES256", small))
    assert len(jwk["x"]) == len(jwk["y"]) == 43
    assert public_key_from_jwk(jwk).public == small


def _p256_keys() -> Iterator[ec.EllipticCurvePrivateKey]:
    return (ec.derive_private_key(number, ec.SECP256R1()) for number in range(1, 10_000))


def test_thumbprints_agree_with_another_implementation(rsa_jwk: JWK, ec_jwk: JWK) -> None:
    assert thumbprint(rsa_jwk) == RSAKey.import_key(rsa_jwk).thumbprint()
    assert thumbprint(ec_jwk) == ECKey.import_key(ec_jwk).thumbprint()
    for jwk in ({}, {"kty": "oct", "k": "AA"}, {"kty": "RSA", "n": "AQ"}, {"kty": ["RSA"]}):
        with pytest.raises(KeyMalformed):
            thumbprint(jwk)


@pytest.mark.security("JO-12")
@pytest.mark.parametrize("bits", [512, 1024, 2047, 8193, 12000])
def test_an_rsa_key_of_a_wrong_size_is_refused(rsa_jwk: JWK, bits: int) -> None:
    with pytest.raises(KeyTooWeak, match="bits"):
        public_key_from_jwk(rsa_jwk | {"n": spelt((1 << (bits - 1)) + 1)}, "RS256")


@pytest.mark.security("JO-12")
@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 17, 257, 65535, 65536, 65538, (1 << 32) + 1, (1 << 2000) + 1])
def test_an_odd_rsa_exponent_of_ordinary_size_is_demanded(rsa_jwk: JWK, exponent: int) -> None:
    with pytest.raises((KeyTooWeak, KeyMalformed)):
        public_key_from_jwk(rsa_jwk | {"e": spelt(exponent)}, "RS256")


@pytest.mark.security("JO-12")
@pytest.mark.parametrize("bits", [2048, 4096])
def test_a_modulus_of_the_flawed_generator_is_refused(rsa_jwk: JWK, bits: int) -> None:
    with pytest.raises(KeyTooWeak, match="ROCA"):
        public_key_from_jwk(rsa_jwk | {"n": spelt(roca_modulus(bits) | 1 << (bits - 1))}, "RS256")


def test_sound_moduli_do_not_bear_the_fingerprint(signing_keys: dict[str, SigningKey]) -> None:
    for alg in ("RS256", "PS256"):
        public = signing_keys[alg].private.public_key()
        assert isinstance(public, rsa.RSAPublicKey)
        assert not is_roca(public.public_numbers().n)


@pytest.mark.security("JO-12")
def test_a_modulus_with_a_small_factor_is_refused(rsa_jwk: JWK) -> None:
    modulus = int.from_bytes(base64url.decode(rsa_jwk["n"]), "big")
    for factor in (2, 3, 167):
        with pytest.raises(KeyTooWeak, match="factor"):
            public_key_from_jwk(rsa_jwk | {"n": spelt(modulus * factor)}, "RS256")


@pytest.mark.security("JO-12")
@pytest.mark.parametrize("crv", ["P-192", "P-224", "P-384", "P-521", "secp256k1", "Ed25519", None, 7])
def test_another_curve_is_refused(ec_jwk: JWK, crv: object) -> None:
    with pytest.raises(WrongAlgorithm):
        public_key_from_jwk(ec_jwk | {"crv": crv}, "ES256")


@pytest.mark.security("JO-12")
def test_a_point_off_the_curve_or_cut_short_is_refused(ec_jwk: JWK) -> None:
    for x in ("AA", ec_jwk["y"], "A" * 43, "_" * 42 + "8", ec_jwk["x"] + "AA"):
        with pytest.raises(KeyMalformed):
            public_key_from_jwk(ec_jwk | {"x": x}, "ES256")


@pytest.mark.security("JO-12")
@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_private_key_material_is_refused(rsa_jwk: JWK, member: str) -> None:
    with pytest.raises(PrivateKeyGiven):
        public_key_from_jwk(rsa_jwk | {member: "AQAB"}, "RS256")


@pytest.mark.security("JO-12")
@pytest.mark.parametrize(
    "change",
    [
        *({"use": "enc"}, {"use": None}, {"key_ops": ["encrypt"]}, {"key_ops": []}, {"key_ops": "verify"}),
        *({"alg": "RS512"}, {"alg": "PS256"}, {"alg": None}, {"kty": "oct"}, {"kty": "EC"}, {"kty": None}),
    ],
)
def test_a_key_for_another_purpose_is_refused(rsa_jwk: JWK, change: JWK) -> None:
    with pytest.raises(WrongAlgorithm):
        public_key_from_jwk(rsa_jwk | change, "RS256")


@pytest.mark.security("JO-12", "JO-13")
@pytest.mark.parametrize("alg", ["HS256", "none", "RS512", "", "ES256"])
def test_another_algorithm_is_refused(rsa_jwk: JWK, alg: str) -> None:
    with pytest.raises(WrongAlgorithm):
        public_key_from_jwk(rsa_jwk, alg)
    with pytest.raises(WrongAlgorithm):
        public_key_from_jwk(rsa_jwk | {"alg": alg})


@pytest.mark.security("JO-12")
def test_an_oct_key_is_refused_even_when_empty() -> None:
    for jwk in (OctKey.generate_key(256, private=True).as_dict(), {"kty": "oct", "k": ""}, {"kty": "oct"}):
        with pytest.raises(UnacceptableKey):
            public_key_from_jwk(dict(jwk), "RS256")


@pytest.mark.parametrize("kid", [7, [], "k" * 129])
def test_a_kid_that_is_no_short_text_is_refused(rsa_jwk: JWK, kid: object) -> None:
    with pytest.raises(KeyMalformed):
        public_key_from_jwk(rsa_jwk | {"kid": kid}, "RS256")


@pytest.mark.security("JO-12")
def test_a_set_is_taken_whole_or_not_at_all(rsa_jwk: JWK, ec_jwk: JWK) -> None:
    first, second = rsa_jwk | {"alg": "RS256"}, ec_jwk | {"alg": "ES256", "kid": "e"}
    assert [key.kid for key in public_keys_from_jwks({"keys": [first, second]})] == ["RS256", "e"]
    wrong: list[Any] = [[], [first] * 1000, [first, first], [first, second | {"use": "enc"}], {}, None, [7]]
    for keys in wrong:
        with pytest.raises(UnacceptableKey):
            public_keys_from_jwks({"keys": keys})


MEMBERS = st.sampled_from(["kty", "n", "e", "crv", "x", "y", "use", "alg", "kid", "key_ops"])
VALUES = st.none() | st.integers() | st.text(max_size=6) | st.sampled_from(["RSA", "EC", "P-256", "AQAB", "sig"])


@pytest.mark.security("FZ-03")
@given(st.dictionaries(MEMBERS, VALUES | st.lists(VALUES, max_size=2)), st.sampled_from(["RS256", "ES256", None]))
def test_any_jwk_is_taken_or_refused_with_the_declared_error(jwk: JWK, alg: str | None) -> None:
    with pytest.raises(UnacceptableKey):
        public_key_from_jwk(jwk, alg)


def test_a_jwk_that_is_no_object_is_refused() -> None:
    for jwk in (None, 7, "{}", [json.dumps({})]):
        with pytest.raises(KeyMalformed):
            public_key_from_jwk(jwk, "RS256")  # type: ignore[arg-type]


def test_verifying_keys_are_values(rsa_jwk: JWK) -> None:
    key = public_key_from_jwk(rsa_jwk, "RS256")
    assert key == public_key_from_jwk(rsa_jwk, "RS256") != replace(key, alg="PS256")
