import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.jose import (
    AlgorithmRefused,
    BadSignature,
    ClaimMalformed,
    ClaimMissing,
    Expired,
    ExtensionRefused,
    Malformed,
    NotYetValid,
    Refused,
    SignedClaims,
    Signer,
    SigningKey,
    TooLarge,
    UnknownKey,
    VerifyingKey,
    WrongAudience,
    WrongIssuer,
    WrongType,
    new_signing_key,
    parse,
    public_key_from_jwk,
    verify,
)

ISSUER = "https://auth.example/"
AUDIENCE = "https://api.example/"
ALGORITHMS = ("RS256", "PS256", "ES256")
Claims = dict[str, Any]
Believe = Callable[..., SignedClaims]


def segment(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture
def claims(now: datetime) -> Claims:
    moment = int(now.timestamp())
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": "a", "iat": moment, "exp": moment + 60, "jti": "j"}


@pytest.fixture(scope="session")
def keys(signing_keys: dict[str, SigningKey]) -> list[VerifyingKey]:
    return [public_key_from_jwk(key.jwk) for key in signing_keys.values()]


@pytest.fixture
def sign(signing_keys: dict[str, SigningKey]) -> Callable[[object, object], str]:
    """Signs any header and payload, however wrong, as a dishonest holder of our ES256 key would."""
    signature = Signer("ES256", "ES256", signing_keys["ES256"].private).signature

    def signed(header: object, payload: object) -> str:
        signing_input = f"{segment(header)}.{segment(payload)}"
        return f"{signing_input}.{segment(signature(signing_input.encode()))}"

    return signed


@pytest.fixture
def believe(keys: list[VerifyingKey], now: datetime) -> Believe:
    def believed(token: str, **changes: Any) -> SignedClaims:
        asked: dict[str, Any] = {"algorithms": ALGORITHMS, "issuer": ISSUER, "audience": AUDIENCE, "now": now} | changes
        return verify(token, asked.pop("keys", keys), **asked)

    return believed


HEADER = {"alg": "ES256", "typ": "JWT", "kid": "ES256"}
Sign = Callable[[object, object], str]


def test_an_honest_token_is_believed(believe: Believe, sign: Sign, claims: Claims) -> None:
    assert believe(sign(HEADER, claims)) == claims
    assert believe(sign(HEADER, claims | {"aud": ["https://other/", AUDIENCE]}))["sub"] == "a"
    assert believe(sign({"alg": "ES256"}, claims)) == claims


@pytest.mark.security("JO-01")
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 0, ["ES256"], {}, "es256", "ES256 "])
@pytest.mark.parametrize("ending", ["", "AAAA"])
def test_alg_none_is_refused_in_every_spelling(believe: Believe, claims: Claims, alg: object, ending: str) -> None:
    token = f"{segment({'alg': alg})}.{segment(claims)}.{ending}"
    with pytest.raises(AlgorithmRefused):
        believe(token, algorithms=(*ALGORITHMS, "none", "None", ""))


@pytest.mark.security("JO-01")
def test_a_missing_alg_is_refused(believe: Believe, sign: Sign, claims: Claims) -> None:
    with pytest.raises(AlgorithmRefused):
        believe(sign({"typ": "JWT"}, claims))


@pytest.mark.security("JO-02", "JO-13")
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_public_key_is_never_taken_for_an_hmac_secret(
    believe: Believe, claims: Claims, signing_keys: dict[str, SigningKey], alg: str
) -> None:
    public = signing_keys["RS256"].private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk = json.dumps(signing_keys["RS256"].jwk).encode()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    jwks = b'{"keys":[' + jwk + b"]}"
    for secret in (pem, pem.strip(), pem.replace(b"\n", b"\r\n"), b" " + pem, der, jwk, jwks, b""):
        signing_input = f"{segment({'alg': alg, 'kid': 'RS256'})}.{segment(claims)}"
        digest = hmac.new(secret, signing_input.encode(), getattr(hashlib, f"sha{alg[2:]}")).digest()
        with pytest.raises(AlgorithmRefused):
            believe(f"{signing_input}.{segment(digest)}", algorithms=(*ALGORITHMS, alg))


