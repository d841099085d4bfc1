import base64
import hashlib
from datetime import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7

from libs.jose import (
    SigningKey,
    certificate_of,
    new_kid,
    new_signing_key,
    private_key_from_der,
    private_key_to_der,
    public_key_from_jwk,
    public_key_from_pem,
)

ALGORITHMS = ["RS256", "PS256", "ES256"]
PUBLIC_MEMBERS = {
    "RSA": {"kty", "use", "alg", "kid", "n", "e", "x5c", "x5t"},
    "EC": {"kty", "use", "alg", "kid", "crv", "x", "y", "x5c", "x5t"},
}


@pytest.mark.security("KY-01")
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_the_published_jwk_holds_public_members_alone(signing_keys: dict[str, SigningKey], alg: str) -> None:
    jwk = signing_keys[alg].jwk
    assert jwk.keys() == PUBLIC_MEMBERS[jwk["kty"]]
    assert (jwk["use"], jwk["alg"], jwk["kid"]) == ("sig", alg, alg)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_the_certificate_carries_the_key_and_verifies_itself(
    signing_keys: dict[str, SigningKey], now: datetime, alg: str
) -> None:
    key = signing_keys[alg]
    certificate = x509.load_pem_x509_certificate(key.certificate.cert.encode())
    certificate.verify_directly_issued_by(certificate)
    assert certificate.public_key() == key.private.public_key() == public_key_from_pem(key.certificate.cert, alg).public
    assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc
    assert certificate.subject.rfc4514_string() == "CN=auth.example"
    assert pkcs7.load_pem_pkcs7_certificates(key.certificate.pkcs7.encode()) == [certificate]


def test_fingerprint_thumbprint_and_x5t_are_one_sha1_in_three_spellings(signing_keys: dict[str, SigningKey]) -> None:
    key = signing_keys["RS256"]
    digest = hashlib.sha1(base64.b64decode(key.jwk["x5c"][0])).digest()
    assert key.certificate.thumbprint == digest.hex().upper()
    assert key.certificate.fingerprint.replace(":", "") == key.certificate.thumbprint
    assert len(key.certificate.fingerprint.split(":")) == 20
    assert base64.urlsafe_b64decode(key.jwk["x5t"] + "=") == digest
    assert certificate_of(key.jwk) == key.certificate


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_private_key_survives_its_serialisation(signing_keys: dict[str, SigningKey], alg: str) -> None:
    private = signing_keys[alg].private
    read = private_key_from_der(private_key_to_der(private))
    assert read.public_key() == private.public_key()


def test_der_of_another_kind_of_key_is_refused() -> None:
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for der in (other, b"", b"nonsense"):
        with pytest.raises(ValueError, match=r"."):
            private_key_from_der(der)


@pytest.mark.security("KY-01")
def test_each_new_key_has_its_own_kid_and_the_published_one_is_acceptable(now: datetime) -> None:
    keys = [new_signing_key("ES256", now=now, issuer_name="a" * 300) for _ in range(3)]
    assert len({key.kid for key in keys}) == 3
    assert all(key.kid.isalnum() and len(key.kid) == 22 for key in keys)
    assert public_key_from_jwk(keys[0].jwk).kid == keys[0].kid
    assert len({new_kid() for _ in range(1000)}) == 1000


@pytest.mark.security("KY-06")
def test_the_repr_of_a_signing_key_shows_nothing_private(signing_keys: dict[str, SigningKey]) -> None:
    assert "rivate" not in repr(signing_keys["ES256"])


@pytest.mark.parametrize("alg", ["HS256", "none", "RS384", "EdDSA", ""])
def test_keys_of_other_algorithms_are_not_made(now: datetime, alg: str) -> None:
    with pytest.raises(ValueError, match="we sign with"):
        new_signing_key(alg, now=now, issuer_name="auth.example")
