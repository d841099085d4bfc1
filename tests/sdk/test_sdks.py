"""Unmodified SDKs over `limen up --tls`: only their domain, and whom they trust, is told to them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from auth0.authentication import GetToken
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError
from auth0_api_python import ApiClient, ApiClientOptions
from auth0_api_python.errors import VerifyAccessTokenError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.sdk.conftest import Node
from tests.stack import Stack, until

ONCE: Final[Any] = {"max_retries": 0}


pytestmark = pytest.mark.usefixtures("trusting")


@pytest.fixture
def management(tls: Stack) -> Iterator[Any]:
    env = tls.env
    # The SDK never closes a connection pool of its own; one that it is handed can be closed.
    with httpx.Client() as pool:
        yield ManagementClient(
            domain=env["LIMEN_DOMAIN"],
            client_id=env["LIMEN_MANAGEMENT_CLIENT_ID"],
            client_secret=env["LIMEN_MANAGEMENT_CLIENT_SECRET"],
            httpx_client=pool,
        )


def token(stack: Stack) -> str:
    env = stack.env
    given = GetToken(env["LIMEN_DOMAIN"], env["LIMEN_CLIENT_ID"], client_secret=env["LIMEN_CLIENT_SECRET"])
    return str(given.client_credentials(env["LIMEN_AUDIENCE"])["access_token"])


def test_auth0_python_gets_a_token_and_verifies_it(tls: Stack) -> None:
    keys = AsymmetricSignatureVerifier(f"{tls.env['LIMEN_ISSUER']}.well-known/jwks.json")
    claims = keys.verify_signature(token(tls))
    assert (claims["iss"], claims["aud"]) == (tls.env["LIMEN_ISSUER"], tls.env["LIMEN_AUDIENCE"])


def test_auth0_api_python_accepts_its_own_audience_and_no_other(tls: Stack) -> None:
    async def verified(audience: str) -> str:
        api = ApiClient(ApiClientOptions(domain=tls.env["LIMEN_DOMAIN"], audience=audience))
        return str((await api.verify_access_token(access_token=token(tls)))["azp"])

    assert asyncio.run(verified(tls.env["LIMEN_AUDIENCE"])) == tls.env["LIMEN_CLIENT_ID"]
    with pytest.raises(VerifyAccessTokenError):
        asyncio.run(verified("urn:other"))


def refused(error: pytest.ExceptionInfo[ApiError]) -> tuple[int | None, Any]:
    return error.value.status_code, error.value.body["errorCode"]


def test_auth0_python_configures_clients_apis_and_grants(management: Any) -> None:
    api = management.resource_servers.create(identifier="urn:python:api", scopes=[{"value": "read:it"}])
    client = management.clients.create(name="Python", app_type="non_interactive")
    grant = management.client_grants.create(client_id=client.client_id, audience=api.identifier, scope=["read:it"])
    assert management.clients.update(client.client_id, description="changed").description == "changed"
    assert management.resource_servers.update(api.id, token_lifetime=77).token_lifetime == 77
    assert management.client_grants.update(grant.id, scope=[]).scope == []
    rotated = management.clients.rotate_secret(client.client_id)
    assert rotated.client_secret not in {None, client.client_secret}
    with pytest.raises(ApiError) as there:
        management.resource_servers.create(identifier="urn:python:api", request_options=ONCE)
    assert there.value.status_code == 409
    management.client_grants.delete(grant.id)
    management.resource_servers.delete(api.id)
    management.clients.delete(client.client_id)
    with pytest.raises(ApiError) as gone:
        management.clients.get(client.client_id, request_options=ONCE)
    assert refused(gone) == (404, "inexistent_client")


def test_auth0_python_registers_a_key_and_has_it_count(management: Any) -> None:
    client = management.clients.create(name="Keys", app_type="non_interactive")
    key = rsa.generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    made = management.clients.credentials.create(
        client.client_id, credential_type="public_key", pem=pem.decode(), alg="RS256", name="first"
    )
    listed = management.clients.credentials.list(client.client_id)
    assert [each.id for each in listed] == [made.id]
    counting: Any = {"private_key_jwt": {"credentials": [{"id": made.id}]}}
    management.clients.update(client.client_id, client_authentication_methods=counting)
    read = management.clients.get(client.client_id).client_authentication_methods
    assert read is not None
    management.clients.update(client.client_id, client_authentication_methods=None)
    management.clients.delete(client.client_id)


def test_auth0_python_reads_lists_to_their_end(management: Any) -> None:
    made = {management.clients.create(name=f"Page {number}").client_id for number in range(5)}
    seen = [each.client_id for each in management.clients.list(per_page=2)]
    assert made <= set(seen)
    assert len(seen) == len(set(seen))
    assert len(list(management.resource_servers.list(per_page=1))) >= 2
    assert len(list(management.client_grants.list(take=1))) >= 1
    assert [each.name for each in management.connections.list(take=10)] == ["Username-Password-Authentication"]
    assert list(management.roles.list()) == []
    for client_id in made:
        management.clients.delete(client_id)


def test_auth0_python_reads_the_log(tls: Stack, management: Any) -> None:
    client = management.clients.create(name="Logged")
    token(tls)

    def found(search: str) -> list[Any]:
        return list(management.logs.list(per_page=1, sort="date:1", search=search))

    made, used = f'client_id:"{client.client_id}" AND type:sapi', f"client_id:{tls.env['LIMEN_CLIENT_ID']} type:seccft"
    until(lambda: found(made) and found(used))
    entry = found(made)[0]
    assert (entry.description, entry.details["event"]) == ("Create a client", "client.registered")
    assert entry.details["actor"] == {"kind": "client", "id": tls.env["LIMEN_MANAGEMENT_CLIENT_ID"]}
    assert management.logs.get(entry.log_id).model_dump() == entry.model_dump()
    issued = found(used)
    assert {(each.audience, each.ip) for each in issued} == {(tls.env["LIMEN_AUDIENCE"], "127.0.0.1")}
    assert [each.log_id for each in issued] == sorted(each.log_id for each in issued)
    with pytest.raises(ApiError) as gone:
        management.logs.get("0" * 29, request_options=ONCE)
    assert refused(gone) == (404, "inexistent_log")
    with pytest.raises(ApiError) as unsearchable:
        management.logs.list(search="ip:127.0.0.1", request_options=ONCE)
    assert refused(unsearchable) == (400, "invalid_query_string")
    management.clients.delete(client.client_id)


def test_auth0_python_reads_keys_and_changes_settings(management: Any) -> None:
    keys = management.keys.signing.list()
    assert {(key.current, key.next) for key in keys} >= {(True, False), (False, True)}
    assert management.keys.signing.get(keys[0].kid).kid == keys[0].kid
    assert management.tenants.settings.update(friendly_name="Python").friendly_name == "Python"
    assert management.tenants.settings.get().friendly_name == "Python"
    management.tenants.settings.update(friendly_name="")


@pytest.fixture
def client_with_key(management: Any, tmp_path: Path) -> Iterator[dict[str, str]]:
    """An application that signs its assertions, with an API of its own."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    methods: Any = {
        "private_key_jwt": {"credentials": [{"credential_type": "public_key", "pem": public.decode(), "alg": "RS256"}]}
    }
    api = management.resource_servers.create(identifier="urn:node:other")
    client = management.clients.create(name="Signs", app_type="non_interactive", client_authentication_methods=methods)
    management.client_grants.create(client_id=client.client_id, audience=api.identifier, scope=[])
    file = tmp_path / "key.pem"
    file.write_bytes(private)
    yield {"KEY_CLIENT_ID": client.client_id, "KEY_FILE": str(file), "OTHER_AUDIENCE": "urn:node:other"}
    management.clients.delete(client.client_id)
    management.resource_servers.delete(api.id)


def test_node_gets_tokens_and_an_express_api_believes_the_right_ones(
    tls: Stack, node: Node, client_with_key: dict[str, str]
) -> None:
    told = node.script("tokens.mjs", tls, **client_with_key)
    assert told == {"key": True, "good": 200, "scope": 403, "audience": 401, "none": 401, "forged": 401}


def test_node_auth0_configures_a_tenant(tls: Stack, node: Node) -> None:
    told = node.script("management.mjs", tls)
    assert all(told["created"])
    assert told["changed"] == ["changed", ["read:node", "write:node"], 1234]
    assert told["pages"] == [True, True, True]
    assert told["keys"] == [True, True]
    assert (told["settings"], told["rotated"]) == ("Node", True)
    assert told["refused"] == [
        [404, "inexistent_client"],
        [409, "resource_server_conflict"],
        [400, "invalid_body"],
    ]
    assert told["gone"] == [404, "inexistent_client"]