@pytest.mark.security("JO-02")
def test_a_key_verifies_only_its_own_algorithm(
    believe: Believe, claims: Claims, signing_keys: dict[str, SigningKey]
) -> None:
    as_ps256 = Signer("PS256", "RS256", signing_keys["RS256"].private).sign(claims)
    with pytest.raises(UnknownKey):
        believe(as_ps256)
    with pytest.raises(AlgorithmRefused):
        believe(as_ps256, algorithms=["RS256"])


@pytest.mark.security("JO-04")
@pytest.mark.parametrize(
    "kid",
    ["unknown", "../../etc/passwd", "' OR 1=1--", "https://evil.example/jwks", "", "k" * 10_000, ["ES256"], 7, None],
)
def test_an_odd_kid_is_refused(believe: Believe, sign: Sign, claims: Claims, kid: object) -> None:
    with pytest.raises((UnknownKey, Malformed)):
        believe(sign(HEADER | {"kid": kid}, claims))


@pytest.mark.security("JO-04")
@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_brought_along_by_the_token_is_not_used(
    believe: Believe, claims: Claims, now: datetime, name: str
) -> None:
    own = new_signing_key("ES256", now=now, issuer_name="evil.example")
    header = HEADER | {name: own.jwk["x5c"] if name == "x5c" else own.jwk if name == "jwk" else "https://evil.example"}
    signing_input = f"{segment(header)}.{segment(claims)}"
    signature = Signer("ES256", own.kid, own.private).signature(signing_input.encode())
    with pytest.raises(BadSignature):
        believe(f"{signing_input}.{segment(signature)}")


@pytest.mark.security("JO-05")
@pytest.mark.parametrize(
    "extension",
    [
        *({"crit": ["bork"], "bork": 1}, {"crit": []}, {"crit": ["exp"]}, {"crit": None}, {"crit": "b64"}),
        *({"crit": ["b64"], "b64": False}, {"b64": False}, {"b64": True}),
    ],
)
def test_extensions_are_refused(believe: Believe, sign: Sign, claims: Claims, extension: Claims) -> None:
    with pytest.raises(ExtensionRefused):
        believe(sign(HEADER | extension, claims))


@pytest.mark.security("JO-06")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": [ISSUER]}, ClaimMalformed),
        ({"iss": None}, ClaimMalformed),
        ({"iss": ISSUER.rstrip("/")}, WrongIssuer),
        ({"iss": ISSUER + "/"}, WrongIssuer),
        ({"iss": ISSUER.upper()}, WrongIssuer),
        ({"aud": AUDIENCE[:-2]}, WrongAudience),
        ({"aud": AUDIENCE + "x"}, WrongAudience),
        ({"aud": []}, WrongAudience),
        ({"aud": {AUDIENCE: 1}}, ClaimMalformed),
        ({"aud": [AUDIENCE, 1]}, ClaimMalformed),
        ({"aud": None}, ClaimMalformed),
        ({"exp": "4000000000"}, ClaimMalformed),
        ({"exp": True}, ClaimMalformed),
        ({"exp": None}, ClaimMalformed),
        ({"exp": 10**400}, ClaimMalformed),
        ({"exp": -1}, ClaimMalformed),
        ({"exp": [4_000_000_000]}, ClaimMalformed),
        ({"nbf": "0"}, ClaimMalformed),
        ({"iat": False}, ClaimMalformed),
        ({"sub": 7}, ClaimMalformed),
        ({"jti": None}, ClaimMalformed),
        ({"exp": 1}, Expired),
    ],
)
def test_a_claim_of_the_wrong_kind_or_value_is_refused(
    believe: Believe, sign: Sign, claims: Claims, change: Claims, reason: type[Refused]
) -> None:
    with pytest.raises(reason):
        believe(sign(HEADER, claims | change))


@pytest.mark.security("JO-06")
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_an_expiry_that_is_no_number_is_refused(believe: Believe, sign: Sign, claims: Claims, number: str) -> None:
    text = json.dumps(claims | {"exp": "EXP"}).replace('"EXP"', number)
    with pytest.raises(Malformed):
        believe(sign(HEADER, text.encode()))


@pytest.mark.security("JO-06")
@pytest.mark.parametrize("name", ["iss", "aud", "exp", "jti"])
def test_a_missing_claim_is_refused(believe: Believe, sign: Sign, claims: Claims, name: str) -> None:
    del claims[name]
    with pytest.raises(ClaimMissing, match=name):
        believe(sign(HEADER, claims), required=["jti"])


