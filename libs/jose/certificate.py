"""Owns the self-signed certificate beside each signing key, which Auth0's `/keys/signing` and `x5c` show."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from libs.jose import base64url
from libs.jose.algorithms import PrivateKey

# The schedule decides how long a key is used, never this date; it is far away so that no library that looks at it is
# in the way.
LIFETIME: Final = timedelta(days=3650)
_MAX_COMMON_NAME: Final = 64  # RFC 5280, appendix A.1, ub-common-name.


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as `/api/v2/keys/signing` shows it: two PEMs and the SHA-1 of its DER in Auth0's two spellings."""

    cert: str
    pkcs7: str
    fingerprint: str
    """Upper-case hex, bytes parted by colons."""
    thumbprint: str
    """Upper-case hex."""


def self_signed(private: PrivateKey, *, issuer_name: str, now: datetime) -> x509.Certificate:
    """A certificate of `private`'s public key by itself, for `issuer_name` (cut to 64 characters), valid from `now`."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer_name[:_MAX_COMMON_NAME])])
    # A verifier with a slow clock must not find it not yet valid.
    builder = x509.CertificateBuilder().not_valid_before(now - timedelta(days=1)).not_valid_after(now + LIFETIME)
    return (
        builder.subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )


def certificate_members(certificate: x509.Certificate) -> dict[str, Any]:
    """The JWK members `x5c` (standard base64) and `x5t` (base64url SHA-1) of `certificate` (RFC 7517 §4.7, §4.8)."""
    der = certificate.public_bytes(Encoding.DER)
    return {"x5c": [base64.b64encode(der).decode()], "x5t": base64url.encode(_sha1(der)).decode()}


def certificate_of(jwk: Mapping[str, Any]) -> Certificate:
    """The certificate in `x5c` of one of our own published JWKs, ready to be shown."""
    certificate = x509.load_der_x509_certificate(base64.b64decode(jwk["x5c"][0]))
    digest = _sha1(certificate.public_bytes(Encoding.DER))
    return Certificate(
        cert=certificate.public_bytes(Encoding.PEM).decode(),
        pkcs7=pkcs7.serialize_certificates([certificate], Encoding.PEM).decode(),
        fingerprint=digest.hex(":").upper(),
        thumbprint=digest.hex().upper(),
    )


def _sha1(der: bytes) -> bytes:
    # A name, not a protection: x5t and Auth0's fields are SHA-1 by definition.
    return hashlib.sha1(der, usedforsecurity=False).digest()
