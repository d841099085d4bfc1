"""Tokens that come again: read once, and believed anew each time."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.jose import (
    BadSignature,
    Expired,
    Seen,
    SignedClaims,
    Signer,
    UnknownKey,
    VerifyingKey,
    new_signing_key,
    public_key_from_jwk,
    verify,
)
from libs.jose.signatures import is_signed

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = new_signing_key("ES256", now=NOW, issuer_name="a.example")
PUBLIC = public_key_from_jwk(KEY.jwk)
ISSUER, AUDIENCE = "https://a.example/", "https://api/"
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "exp": int((NOW + timedelta(hours=1)).timestamp())}


def believed(seen: Seen, token: str, key: VerifyingKey | None = PUBLIC, now: datetime = NOW) -> SignedClaims:
    return verify(
        seen.parsed(token),
        [key] if key else [],
        algorithms=["ES256"],
        issuer=ISSUER,
        audience=AUDIENCE,
        now=now,
        is_signed=seen.is_signed,
    )


@pytest.fixture
def token() -> str:
    return Signer(KEY.alg, KEY.kid, KEY.private).sign(CLAIMS)


@pytest.mark.security("RS-02")
def test_a_token_that_was_good_is_refused_once_its_time_or_its_key_is_over(token: str) -> None:
    seen = Seen()
    assert believed(seen, token)["iss"] == CLAIMS["iss"]
    with pytest.raises(Expired):
        believed(seen, token, now=NOW + timedelta(hours=2))
    with pytest.raises(UnknownKey):
        believed(seen, token, None)
    stranger = new_signing_key("ES256", kid=KEY.kid, now=NOW, issuer_name="evil.example")
    with pytest.raises(BadSignature):
        believed(seen, token, public_key_from_jwk(stranger.jwk))
    assert believed(seen, token)


@pytest.mark.security("RS-02")
def test_neither_a_changed_claim_nor_a_changed_signature_passes_for_one_that_was_good(token: str) -> None:
    seen = Seen()
    assert believed(seen, token)
    other = Signer(KEY.alg, KEY.kid, KEY.private).sign({**CLAIMS, "sub": "somebody"})
    header, payload, signature = token.split(".")
    _, other_payload, other_signature = other.split(".")
    for forged in (f"{header}.{other_payload}.{signature}", f"{header}.{payload}.{other_signature}"):
        with pytest.raises(BadSignature):
            believed(seen, forged)
    assert believed(seen, other)["sub"] == "somebody"


def test_what_was_read_once_is_nobody_elses_to_change(token: str) -> None:
    seen = Seen()
    believed(seen, token)["iss"] = "https://evil.example/"
    assert believed(seen, token)["iss"] == CLAIMS["iss"]


def test_a_good_signature_is_asked_once_and_the_oldest_is_forgotten(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def counted(key: VerifyingKey, message: bytes, signature: bytes) -> bool:
        nonlocal asked
        asked += 1
        return is_signed(key, message, signature)

    monkeypatch.setattr("libs.jose.seen.is_signed", counted)
    seen = Seen(most=1)
    for _ in range(3):
        believed(seen, token)
    assert asked == 1
    believed(seen, Signer(KEY.alg, KEY.kid, KEY.private).sign({**CLAIMS, "sub": "another"}))
    believed(seen, token)
    assert asked == 3
