"""Authorization codes: who may redeem one, and what comes of it when it is presented twice (RFC 6749 section 4.1)."""

import hmac
import re
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from libs.jose.base64url import encode
from libs.oauth import InvalidGrant, InvalidRequest
from services.token.rules.grant import EndsGrant

VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class UnknownCode(InvalidGrant):
    """There is no such code, it is another client's, was sent elsewhere, or is too old."""

    description = "Invalid authorization code"


class CodeReplayed(EndsGrant, UnknownCode):
    """The code was redeemed before: its tokens may be a thief's, or this may be one."""

    description = "Invalid authorization code"
    why = "code_replayed"


class WrongVerifier(InvalidGrant):
    """The verifier is missing, malformed, or not the challenge's (RFC 7636 section 4.6)."""

    description = "Failed to verify code verifier"


class VerifierWithoutChallenge(InvalidRequest):
    """A verifier for a code that was asked without a challenge: somebody stripped it (RFC 9700 section 4.8.2)."""

    description = "The code was requested without a code_challenge."


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """A code as its row says; `sha256` is its hash, `read_at` the database's time when it was read."""

    sha256: bytes
    client_id: str
    redirect_uri: str
    is_redirect_uri_implied: bool
    scope: tuple[str, ...]
    audience: str | None
    nonce: str | None
    code_challenge: str | None
    requested: dict[str, Any] | None
    person: str
    session_id: str
    auth_time: datetime
    acr: str | None
    amr: tuple[str, ...]
    org_id: str | None
    cnf: dict[str, str] | None
    resource: tuple[str, ...]
    act: dict[str, Any] | None
    issued_at: datetime
    expires_at: datetime
    spent_at: datetime | None
    grant_id: str | None
    read_at: datetime


def require_redeemable(
    code: Code | None, *, client_id: str, redirect_uri: str | None, code_verifier: str | None
) -> Code:
    """The code, when this client may redeem it now.

    Only who could have redeemed it is told from a stranger: a replay by anybody else must not end the grant, or whoever
    sees a code in a log could end it.

    Raises:
        UnknownCode, WrongVerifier, VerifierWithoutChallenge: nothing changes.
        CodeReplayed: the grant must end.
    """
    if code is None or code.client_id != client_id or not _is_where_it_was_sent(code, redirect_uri):
        raise UnknownCode
    _require_verifier(code.code_challenge, code_verifier)
    if code.spent_at is not None:
        raise CodeReplayed(code.grant_id or "")
    if code.expires_at <= code.read_at:
        raise UnknownCode
    return code


def _is_where_it_was_sent(code: Code, redirect_uri: str | None) -> bool:
    """Whether the redirect URI is the code's; it may be left out where it was left out before (section 4.1.3)."""
    if redirect_uri is None:
        return code.is_redirect_uri_implied
    return redirect_uri == code.redirect_uri


def _require_verifier(challenge: str | None, verifier: str | None) -> None:
    if challenge is None:
        if verifier is not None:
            raise VerifierWithoutChallenge
        return
    if verifier is None or not VERIFIER.fullmatch(verifier):
        raise WrongVerifier
    if not hmac.compare_digest(encode(sha256(verifier.encode()).digest()), challenge.encode()):
        raise WrongVerifier
