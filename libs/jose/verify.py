"""Owns the one way to believe a JWT: for named algorithms, issuer, audience and moment (RFC 7519 §7.2, RFC 8725)."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, NewType

from libs.jose.claims import check_claims
from libs.jose.jwk import VerifyingKey
from libs.jose.parse import Unverified, parse
from libs.jose.refusals import AlgorithmRefused, BadSignature, UnknownKey, WrongType
from libs.jose.schedule import SKEW
from libs.jose.signatures import is_signed

SignedClaims = NewType("SignedClaims", dict[str, Any])
"""Claims whose signature, issuer, audience and dates were checked; `verify` alone makes them."""


def verify(
    token: str | Unverified,
    keys: Iterable[VerifyingKey],
    *,
    algorithms: Collection[str],
    issuer: str,
    audience: str,
    now: datetime,
    leeway: timedelta = SKEW,
    required: Collection[str] = (),
    typ: str | None = None,
    is_signed: Callable[[VerifyingKey, bytes, bytes], bool] = is_signed,
) -> SignedClaims:
    """The claims of `token`, signed with one of `algorithms` by one of `keys` and alive at `now` (aware).

    A token without `kid` is tried with every key of its algorithm, so `keys` are one party's few, never everybody's.
    `required` names claims beyond `iss`, `aud` and `exp`; `iss` must be `issuer`, `aud` must name `audience`. `typ` is
    compared as a media type: case and a leading `application/` do not count (RFC 7515 §4.1.9). `is_signed` is who
    knows signatures: `Seen` remembers those that were good.

    Raises:
        Refused: whatever the token is; see the tree in `libs.jose.refusals`.
    """
    unverified = token if isinstance(token, Unverified) else parse(token)
    if unverified.alg not in algorithms:
        raise AlgorithmRefused("alg is not allowed here")
    _check_signature(unverified, keys, is_signed)
    _check_type(unverified.typ, typ)
    check_claims(unverified.payload, issuer=issuer, audience=audience, now=now, leeway=leeway, required=required)
    return SignedClaims(dict(unverified.payload))


def _check_signature(
    unverified: Unverified, keys: Iterable[VerifyingKey], is_signed: Callable[[VerifyingKey, bytes, bytes], bool]
) -> None:
    fitting = [key for key in keys if _fits(key, unverified)]
    if not fitting:
        raise UnknownKey("no key has this kid and alg")
    if not any(is_signed(key, unverified.signing_input, unverified.signature) for key in fitting):
        raise BadSignature("no fitting key made this signature")


def _fits(key: VerifyingKey, unverified: Unverified) -> bool:
    # The key says what it is for, not the token: a header cannot turn an RSA key into an HMAC secret (CVE-2022-29217).
    return key.alg == unverified.alg and (unverified.kid is None or key.kid is None or key.kid == unverified.kid)


def _check_type(given: str | None, wanted: str | None) -> None:
    if wanted is not None and (given is None or _media_type(given) != _media_type(wanted)):
        raise WrongType(f"typ is not {wanted}")


def _media_type(typ: str) -> str:
    return typ.lower().removeprefix("application/")
