"""Owns checking registered claims, type before value (RFC 7519 §4.1, RFC 8725 §3.8 to §3.10)."""

import math
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from libs.jose.refusals import ClaimMalformed, ClaimMissing, Expired, NotYetValid, WrongAudience, WrongIssuer

# The end of the year 9999: later dates have no datetime, and a huge integer has no float.
_LAST_SECOND: Final = 253402300799


def check_claims(
    claims: Mapping[str, Any],
    *,
    issuer: str,
    audience: str,
    now: datetime,
    leeway: timedelta,
    required: Collection[str] = (),
) -> None:
    """Raises the `Refused` that fits unless `claims` are from `issuer`, for `audience` and alive at `now` (aware).

    `iss`, `aud` and `exp` are always required, `required` names what else is. `sub` and `jti` must be strings if
    present.
    """
    missing = {"iss", "aud", "exp", *required} - claims.keys()
    if missing:
        raise ClaimMissing(f"missing: {', '.join(sorted(missing))}")
    for name in ("iss", "sub", "jti"):
        if not isinstance(claims.get(name, ""), str):
            raise ClaimMalformed(f"{name} is not a string")
    _check_parties(claims, issuer, audience)
    _check_times(claims, now.timestamp(), leeway.total_seconds())


def _check_parties(claims: Mapping[str, Any], issuer: str, audience: str) -> None:
    # Compared whole and as text: no trailing slash forgiven, no list searched, no substring found (CVE-2024-53861).
    if claims["iss"] != issuer:
        raise WrongIssuer("iss is another issuer")
    audiences = [claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"]
    if not isinstance(audiences, list) or not all(isinstance(name, str) for name in audiences):
        raise ClaimMalformed("aud is neither a string nor a list of strings")
    if audience not in audiences:
        raise WrongAudience("aud does not name us")


def _check_times(claims: Mapping[str, Any], now: float, leeway: float) -> None:
    if now >= _numeric_date(claims, "exp") + leeway:
        raise Expired("exp has passed")
    for name in ("nbf", "iat"):
        if name in claims and _numeric_date(claims, name) > now + leeway:
            raise NotYetValid(f"{name} lies in the future")


def _numeric_date(claims: Mapping[str, Any], name: str) -> float:
    """Seconds since 1970. `True` is an int to Python, but no date."""
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ClaimMalformed(f"{name} is not a number")
    if not 0 <= value <= _LAST_SECOND or not math.isfinite(value):
        raise ClaimMalformed(f"{name} is no date")
    return float(value)