@pytest.mark.security("JO-06")
@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_from_the_future_is_refused_beyond_the_leeway(
    believe: Believe, sign: Sign, claims: Claims, name: str
) -> None:
    moment = claims["iat"]
    assert believe(sign(HEADER, claims | {name: moment + 5}))
    for ahead in (6, 3600):
        with pytest.raises(NotYetValid, match=name):
            believe(sign(HEADER, claims | {name: moment + ahead}))


def test_a_token_ends_at_its_expiry_plus_the_leeway(
    believe: Believe, sign: Sign, claims: Claims, now: datetime
) -> None:
    token = sign(HEADER, claims)
    assert believe(token, now=now + timedelta(seconds=64.9))
    with pytest.raises(Expired):
        believe(token, now=now + timedelta(seconds=65))
    with pytest.raises(Expired):
        believe(token, now=now + timedelta(seconds=60), leeway=timedelta(0))


@pytest.mark.security("JO-08")
@pytest.mark.parametrize("order", [("ES256", "none"), ("none", "ES256")])
def test_a_header_parameter_named_twice_is_refused(
    believe: Believe, sign: Sign, claims: Claims, order: tuple[str, str]
) -> None:
    with pytest.raises(Malformed, match="twice"):
        believe(sign(f'{{"alg":"{order[0]}","alg":"{order[1]}"}}'.encode(), claims))


@pytest.mark.security("JO-08")
def test_a_claim_named_twice_is_refused(believe: Believe, sign: Sign, claims: Claims) -> None:
    for twice in ('{"sub":"good","sub":"evil",', '{"sub":"evil","sub":"good",'):
        with pytest.raises(Malformed, match="twice"):
            believe(sign(HEADER, json.dumps(claims).replace("{", twice).encode()))


