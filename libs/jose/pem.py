"""Owns reading a client's public key from PEM: a bare public key or an X.509 certificate (RFC 7468)."""

import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from libs.jose.jwk import MAX_KID, VerifyingKey, check_strength, public_jwk, thumbprint
from libs.jose.refusals import KeyMalformed, PrivateKeyGiven

MAX_PEM: Final = 16 * 1024
"""Characters; a certificate of an 8192-bit key has about 4,000."""

T = TypeVar("T")

_LABEL: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")


def public_key_from_pem(text: str, alg: str, *, kid: str | None = None) -> VerifyingKey:
    """The key in the one PEM block of `text`, for `alg`; its `kid` is its RFC 7638 thumbprint unless given.

    Of a certificate only the key counts: it was registered by somebody we trust to, so neither its dates nor its signer
    say anything here.

    Raises:
        UnacceptableKey: see its tree in `libs.jose.refusals`.
    """
    if kid is not None and not 0 < len(kid) <= MAX_KID:
        raise KeyMalformed(f"kid has one to {MAX_KID} characters")
    key = VerifyingKey(alg, check_strength(_load(text), alg), kid)
    return key if kid is not None else replace(key, kid=thumbprint(public_jwk(key)))


def certificate_end(text: str) -> datetime | None:
    """When the certificate in the one PEM block of `text` ends, in UTC; `None` for a bare key.

    Raises:
        UnacceptableKey: see its tree in `libs.jose.refusals`.
    """
    if _label(text) != "CERTIFICATE":
        return None
    certificate = _read(x509.load_pem_x509_certificate, text)
    return certificate.not_valid_after_utc


def _load(text: str) -> object:
    loader = _LOADERS.get(_label(text))
    if loader is None:
        raise KeyMalformed("the PEM is neither a PUBLIC KEY nor a CERTIFICATE")
    return _read(loader, text)


def _read(loader: Callable[[bytes], T], text: str) -> T:
    try:
        # A sloppy certificate makes the library warn its developer; here it is input, and only its key is used.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return loader(text.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise KeyMalformed("no public key can be read from the PEM") from error


def _label(text: str) -> str:
    if len(text) > MAX_PEM:
        raise KeyMalformed(f"the PEM is longer than {MAX_PEM} characters")
    labels = _LABEL.findall(text)
    if any(label.endswith("PRIVATE KEY") for label in labels):
        raise PrivateKeyGiven("send the public key only; the private one you sent is no longer private")
    if len(labels) != 1:
        raise KeyMalformed("one PEM block was expected")
    return str(labels[0])


def _certified_key(pem: bytes) -> object:
    return x509.load_pem_x509_certificate(pem).public_key()


_LOADERS: Final[dict[str, Callable[[bytes], object]]] = {
    "PUBLIC KEY": load_pem_public_key,
    "RSA PUBLIC KEY": load_pem_public_key,
    "CERTIFICATE": _certified_key,
}
