from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from libs.jose import Signer, SigningKey, parse, public_key_from_jwk, verify
from libs.jose.sign import token, with_hash

ISSUER = "https://auth.example/"
AUDIENCE = "https://api.example/"
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "exp": 4_000_000_000, "scope": "größer"}
ALGORITHMS = ["RS256", "PS256", "ES256"]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_another_implementation_believes_our_tokens(signing_keys: dict[str, SigningKey], alg: str) -> None:
    key = signing_keys[alg]
    token = Signer(alg, key.kid, key.private).sign(CLAIMS, typ="at+jwt")
    public = ECKey.import_key(key.jwk) if alg == "ES256" else RSAKey.import_key(key.jwk)
    decoded = jwt.decode(token, public, algorithms=[alg])
    assert decoded.header == {"alg": alg, "typ": "at+jwt", "kid": alg}
    assert decoded.claims == CLAIMS


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_we_believe_our_tokens(signing_keys: dict[str, SigningKey], now: datetime, alg: str) -> None:
    key = signing_keys[alg]
    token = Signer(alg, key.kid, key.private).sign(CLAIMS)
    keys = [public_key_from_jwk(key.jwk)]
    claims = verify(token, keys, algorithms=[alg], issuer=ISSUER, audience=AUDIENCE, now=now, typ="JWT")
    assert claims == CLAIMS


def test_a_signer_keeps_the_kinds_of_token_apart(signing_keys: dict[str, SigningKey]) -> None:
    signer = Signer("ES256", "k", signing_keys["ES256"].private)
    assert [parse(signer.sign(CLAIMS, typ=typ)).typ for typ in ("JWT", "at+jwt", "JWT")] == ["JWT", "at+jwt", "JWT"]


def test_es256_signatures_always_have_64_bytes(signing_keys: dict[str, SigningKey]) -> None:
    signer = Signer("ES256", "k", signing_keys["ES256"].private)
    # One r or s in 128 begins with a zero byte that DER leaves out.
    assert {len(parse(signer.sign({"jti": str(number)})).signature) for number in range(400)} == {64}


def test_a_signer_refuses_a_key_of_another_kind(signing_keys: dict[str, SigningKey]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Signer("ES256", "k", signing_keys["RS256"].private)
    with pytest.raises(ValueError, match="does not fit"):
        Signer("PS256", "k", signing_keys["ES256"].private)
    with pytest.raises(ValueError, match="P-256"):
        Signer("ES256", "k", ec.generate_private_key(ec.SECP384R1()))


@pytest.mark.security("JO-13")
@pytest.mark.parametrize("alg", ["HS256", "none", "RS512", "RS384", ""])
def test_a_signer_refuses_every_other_algorithm(signing_keys: dict[str, SigningKey], alg: str) -> None:
    with pytest.raises(ValueError, match="not one of"):
        Signer(alg, "k", signing_keys["RS256"].private)


def test_the_hash_of_an_access_token_is_the_left_half_of_sha_256(signing_keys: dict[str, SigningKey]) -> None:
    """The example of OpenID Connect Core, appendix A.3: its access token and its `at_hash`."""
    signer = Signer("ES256", "k", signing_keys["ES256"].private)
    signing_input = with_hash(signer.lacking_hash(CLAIMS), "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")
    key = ECKey.import_key(signing_keys["ES256"].jwk)
    said = jwt.decode(token(signing_input, signer.signature(signing_input)), key, algorithms=["ES256"])
    assert said.claims == CLAIMS | {"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}
