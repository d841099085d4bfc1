"""Signing keys as a verifier and an operator meet them: the lines KY of the security checklist."""

import base64
import json
import re
import subprocess
from datetime import datetime
from time import sleep, time  # noqa: TID251  # a verifier has a clock of its own

import pytest

from services.cli.embedded import binaries
from tests.security.client import Client
from tests.stack import MakeStack, Stack


@pytest.fixture(scope="module")
def harmed(make_stack: MakeStack) -> Client:
    """A stack whose keys come and go: verifiers may keep the JWKS for a second."""
    return Client.of(make_stack(environ={"LIMEN_JWKS_MAX_AGE": "1s"}).env)


@pytest.mark.security("KY-01")
def test_the_jwks_holds_public_strong_named_keys(client: Client) -> None:
    answer = client.http.get(f"{client.issuer}.well-known/jwks.json", timeout=10)
    keys = answer.json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) >= 2
    for key in keys:
        assert key["use"] == "sig"
        assert key["alg"] in {"RS256", "PS256", "ES256"}
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()
        if key["kty"] == "RSA":
            assert len(key["n"]) * 6 >= 2048
    assert re.search(r"max-age=\d+", answer.headers["cache-control"])
    again = client.http.get(
        f"{client.issuer}.well-known/jwks.json", headers={"if-none-match": answer.headers["etag"]}, timeout=10
    )
    assert again.status_code == 304


@pytest.mark.security("KY-02")
def test_a_rotated_key_signs_only_after_verifiers_can_know_it(harmed: Client) -> None:
    client = harmed
    before = {key["kid"] for key in client.jwks()["keys"]}
    rotated = client.manage("POST", "keys/signing/rotate")
    assert rotated.status_code in (200, 201), rotated.text
    answer = rotated.json()
    assert {"kid", "cert", "active_from"} <= answer.keys()
    published = {key["kid"] for key in client.jwks()["keys"]}
    assert answer["kid"] in published
    assert before < published, "a new next key is announced"
    due = datetime.fromisoformat(answer["active_from"]).timestamp()
    while True:
        asked_at = time()
        is_new = header_kid(client.token()) == answer["kid"]
        # The stack's clock is this machine's: a token asked for a second after is signed by the new key.
        assert not (is_new and time() < due - 0.1)
        if is_new:
            break
        assert asked_at < due + 1
        sleep(0.1)


def header_of(token: str) -> dict[str, str]:
    head = token.split(".", maxsplit=1)[0]
    header: dict[str, str] = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    return header


def header_kid(token: str) -> str:
    return header_of(token)["kid"]


def test_a_revoked_key_leaves_the_jwks_and_its_tokens_open_nothing(harmed: Client) -> None:
    client = harmed
    token = client.management_token()
    kid = header_kid(token)
    assert client.manage("GET", "clients", token=token).status_code == 200
    assert client.manage("PUT", f"keys/signing/{kid}/revoke", token=token).status_code in (200, 201)
    assert client.manage("GET", "clients", token=token).status_code == 401
    assert kid not in {key["kid"] for key in client.jwks()["keys"]}
    assert header_kid(client.token()) != kid


@pytest.mark.security("KY-06")
def test_no_private_key_and_no_secret_is_in_a_dump(client: Client, stack: Stack) -> None:
    app = client.machine("dumped")
    client.token(client_id=app["client_id"], client_secret=app["client_secret"])
    dump = database_dump(stack) + streams(stack)
    for secret in (app["client_secret"], client.client_secret, client.management_client_secret):
        assert secret.encode() not in dump
    assert b"PRIVATE KEY" not in dump
    assert stack.data.key.read_bytes().partition(b":")[2].strip() not in dump


def database_dump(stack: Stack) -> bytes:
    """Everything Postgres holds, as text."""
    program = binaries.postgres(None).path.with_name("pg_dump")
    return subprocess.run([program, stack.env["LIMEN_POSTGRES_URL"]], capture_output=True, check=True).stdout


def streams(stack: Stack) -> bytes:
    """Everything NATS has written."""
    return b"".join(file.read_bytes() for file in stack.data.nats.rglob("*") if file.is_file())


def test_an_algorithm_is_usable_when_the_patch_that_allows_it_has_answered(client: Client) -> None:
    settings = {"allowed_signing_algs": ["RS256", "PS256", "ES256"]}
    assert client.manage("PATCH", "tenants/settings", settings).status_code == 200
    for alg in ("PS256", "ES256"):
        api = client.api(signing_alg=alg)
        client.granted(client.client_id, api["identifier"], ("read:things",))
        token = client.token(audience=api["identifier"])
        assert client.verified(token, api["identifier"])["scope"] == "read:things"
    for alg in ("HS256", "RS512"):
        body = {"identifier": f"https://{alg}.example/", "signing_alg": alg}
        assert client.manage("POST", "resource-servers", body).status_code == 400


@pytest.mark.parametrize(("dialect", "typ"), [("access_token", "JWT"), ("rfc9068_profile", "at+jwt")])
def test_each_api_has_its_profile_and_lifetime(client: Client, dialect: str, typ: str) -> None:
    api = client.api(token_dialect=dialect, token_lifetime=120)
    client.granted(client.client_id, api["identifier"], ("read:things",))
    token = client.token(audience=api["identifier"])
    assert header_of(token)["typ"] == typ
    claims = client.verified(token, api["identifier"])
    assert claims["exp"] - claims["iat"] == 120
    assert ("client_id" in claims) == (dialect == "rfc9068_profile")
    assert ("azp" in claims) == (dialect == "access_token")
    assert claims["jti"]