@pytest.mark.security("JO-09")
@pytest.mark.parametrize("spoil", ["{}=", "{}==", " {}", "{} ", "{}\n", "{}\r\n", "+{}", "/{}", "{}\t", "é{}"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_another_spelling_of_a_segment_is_refused(
    believe: Believe, sign: Sign, claims: Claims, spoil: str, place: int
) -> None:
    segments = sign(HEADER, claims).split(".")
    segments[place] = spoil.format(segments[place])
    with pytest.raises(Malformed):
        believe(".".join(segments))


@pytest.mark.security("JO-09")
def test_trailing_bits_of_a_signature_that_mean_nothing_are_refused(
    believe: Believe, sign: Sign, claims: Claims
) -> None:
    token = sign(HEADER, claims)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    neighbour = alphabet[alphabet.index(token[-1]) + 1]
    with pytest.raises(Malformed):
        believe(token[:-1] + neighbour)


@pytest.mark.security("JO-10")
@pytest.mark.parametrize(
    "token",
    [
        segment(b" " * 1_000_000) + ".e30.AA",
        segment(HEADER) + "." + "A" * 5_000_000 + ".AA",
        segment(HEADER) + "." + segment(b"[" * 100_000) + ".AA",
        segment(HEADER) + "." + segment(b'{"a":' + b"[" * 12_000) + ".AA",
        segment(b'{"alg":' + b'\\"' * 6_000) + ".e30.AA",
        "." * 10_000,
        "." * 1_000_000,
    ],
    ids=["header", "payload", "nested", "nested under the cap", "quotes", "dots", "many dots"],
)
def test_an_oversize_or_deep_token_is_refused_at_once(believe: Believe, token: str) -> None:
    started = time.process_time()
    with pytest.raises(Malformed):
        believe(token)
    assert time.process_time() - started < 0.1


@pytest.mark.security("JO-10")
def test_the_size_cap_is_looked_at_first() -> None:
    with pytest.raises(TooLarge):
        parse("." * (16 * 1024 + 1))
    with pytest.raises(Malformed, match="segments"):
        parse("." * 16 * 1024)


@pytest.mark.security("JO-14")
def test_a_token_of_another_party_with_the_same_kid_is_refused(believe: Believe, claims: Claims, now: datetime) -> None:
    other = new_signing_key("ES256", kid="ES256", now=now, issuer_name="other.example")
    with pytest.raises(BadSignature):
        believe(Signer("ES256", "ES256", other.private).sign(claims))


@pytest.mark.parametrize(
    "token", [None, 7, b"a.b.c", "", ".", "..", "a.b", "a.b.c.d", "e30.e30.", "W10.e30.AA", "\ud800.e30.AA"]
)
def test_what_is_no_token_is_refused(believe: Believe, token: Any) -> None:
    with pytest.raises(Refused):
        believe(token)


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\0" * 256, b"\xff" * 64, b"\xff" * 256, b"x" * 1000])
def test_a_made_up_signature_is_refused(believe: Believe, claims: Claims, alg: str, signature: bytes) -> None:
    with pytest.raises(BadSignature):
        believe(f"{segment({'alg': alg, 'kid': alg})}.{segment(claims)}.{segment(signature)}")


@pytest.mark.parametrize(
    ("given_typ", "wanted", "is_right"),
    [
        ("at+jwt", "at+jwt", True),
        ("application/at+jwt", "at+jwt", True),
        ("AT+JWT", "at+jwt", True),
        ("JWT", "at+jwt", False),
        (None, "at+jwt", False),
        ("at+jwt", None, True),
    ],
)
def test_the_type_is_compared_as_a_media_type(
    believe: Believe,
    sign: Sign,
    claims: Claims,
    given_typ: str | None,
    wanted: str | None,
    is_right: bool,  # noqa: FBT001 - a column of the table
) -> None:
    header = {"alg": "ES256"} | ({} if given_typ is None else {"typ": given_typ})
    with contextlib.nullcontext() if is_right else pytest.raises(WrongType):
        believe(sign(header, claims), typ=wanted)


@pytest.mark.parametrize("typ", [7, None, "t" * 65])
def test_a_type_that_is_no_short_text_is_refused(believe: Believe, sign: Sign, claims: Claims, typ: object) -> None:
    with pytest.raises(Malformed):
        believe(sign({"alg": "ES256", "typ": typ}, claims))


def test_a_key_without_kid_is_tried_whatever_kid_the_token_names(
    believe: Believe, sign: Sign, claims: Claims, keys: list[VerifyingKey]
) -> None:
    nameless = [replace(key, kid=None) for key in keys]
    assert believe(sign(HEADER | {"kid": "anything"}, claims), keys=nameless)


def test_a_parsed_token_can_be_verified_without_parsing_it_again(believe: Believe, sign: Sign, claims: Claims) -> None:
    unverified = parse(sign(HEADER, claims))
    assert (unverified.alg, unverified.kid, unverified.typ) == ("ES256", "ES256", "JWT")
    assert believe(unverified) == claims


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
ODD_HEADER = st.fixed_dictionaries(
    {"alg": st.sampled_from(ALGORITHMS) | JSON},
    optional=dict.fromkeys(("kid", "typ", "crit", "jwk", "x"), JSON),
)
ODD_CLAIMS = st.fixed_dictionaries(
    {"iss": st.just(ISSUER) | JSON, "aud": st.just(AUDIENCE) | JSON, "exp": st.just(4e9) | JSON},
    optional=dict.fromkeys(("sub", "jti", "nbf", "iat", "x"), JSON),
)
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.security("FZ-03")
@FEW
@given(token=st.text() | st.text("ey.AJhbGci-_", max_size=40) | st.binary() | st.none())
def test_arbitrary_text_is_refused_and_nothing_else_happens(believe: Believe, token: Any) -> None:
    with pytest.raises(Refused):
        believe(token)


@pytest.mark.security("FZ-03")
@FEW
@given(header=ODD_HEADER | JSON, payload=ODD_CLAIMS | JSON)
def test_odd_but_well_signed_tokens_are_believed_or_refused(
    believe: Believe, sign: Sign, header: object, payload: object
) -> None:
    with contextlib.suppress(Refused):
        assert believe(sign(header, payload))["iss"] == ISSUER


@pytest.mark.security("FZ-03")
@FEW
@given(place=st.integers(0, 400), letter=st.characters())
def test_a_token_with_one_letter_changed_is_refused(
    believe: Believe, sign: Sign, claims: Claims, place: int, letter: str
) -> None:
    token = sign(HEADER, claims)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(Refused):
            believe(changed)
