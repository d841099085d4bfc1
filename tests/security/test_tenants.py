"""Two tenants on one stack: neither can do anything at the other; and nobody does anything without the right token."""

import json

import pytest

from tests.security.client import Client, Signer
from tests.stack import Stack


def test_a_second_tenant_has_its_own_issuer_keys_and_applications(client: Client, other: Client) -> None:
    claims = other.verified(other.token())
    assert claims["iss"] == other.issuer != client.issuer
    assert not {key["kid"] for key in other.jwks()["keys"]} & {key["kid"] for key in client.jwks()["keys"]}
    discovery = other.http.get(f"{other.issuer}.well-known/openid-configuration", timeout=10).json()
    assert discovery["issuer"] == other.issuer
    assert other.ask(client_id=client.client_id, client_secret=client.client_secret).status_code == 401
    listed = {each["client_id"] for each in other.manage("GET", "clients").json()}
    assert client.client_id not in listed


@pytest.mark.security("AD-12")
def test_a_refused_secret_is_one_event_that_says_whose_and_from_where(client: Client, stack: Stack) -> None:
    app = client.machine("audited")
    client.ask(client_id=app["client_id"], client_secret="wrong")
    events = stack.events("--log", "activity", "--from", "1")
    (refused,) = [event for event in events if event["data"].get("client_id") == app["client_id"]]
    assert refused["type"] == "token.token_refused"
    assert refused["request_id"]
    assert refused["data"]["address"] == "127.0.0.1"
    assert refused["data"]["client_name"] == "audited"
    assert refused["data"]["reason"] == "WrongSecret"


@pytest.mark.security("OI-08")
@pytest.mark.parametrize("headers", [{"x-forwarded-host": "evil.example"}, {"forwarded": "host=evil.example"}])
def test_the_issuer_is_the_tenants_whatever_a_stranger_says(client: Client, headers: dict[str, str]) -> None:
    url = f"{client.issuer}.well-known/openid-configuration"
    assert client.http.get(url, headers=headers, timeout=10).json()["issuer"] == client.issuer
    unknown = client.http.get(url, headers={"host": "evil.example"}, timeout=10)
    assert unknown.status_code == 421


@pytest.mark.security("RS-01")
@pytest.mark.security("RS-04")
def test_a_token_counts_only_in_its_header(client: Client) -> None:
    url, token = f"{client.issuer}api/v2/clients", client.management_token(scope="read:clients")
    assert client.http.get(f"{url}?access_token={token}", timeout=10).status_code == 401
    bare = client.http.get(url, timeout=10)
    assert "error=" not in bare.headers["www-authenticate"]


@pytest.mark.security("RS-02")
@pytest.mark.parametrize("token", ["garbage", "a.b.c", "Bearer", "é", "x" * 9000])
def test_garbage_is_an_invalid_token(client: Client, token: str) -> None:
    headers = {"authorization": f"Bearer {token}".encode()}
    answer = client.http.get(f"{client.issuer}api/v2/clients", headers=headers, timeout=10)
    assert answer.status_code in (400, 401, 431)


@pytest.mark.security("RS-02")
def test_a_token_of_another_signer_is_refused(client: Client) -> None:
    claims = {"iss": client.issuer, "sub": "x@clients", "aud": client.management_audience, "exp": 4102444800}
    token = Signer.new().raw(b'{"alg":"RS256","typ":"JWT"}', json.dumps(claims | {"scope": "read:clients"}).encode())
    answer = client.manage("GET", "clients", token=token)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
