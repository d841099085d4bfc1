"""Owns taking a compact JWT of a stranger apart before any of it is believed (RFC 7515 §5.2, RFC 8725 §3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from libs.jose import base64url
from libs.jose.algorithms import ALGORITHMS
from libs.jose.jwk import MAX_KID
from libs.jose.refusals import (
    AlgorithmRefused,
    ExtensionRefused,
    HeaderMalformed,
    Malformed,
    NotAnObject,
    NotBase64url,
    TooLarge,
)
from libs.runtime.strict_json import MalformedJSON, load_object

MAX_TOKEN: Final = 16 * 1024
"""Characters. A fat token has 4,000; the cap makes everything after it cheap, whatever is inside."""

MAX_DEPTH: Final = 16
"""Levels of nesting in header or payload; no claim we know needs more than five."""

_SEGMENTS: Final = 3
_MAX_TYP: Final = 64


@dataclass(frozen=True, slots=True)
class Unverified:
    """A token that can be read, but may have been written by anybody: good for finding the key, for nothing else.

    Of the header only `alg`, `kid` and `typ` are kept. `jwk`, `jku`, `x5u` and `x5c` are the sender's own word about
    which key to believe, so they are not even here to be used (RFC 8725 §3.10).
    """

    alg: str
    kid: str | None
    typ: str | None
    payload: dict[str, Any]
    signing_input: bytes
    signature: bytes


def parse(token: str) -> Unverified:
    """The parts of `token`.

    Raises:
        Refused: `Malformed`, `AlgorithmRefused` or `ExtensionRefused`; nothing else, whatever `token` is.
    """
    header, payload, signature = _segments(token)
    alg, kid, typ = _read_header(_object(header))
    claims = _object(payload)
    return Unverified(alg, kid, typ, claims, f"{header}.{payload}".encode("ascii"), _octets(signature))


def _segments(token: str) -> list[str]:
    if not isinstance(token, str):
        raise Malformed("not text")
    if len(token) > MAX_TOKEN:
        raise TooLarge(f"longer than {MAX_TOKEN} characters")
    # Counted before splitting: ten thousand dots make no list (CVE-2025-30204).
    if token.count(".") != _SEGMENTS - 1:
        raise Malformed("not three segments")
    return token.split(".")


def _octets(segment: str) -> bytes:
    try:
        return base64url.decode(segment)
    except ValueError as error:
        raise NotBase64url("a segment is not canonical base64url") from error


def _object(segment: str) -> dict[str, Any]:
    try:
        return load_object(_octets(segment), depth=MAX_DEPTH)
    except MalformedJSON as error:
        raise NotAnObject(str(error)) from error


def _read_header(header: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise AlgorithmRefused("alg is not in our list")
    # Unencoded payloads are an extension, and one that changes what was signed (RFC 7797): never silently ignored.
    if "crit" in header or "b64" in header:
        raise ExtensionRefused("crit or b64 is present")
    return alg, _short(header, "kid", MAX_KID), _short(header, "typ", _MAX_TYP)


def _short(header: Mapping[str, Any], name: str, limit: int) -> str | None:
    if name not in header:
        return None
    value = header[name]
    if not isinstance(value, str) or len(value) > limit:
        raise HeaderMalformed(f"{name} is not a string of at most {limit} characters")
    return value
