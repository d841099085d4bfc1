import base64
import contextlib
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from libs.jose import (
    KeyMalformed,
    KeyTooWeak,
    PrivateKeyGiven,
    SigningKey,
    UnacceptableKey,
    WrongAlgorithm,
    public_jwk,
    public_key_from_pem,
    thumbprint,
)
from libs.jose.certificate import self_signed

AnyPublic = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | dsa.DSAPublicKey


def pem(public: AnyPublic, shape: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    return public.public_bytes(Encoding.PEM, shape).decode()


@pytest.mark.parametrize("alg", ["RS256", "RS384", "PS256"])
def test_an_rsa_public_key_is_taken_in_both_shapes_and_as_a_certificate(
    signing_keys: dict[str, SigningKey], alg: str
) -> None:
    public = signing_keys["RS256"].private.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    for text in (pem(public), pem(public, PublicFormat.PKCS1), signing_keys["RS256"].certificate.cert):
        key = public_key_from_pem(f"\r\n{text}\n", alg)
        assert (key.alg, key.public) == (alg, public)


def test_the_kid_is_the_thumbprint_unless_given(signing_keys: dict[str, SigningKey]) -> None:
    text = pem(signing_keys["ES256"].private.public_key())
    key = public_key_from_pem(text, "ES256")
    assert key.kid == thumbprint(public_jwk(key))
    assert public_key_from_pem(text, "ES256", kid="mine").kid == "mine"
    for kid in ("", "k" * 129):
        with pytest.raises(KeyMalformed):
            public_key_from_pem(text, "ES256", kid=kid)


@pytest.mark.security("JO-12")
def test_weak_rsa_keys_are_refused(now: datetime) -> None:
    short = rsa.generate_private_key(65537, 1024)
    cubed = rsa.generate_private_key(3, 2048)
    certificate = self_signed(short, issuer_name="c", now=now).public_bytes(Encoding.PEM).decode()
    for text in (pem(short.public_key()), pem(cubed.public_key()), certificate):
        with pytest.raises(KeyTooWeak):
            public_key_from_pem(text, "RS256")


@pytest.mark.security("JO-12")
@pytest.mark.parametrize("curve", [ec.SECP192R1(), ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1()])
def test_other_curves_are_refused(curve: ec.EllipticCurve) -> None:
    with pytest.raises(UnacceptableKey):
        public_key_from_pem(pem(ec.generate_private_key(curve).public_key()), "ES256")


@pytest.mark.security("JO-12")
def test_a_key_of_another_kind_is_refused(signing_keys: dict[str, SigningKey]) -> None:
    ed = pem(ed25519.Ed25519PrivateKey.generate().public_key())
    ours = pem(signing_keys["ES256"].private.public_key())
    for text, alg in ((ed, "ES256"), (ed, "RS256"), (ours, "RS256"), (ours, "HS256"), (ours, "none"), (ours, "")):
        with pytest.raises(WrongAlgorithm):
            public_key_from_pem(text, alg)


@pytest.mark.security("JO-12")
@pytest.mark.parametrize("shape", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_a_private_key_is_refused(signing_keys: dict[str, SigningKey], alg: str, shape: PrivateFormat) -> None:
    key = signing_keys[alg]
    text = key.private.private_bytes(Encoding.PEM, shape, NoEncryption()).decode()
    for sent in (text, key.certificate.cert + text, text + key.certificate.cert):
        with pytest.raises(PrivateKeyGiven):
            public_key_from_pem(sent, alg)


def test_what_is_not_one_block_of_pem_is_refused(signing_keys: dict[str, SigningKey]) -> None:
    text = signing_keys["ES256"].certificate.cert
    broken = text.replace("M", "N", 1)
    for sent in ("", "x", text + text, text[:-30], broken, "é" + text, text + " " * 20_000, text.replace("E-", "F-")):
        with pytest.raises(KeyMalformed):
            public_key_from_pem(sent, "ES256")


@pytest.mark.security("FZ-03")
@given(
    label=st.sampled_from(["PUBLIC KEY", "CERTIFICATE", "RSA PUBLIC KEY", "X"]),
    body=st.binary(max_size=40),
    alg=st.sampled_from(["RS256", "ES256"]),
)
def test_any_block_is_refused_with_the_declared_error(label: str, body: bytes, alg: str) -> None:
    text = f"-----BEGIN {label}-----\n{base64.b64encode(body).decode()}\n-----END {label}-----\n"
    with pytest.raises(UnacceptableKey):
        public_key_from_pem(text, alg)


@pytest.mark.security("FZ-03")
@given(place=st.integers(0, 10_000), letter=st.characters())
def test_a_changed_certificate_is_taken_or_refused_with_the_declared_error(
    signing_keys: dict[str, SigningKey], place: int, letter: str
) -> None:
    text = signing_keys["ES256"].certificate.cert
    place %= len(text)
    with contextlib.suppress(UnacceptableKey):
        public_key_from_pem(text[:place] + letter + text[place + 1 :], "ES256")
