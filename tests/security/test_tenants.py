"""Two tenants on one stack: neither can do anything at the other; and nobody does anything without the right token."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from services.cli.quickstart import read
from tests.security.client import Client, Signer
from tests.stack import Stack

ROUTES = (
    ("GET", "clients", "read:clients"),
    ("POST", "clients", "create:clients"),
    ("GET", "clients/{client}", "read:clients"),
    ("PATCH", "clients/{client}", "update:clients"),
    ("DELETE", "clients/{client}", "delete:clients"),
    ("POST", "clients/{client}/rotate-secret", "update:client_keys"),
    ("GET", "resource-servers", "read:resource_servers"),
    ("POST", "resource-servers", "create:resource_servers"),
    ("GET", "resource-servers/{api}", "read:resource_servers"),
    ("PATCH", "resource-servers/{api}", "update:resource_servers"),
    ("DELETE", "resource-servers/{api}", "delete:resource_servers"),
    ("GET", "client-grants", "read:client_grants"),
    ("POST", "client-grants", "create:client_grants"),
    ("GET", "client-grants/{grant}", "read:client_grants"),
    ("PATCH", "client-grants/{grant}", "update:client_grants"),
    ("DELETE", "client-grants/{grant}", "delete:client_grants"),
    ("GET", "keys/signing", "read:signing_keys"),
    ("GET", "keys/signing/{kid}", "read:signing_keys"),
    ("POST", "keys/signing/rotate", "create:signing_keys"),
    ("PUT", "keys/signing/{kid}/revoke", "update:signing_keys"),
    ("GET", "tenants/settings", "read:tenant_settings"),
    ("PATCH", "tenants/settings", "update:tenant_settings"),
)


class ToLoopback(HTTPAdapter):
    """Sends requests for a tenant's host to the stack, as DNS would."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.url is not None
        host = request.url.split("/")[2]
        request.headers["host"] = host
        request.url = request.url.replace(f"//{host}/", f"//127.0.0.1:{host.partition(':')[2]}/", 1)
        answer: requests.Response = super().send(request, *args, **kwargs)
        return answer


