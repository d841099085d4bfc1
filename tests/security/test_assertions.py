"""Client assertions and bearer tokens as an attacker would forge them: the lines JO of the security checklist."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from time import time  # noqa: TID251  # a client has a clock of its own
from typing import Any
from uuid import uuid1

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc.jwk import RSAKey

from tests.security.client import JWT_BEARER, Client, Signer, b64
from tests.security.insider import Forger


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer.new("RS256")


@pytest.fixture(scope="session")
def asserter(client: Client, signer: Signer) -> dict[str, Any]:
    """An application that signs."""
    credential = {"credential_type": "public_key", "name": "first", "pem": signer.pem, "alg": "RS256"}
    methods = {"private_key_jwt": {"credentials": [credential]}}
    return client.machine("asserter", client_authentication_methods=methods)


def is_refused(answer: requests.Response) -> bool:
    assert answer.status_code in (400, 401), answer.text
    assert answer.json()["error"] in ("invalid_client", "invalid_request")
    return True


def test_an_assertion_authenticates_once(client: Client, signer: Signer, asserter: dict[str, Any]) -> None:
    assertion = signer.assertion(asserter["client_id"], client.issuer)
    assert client.assertion(asserter["client_id"], assertion).status_code == 200
    assert is_refused(client.assertion(asserter["client_id"], assertion))


def test_an_assertion_names_its_client_without_the_parameter(
    client: Client, signer: Signer, asserter: dict[str, Any]
) -> None:
    assertion = signer.assertion(asserter["client_id"], client.issuer)
    assert client.assertion(None, assertion).status_code == 200


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256"])
def test_each_algorithm_of_a_credential_works_and_no_other(client: Client, alg: str) -> None:
    own = Signer.new(alg)
    credential = {"credential_type": "public_key", "pem": own.pem, "alg": alg}
    app = client.machine(alg, client_authentication_methods={"private_key_jwt": {"credentials": [credential]}})
    assert client.assertion(app["client_id"], own.assertion(app["client_id"], client.issuer)).status_code == 200
    if alg != "ES256":
        other = Signer(own.private, "PS256" if alg == "RS256" else "RS256")
        assert is_refused(client.assertion(app["client_id"], other.assertion(app["client_id"], client.issuer)))


@pytest.mark.security("TE-06")
def test_a_client_that_signs_may_not_use_a_secret(client: Client, signer: Signer, asserter: dict[str, Any]) -> None:
    assert is_refused(client.ask(client_id=asserter["client_id"], client_secret="x" * 64))
    assert "client_secret" not in asserter
    unsigned = f"{b64(b'{}')}.{b64(json.dumps({'sub': client.client_id}).encode())}."
    forged = client.assertion(client.client_id, unsigned, client_secret=client.client_secret)
    assert (forged.status_code, forged.json()["error"]) == (401, "invalid_client")
    good = signer.assertion(asserter["client_id"], client.issuer)
    beside = client.basic(
        client.client_id, client.client_secret, client_assertion_type=JWT_BEARER, client_assertion=good
    )
    assert (beside.status_code, beside.json()["error"]) == (401, "invalid_client")


@pytest.mark.security("JO-01")
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None])
def test_no_algorithm_is_none(client: Client, signer: Signer, asserter: dict[str, Any], alg: str | None) -> None:
    header = {"alg": alg, "typ": "JWT"} if alg is not None else {"typ": "JWT"}
    now = int(time())  # a client's own clock
    claims = {
        "iss": asserter["client_id"],
        "sub": asserter["client_id"],
        "aud": client.issuer,
        "jti": "n",
        "exp": now + 60,
    }
    signed = signer.raw(json.dumps(header).encode(), json.dumps(claims).encode())
    unsigned = signed.rpartition(".")[0] + "."
    for token in (signed, unsigned):
        assert is_refused(client.assertion(asserter["client_id"], token))
        assert client.manage("GET", "clients", token=token).status_code == 401


@pytest.mark.security("JO-02")
def test_the_public_key_is_no_secret_for_hs256(client: Client, signer: Signer, asserter: dict[str, Any]) -> None:
    public = signer.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    jwk = json.dumps(client.jwks()["keys"][0]).encode()
    secrets = [pem, pem.strip(), pem + b"\n", pem.replace(b"\n", b"\r\n"), b" " + pem, der, jwk]
    now = int(time())  # a client's own clock
    claims = {
        "iss": asserter["client_id"],
        "sub": asserter["client_id"],
        "aud": client.issuer,
        "jti": "h",
        "exp": now + 60,
    }
    for secret in secrets:
        header = b'{"alg":"HS256","typ":"JWT"}'
        message = f"{b64(header)}.{b64(json.dumps(claims).encode())}"
        token = f"{message}.{b64(hmac.new(secret, message.encode(), hashlib.sha256).digest())}"
        assert is_refused(client.assertion(asserter["client_id"], token))
        assert client.manage("GET", "clients", token=token).status_code == 401


STRANGE_KIDS: list[Any] = ["unknown", "../../etc/passwd", "' OR 1=1--", "http://127.0.0.1:9/", "", "k" * 10_000]
STRANGE_KIDS += [["a"], {"a": 1}, 7, True, None, "\u0000"]


@pytest.mark.security("JO-04")
@pytest.mark.parametrize("kid", STRANGE_KIDS, ids=lambda kid: str(kid)[:20])
def test_a_strange_kid_finds_no_key(client: Client, forger: Forger, kid: Any) -> None:
    claims = client.verified(client.management_token(scope="read:clients"), client.management_audience)

    def named(kid: Any) -> int:
        header = {"alg": "RS256", "typ": "JWT", "kid": kid}
        token = Signer(forger.private_key, "RS256").raw(json.dumps(header).encode(), json.dumps(claims).encode())
        return client.manage("GET", "clients", token=token).status_code

    assert named(forger.kid) == 200, "the tenant's own key, by its own name"
    assert named(kid) in (400, 401, 431)


@pytest.mark.security("JO-04")
@pytest.mark.parametrize("kid", STRANGE_KIDS, ids=lambda kid: str(kid)[:20])
def test_a_key_goes_by_no_name_but_its_own(client: Client, signer: Signer, asserter: dict[str, Any], kid: Any) -> None:
    token = signer.assertion(asserter["client_id"], client.issuer, header={"kid": kid})
    assert is_refused(client.assertion(asserter["client_id"], token))


def test_a_key_goes_by_its_kid_its_thumbprint_and_none(client: Client) -> None:
    own = Signer.new("RS256")
    credential = {"credential_type": "public_key", "pem": own.pem, "alg": "RS256", "kid": "spring"}
    app = client.machine("named", client_authentication_methods={"private_key_jwt": {"credentials": [credential]}})
    thumbprint = str(RSAKey.import_key(own.pem).thumbprint())
    for header in ({"kid": "spring"}, {"kid": thumbprint}, {}):
        token = own.assertion(app["client_id"], client.issuer, header=header)
        assert client.assertion(app["client_id"], token).status_code == 200, header


@pytest.mark.security("JO-05")
@pytest.mark.parametrize(
    "extra", [{"crit": ["bork"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"crit": ["exp"]}]
)
def test_critical_extensions_are_refused(
    client: Client, signer: Signer, asserter: dict[str, Any], extra: dict[str, Any]
) -> None:
    token = signer.assertion(asserter["client_id"], client.issuer, header=extra)
    assert is_refused(client.assertion(asserter["client_id"], token))


@pytest.mark.security("JO-06")
@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "SLASHLESS"},
        {"aud": "PREFIX"},
        {"aud": {"a": 1}},
        {"aud": ["OURS", "https://other.example/"]},
        {"exp": "4102444800"},
        {"exp": True},
        {"exp": None},
        {"exp": 1},
        {"exp": "LATE"},
        {"nbf": "SOON"},
        {"iat": "SOON"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"jti": "j" * 300},
        {"iss": ["ME"]},
        {"iss": "someone else"},
        {"sub": "someone else"},
        {"sub": None},
    ],
    ids=str,
)
def test_each_claim_must_be_exactly_right(
    client: Client, signer: Signer, asserter: dict[str, Any], claims: dict[str, Any]
) -> None:
    now = int(time())  # a client's own clock
    words = {"SLASHLESS": client.issuer[:-1], "PREFIX": client.issuer + "x", "LATE": now + 3600, "SOON": now + 3600}
    words |= {"ME": asserter["client_id"], "OURS": client.issuer}

    def place(value: Any) -> Any:
        return words.get(value, value) if isinstance(value, str) else value

    claims = {
        name: [place(each) for each in value] if isinstance(value, list) else place(value)
        for name, value in claims.items()
    }
    token = signer.assertion(asserter["client_id"], client.issuer, **claims)
    assert is_refused(client.assertion(asserter["client_id"], token))


@pytest.mark.security("JO-06")
@pytest.mark.parametrize("exp", ["NaN", "Infinity", "1e400", "-1", "99999999999999999999999"])
def test_numbers_that_are_none_are_refused(client: Client, signer: Signer, asserter: dict[str, Any], exp: str) -> None:
    me = asserter["client_id"]
    payload = f'{{"iss":"{me}","sub":"{me}","aud":"{client.issuer}","jti":"{uuid1().hex}","exp":{exp}}}'
    assert is_refused(client.assertion(me, signer.raw(b'{"alg":"RS256"}', payload.encode())))


@pytest.mark.security("JO-08")
def test_members_twice_are_refused(client: Client, signer: Signer, asserter: dict[str, Any]) -> None:
    me, now = asserter["client_id"], int(time())  # a client's own clock
    rest = f'"aud":"{client.issuer}","jti":"{uuid1().hex}","exp":{now + 60}'
    for payload in (
        f'{{"iss":"{me}","sub":"x","sub":"{me}",{rest}}}',
        f'{{"iss":"{me}","sub":"{me}","sub":"x",{rest}}}',
    ):
        assert is_refused(client.assertion(me, signer.raw(b'{"alg":"RS256"}', payload.encode())))
    good = f'{{"iss":"{me}","sub":"{me}",{rest}}}'.encode()
    assert is_refused(client.assertion(me, signer.raw(b'{"alg":"none","alg":"RS256"}', good)))


@pytest.mark.security("JO-09")
def test_a_token_has_one_spelling(client: Client, signer: Signer, asserter: dict[str, Any]) -> None:
    def spoilt(change: Callable[[str], str]) -> str:
        return change(signer.assertion(asserter["client_id"], client.issuer))

    for change in (
        lambda token: token + "=",
        lambda token: token + "\n",
        lambda token: " " + token,
        lambda token: token.replace(".", "=.", 1),
        lambda token: token.replace(".", " .", 1),
        lambda token: token[:-1] + {"A": "B", "Q": "R", "g": "h", "w": "x"}.get(token[-1], "/"),
        lambda token: token + ".e30",
    ):
        answer = client.assertion(asserter["client_id"], spoilt(change))
        assert answer.status_code in (400, 401), change


@pytest.mark.security("JO-10")
def test_monstrous_tokens_cost_little(client: Client, signer: Signer, asserter: dict[str, Any]) -> None:
    nested = b64(b"[" * 30_000)
    monsters = [f"{'a' * 60_000}.e30.x", f"e30.{'a' * 60_000}.x", f"e30.{nested}.x", "." * 10_000]
    monsters.append("e30." + "a" * 1_500_000 + ".x")
    # And some that are right in every other way, so that nothing but what is monstrous refuses them.
    me, now = asserter["client_id"], int(time())  # a client's own clock
    deep = f'{{"iss":"{me}","sub":"{me}","aud":"{client.issuer}","jti":"d","exp":{now + 60},"x":{"[" * 9_000}'
    monsters.append(signer.raw(b'{"alg":"RS256"}', f"{deep}{']' * 9_000}}}".encode()))
    monsters.append(signer.assertion(me, client.issuer, header={"x": "a" * 60_000}))
    monsters.append(signer.assertion(me, client.issuer, x="a" * 500_000))
    for token in monsters:
        answer = client.assertion(me, token)
        assert answer.status_code in (400, 401, 413), token[:40]
        assert answer.elapsed < timedelta(seconds=1), token[:40]


@pytest.mark.security("JO-12")
def test_weak_or_wrong_keys_are_not_registered(client: Client) -> None:
    small = rsa.generate_private_key(65537, 1024).public_key()  # the point
    odd = rsa.generate_private_key(3, 2048).public_key()
    curve = ec.generate_private_key(ec.SECP192R1()).public_key()
    spki = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = rsa.generate_private_key(65537, 2048)
    pems = [each.public_bytes(*spki).decode() for each in (small, odd, curve)]
    pems.append(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    pems += [
        "",
        "not a key",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        base64.b64encode(b"x").decode(),
    ]
    for pem in pems:
        credential = {"credential_type": "public_key", "pem": pem, "alg": "RS256"}
        body = {"name": "weak", "client_authentication_methods": {"private_key_jwt": {"credentials": [credential]}}}
        answer = client.manage("POST", "clients", body)
        assert answer.status_code == 400, pem
        assert answer.json()["statusCode"] == 400


def test_an_expired_credential_no_longer_signs(client: Client) -> None:
    first, second = Signer.new(), Signer.new()
    credentials = [
        {"credential_type": "public_key", "pem": each.pem, "alg": "RS256", **expiry}
        for each, expiry in ((first, {}), (second, {"expires_at": "2020-01-01T00:00:00Z"}))
    ]
    methods = {"private_key_jwt": {"credentials": credentials}}
    refused = client.manage("POST", "clients", {"name": "past", "client_authentication_methods": methods})
    assert refused.status_code == 400
    methods = {"private_key_jwt": {"credentials": [credentials[0] | {"expires_at": "2100-01-01T00:00:00Z"}]}}
    app = client.machine("dated", client_authentication_methods=methods)
    assert client.assertion(app["client_id"], first.assertion(app["client_id"], client.issuer)).status_code == 200
    (credential,) = app["client_authentication_methods"]["private_key_jwt"]["credentials"]
    path = f"clients/{app['client_id']}/credentials/{credential['id']}"
    assert client.manage("PATCH", path, {"expires_at": "2020-01-01T00:00:00Z"}).status_code == 200
    proof = {"client_assertion_type": JWT_BEARER, "token": "v1.x"}
    proof["client_assertion"] = first.assertion(app["client_id"], client.issuer)
    for answer in (
        client.assertion(app["client_id"], first.assertion(app["client_id"], client.issuer)),
        client.http.post(f"{client.issuer}oauth/revoke", data=proof, timeout=10),
    ):
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.security("TE-06")
def test_a_key_counts_when_its_application_says_so(client: Client) -> None:
    own, app = Signer.new(), client.machine("registers")
    path = f"clients/{app['client_id']}"

    def authenticates() -> tuple[bool, bool]:
        key = client.assertion(app["client_id"], own.assertion(app["client_id"], client.issuer))
        secret = client.ask(client_id=app["client_id"], client_secret=app["client_secret"])
        return key.status_code == 200, secret.status_code == 200

    body = {"credential_type": "public_key", "pem": own.pem, "alg": "RS256"}
    made = client.manage("POST", f"{path}/credentials", body).json()
    assert authenticates() == (False, True)
    methods = {"private_key_jwt": {"credentials": [{"id": made["id"]}]}}
    both = {"client_authentication_methods": methods, "token_endpoint_auth_method": None}
    assert client.manage("PATCH", path, both).status_code == 200
    assert authenticates() == (True, False)
    one = f"{path}/credentials/{made['id']}"
    assert client.manage("DELETE", one).status_code == 400
    assert client.manage("PATCH", one, {"expires_at": "2001-01-01T00:00:00Z"}).status_code == 200
    assert authenticates() == (False, False)
    assert client.manage("PATCH", path, {"client_authentication_methods": None}).status_code == 200
    assert authenticates() == (False, True)
    assert client.manage("DELETE", one).status_code == 204
    assert client.manage("GET", one).status_code == 404


@pytest.mark.security("JO-14")
def test_a_token_signed_by_another_key_of_the_same_kid_is_refused(client: Client, signer: Signer) -> None:
    kid = client.jwks()["keys"][0]["kid"]
    claims = {"iss": client.issuer, "sub": "x@clients", "aud": client.management_audience, "exp": 4102444800}
    header = {"alg": "RS256", "typ": "JWT", "kid": kid}
    token = signer.raw(json.dumps(header).encode(), json.dumps(claims | {"scope": "read:clients"}).encode())
    assert client.manage("GET", "clients", token=token).status_code == 401


@pytest.mark.security("RS-05")
def test_other_kinds_of_tokens_open_nothing(client: Client, signer: Signer, asserter: dict[str, Any]) -> None:
    assertion = signer.assertion(asserter["client_id"], client.issuer)
    assert client.manage("GET", "clients", token=assertion).status_code == 401
    assert client.manage("GET", "clients", token=client.token()).status_code == 401
