"""Owns the certificate of `limen up --tls`: a private CA made once, and a certificate for localhost that it renews.

Run as a program (`python -m services.cli.tls FOLDER`), so that `limen up` itself never loads cryptography. The
certificates hold what RFC 5280 asks of them, because strict verifiers refuse less; the CA is constrained to this
machine's own names (section 4.2.1.10), so that trusting it in a browser gives away nothing else.
"""

import ipaddress
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from libs.runtime.clock import Clock
from services.cli.datadir import write

CA_LIVES: Final = timedelta(days=3650)
LIVES: Final = timedelta(days=397)
"""As long as browsers accept."""

RENEWED_BEFORE: Final = timedelta(days=30)
BACKDATED: Final = timedelta(hours=1)
"""For the clocks of others."""

ADDRESSES: Final = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))


def prepare(folder: Path, now: datetime) -> None:
    """Make what is missing or near its end: `ca.pem`, `ca.key`, `localhost.pem` and `localhost.key` in `folder`."""
    ca = _kept(folder / "ca.pem", now)
    if ca is None or not (folder / "ca.key").exists():
        ca = _make_ca(folder, now)
    leaf = _kept(folder / "localhost.pem", now)
    if leaf is None or not _is_from(leaf, ca) or not (folder / "localhost.key").exists():
        _make_leaf(folder, ca, now)


def _kept(path: Path, now: datetime) -> x509.Certificate | None:
    """The certificate in the file, if it is there and far from its end."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return certificate if certificate.not_valid_after_utc - now > RENEWED_BEFORE else None


def _is_from(leaf: x509.Certificate, ca: x509.Certificate) -> bool:
    issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    return issuer == ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def _make_ca(folder: Path, now: datetime) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Limen on this machine, {now:%Y-%m-%d}")])
    here = [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_network(each)) for each in ADDRESSES)]
    certificate = (
        _begun(name, name, key, now, CA_LIVES)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=here, excluded_subtrees=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _save(folder / "ca", key, certificate)
    return certificate


def _make_leaf(folder: Path, ca: x509.Certificate, now: datetime) -> None:
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), *(x509.IPAddress(each) for each in ADDRESSES)]
    certificate = (
        _begun(name, ca.subject, key, now, min(LIVES, ca.not_valid_after_utc - now))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    _save(folder / "localhost", key, certificate)


def _begun(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, lives: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lives)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _save(stem: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # The key first: a certificate without its key is noticed and made again, the reverse would not be.
    write(stem.with_suffix(".key"), private.decode(), 0o600)
    write(stem.with_suffix(".pem"), certificate.public_bytes(serialization.Encoding.PEM).decode(), 0o644)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Clock().now())