@pytest.fixture(scope="module")
def other(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Another tenant's management application."""
    made = stack.limen("tenant", "create", "other", "--domain", f"other.example:{stack.port}")
    assert made.returncode == 0, made.stderr
    file = tmp_path_factory.mktemp("other") / "quickstart.env"
    file.write_text(made.stdout)
    client = Client.of(read(file))
    client.http.mount("http://", ToLoopback())
    yield client
    client.http.close()


@pytest.fixture(scope="module")
def mine(client: Client) -> dict[str, str]:
    """Ids of objects of the default tenant."""
    app = client.machine("mine")
    api = client.api()
    return {
        "client": app["client_id"],
        "api": api["id"],
        "grant": client.granted(app["client_id"], api["identifier"], ("read:things",)),
        "kid": client.jwks()["keys"][-1]["kid"],
    }


def test_a_second_tenant_has_its_own_issuer_keys_and_applications(client: Client, other: Client) -> None:
    claims = other.verified(other.token())
    assert claims["iss"] == other.issuer != client.issuer
    assert not {key["kid"] for key in other.jwks()["keys"]} & {key["kid"] for key in client.jwks()["keys"]}
    discovery = other.http.get(f"{other.issuer}.well-known/openid-configuration", timeout=10).json()
    assert discovery["issuer"] == other.issuer
    assert other.ask(client_id=client.client_id, client_secret=client.client_secret).status_code == 401
    listed = {each["client_id"] for each in other.manage("GET", "clients").json()}
    assert client.client_id not in listed


@pytest.mark.security("JO-14")
@pytest.mark.security("AD-01")
@pytest.mark.parametrize(("method", "path", "scope"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES])
def test_every_route_wants_its_own_tenants_token_and_its_scope(
    client: Client, other: Client, mine: dict[str, str], method: str, path: str, scope: str
) -> None:
    path = path.format(**mine)
    url = f"{client.issuer}api/v2/{path}"
    nobody = client.http.request(method, url, json={}, timeout=10)
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    assert client.manage(method, path, {}, token=client.token()).status_code == 401
    assert client.manage(method, path, {}, token=other.management_token()).status_code == 401
    wrong = "read:users" if scope != "read:users" else "read:roles"
    scopeless = client.manage(method, path, {}, token=client.management_token(scope=wrong))
    assert scopeless.status_code == 403
    assert scopeless.json()["errorCode"] == "insufficient_scope"
    assert scope in scopeless.json()["message"]


@pytest.mark.security("AD-02")
@pytest.mark.parametrize(
    "path", ["clients/{client}", "resource-servers/{api}", "client-grants/{grant}", "keys/signing/{kid}"]
)
def test_ids_of_another_tenant_do_not_exist(client: Client, other: Client, mine: dict[str, str], path: str) -> None:
    path = path.format(**mine)
    before = client.manage("GET", path).json()
    assert other.manage("GET", path).status_code == 404
    if not path.startswith("keys/"):
        assert other.manage("PATCH", path, {"name": "x"} if "grant" not in path else {"scope": []}).status_code == 404
        assert other.manage("DELETE", path).status_code in (204, 404)
    else:
        assert other.manage("PUT", f"{path}/revoke").status_code == 404
    assert client.manage("GET", path).json() == before


@pytest.mark.security("AD-02")
def test_a_grant_cannot_name_another_tenants_objects(other: Client, mine: dict[str, str]) -> None:
    body = {"client_id": mine["client"], "audience": other.audience, "scope": []}
    assert other.manage("POST", "client-grants", body).status_code == 404


@pytest.mark.security("AD-06")
@pytest.mark.parametrize("cursor", ["x", "../..", "a.b.c", "' OR 1=1--", "%00"])
def test_a_forged_cursor_is_refused(client: Client, cursor: str) -> None:
    answer = client.manage("GET", f"clients?take=1&from={cursor}")
    assert answer.status_code == 400
    assert answer.json()["statusCode"] == 400


@pytest.mark.security("AD-06")
def test_a_cursor_of_another_tenant_or_list_is_refused(client: Client, other: Client) -> None:
    client.machine("one more")
    following = client.manage("GET", "clients?take=1").json()["next"]
    assert client.manage("GET", f"clients?take=1&from={following}").status_code == 200
    assert other.manage("GET", f"clients?take=1&from={following}").status_code == 400
    assert client.manage("GET", f"client-grants?take=1&from={following}").status_code == 400


@pytest.mark.security("AD-10")
def test_secrets_are_shown_once_and_nowhere_else(client: Client, stack: Stack) -> None:
    app = client.machine("secretive")
    secret = app["client_secret"]
    shown = [client.manage("GET", f"clients/{app['client_id']}").text, client.manage("GET", "clients").text]
    shown += [file.read_text(errors="replace") for file in (stack.data.path / "logs").glob("*.log")]
    shown.append(json.dumps(stack.events("--log", "facts", "--from", "1")))
    client.ask(client_id=app["client_id"], client_secret=secret)
    shown.append(json.dumps(stack.events("--log", "activity", "--from", "1")))
    assert not [text for text in shown if secret in text]


@pytest.mark.security("AD-12")
def test_each_write_and_each_refusal_is_one_event_with_its_actor(client: Client, stack: Stack) -> None:
    app = client.machine("audited")
    client.ask(client_id=app["client_id"], client_secret="wrong")
    facts = [event for event in stack.events("--log", "facts", "--from", "1") if app["client_id"] in json.dumps(event)]
    assert [event["type"] for event in facts] == [
        "token.client_registered",
        "token.client_secret_issued",
        "token.client_grant_created",
    ]
    for event in facts:
        assert event["actor"] == {"kind": "client", "id": client.management_client_id}
        assert event["trace"]
        assert event["request_id"]
    activity = [
        event for event in stack.events("--log", "activity", "--from", "1") if event["type"] == "token.token_refused"
    ]
    refused = [event["data"] for event in activity if event["data"]["client_id"] == app["client_id"]]
    assert len(refused) == 1
    assert refused[0]["address"] == "127.0.0.1"
    assert refused[0]["client_name"] == "audited"
    assert refused[0]["reason"] == "WrongSecret"


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
