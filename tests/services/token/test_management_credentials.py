"""`/api/v2/clients/{client_id}/credentials`: registered first, counting when the application says so."""

from datetime import UTC, datetime
from typing import Any, Final

import auth0.management.types as sdk
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.services.token.office import Office, credential, ec_pem, keys

BORN: Final = datetime(2000, 1, 1, tzinfo=UTC)
END: Final = datetime(2090, 1, 2, 3, 4, 5, tzinfo=UTC)


def certificate(end: datetime = END) -> str:
    """A self-signed certificate as an administrator pastes it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(BORN).not_valid_after(end)
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


async def registered(office: Office, client: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = await office.ask("POST", f"clients/{client['client_id']}/credentials", credential(**changes))
    assert answer.status == 201, answer.body
    return dict(answer.body)


async def test_a_credential_is_registered_read_and_listed(office: Office) -> None:
    client = await office.client()
    path = f"clients/{client['client_id']}/credentials"
    assert (await office.ask("GET", path)).body == []
    made = await registered(office, client, expires_at="2099-01-01T00:00:00Z")
    assert set(made) == {"id", "name", "kid", "alg", "credential_type", "created_at", "updated_at", "expires_at"}
    assert made["id"].startswith("cred_")
    assert made["created_at"] == made["updated_at"]
    assert made["expires_at"] == "2099-01-01T00:00:00.000Z"
    other = await registered(office, client, name=None)
    assert not {"name", "expires_at"} & set(other)
    assert (await office.ask("GET", f"{path}/{made['id']}")).body == made
    listed = (await office.ask("GET", path)).body
    assert listed == [made, other]
    for each in listed:
        assert sdk.ClientCredential.model_validate(each).kid == each["kid"]


@pytest.mark.security("TE-06")
async def test_a_credential_counts_when_the_client_names_it(office: Office) -> None:
    client = await office.client()
    path = f"clients/{client['client_id']}"
    made, spare = await registered(office, client), await registered(office, client)
    assert "client_authentication_methods" not in (await office.ask("GET", path)).body
    assert (await office.ask("POST", f"{path}/rotate-secret")).status == 200
    named = {"client_authentication_methods": keys({"id": made["id"]})}
    assert (await office.ask("PATCH", path, named)).body["client_authentication_methods"] == keys({"id": made["id"]})
    assert (await office.ask("POST", f"{path}/rotate-secret")).error == (400, "operation_not_supported")
    moved = {"client_authentication_methods": keys({"id": spare["id"]})}
    assert (await office.ask("PATCH", path, moved)).body["client_authentication_methods"] == keys({"id": spare["id"]})
    assert {each["id"] for each in (await office.ask("GET", f"{path}/credentials")).body} == {made["id"], spare["id"]}


async def test_a_credential_ends_at_another_time(office: Office) -> None:
    client = await office.client()
    made = await registered(office, client)
    path = f"clients/{client['client_id']}/credentials/{made['id']}"
    later = (await office.ask("PATCH", path, {"expires_at": "2098-01-01T00:00:00+01:00"})).body
    assert later["expires_at"] == "2097-12-31T23:00:00.000Z"
    assert later["updated_at"] >= made["updated_at"]
    assert (await office.ask("GET", path)).body == later
    never = await office.ask("PATCH", path, {"expires_at": None})
    assert "expires_at" not in never.body
    assert (await office.ask("PATCH", path, {})).body == never.body
    for body in ({"name": "x"}, {"expires_at": "tomorrow"}, {"expires_at": 1}, {"kid": "x"}):
        assert (await office.ask("PATCH", path, body)).error == (400, "invalid_body"), body


async def test_a_credential_is_deleted_unless_it_is_the_only_one_that_counts(office: Office) -> None:
    client = await office.client()
    made = await registered(office, client)
    path = f"clients/{client['client_id']}"
    named = {"client_authentication_methods": keys({"id": made["id"]})}
    assert (await office.ask("PATCH", path, named)).status == 200
    one = f"{path}/credentials/{made['id']}"
    assert (await office.ask("DELETE", one)).error == (400, "operation_not_supported")
    assert (await office.ask("PATCH", path, {"client_authentication_methods": None})).status == 200
    assert (await office.ask("DELETE", one)).status == 204
    assert (await office.ask("DELETE", one)).status == 204
    assert (await office.ask("GET", one)).error == (404, "inexistent_credential")
    assert (await office.ask("PATCH", one, {"expires_at": None})).error == (404, "inexistent_credential")


async def test_a_certificate_may_say_when_its_credential_ends(office: Office) -> None:
    client = await office.client()
    made = await registered(office, client, pem=certificate(), parse_expiry_from_cert=True)
    assert made["expires_at"] == "2090-01-02T03:04:05.000Z"
    said = await registered(
        office, await office.client(), pem=certificate(), parse_expiry_from_cert=True, expires_at="2080-01-01T00:00:00Z"
    )
    assert said["expires_at"] == "2080-01-01T00:00:00.000Z"
    bare = await registered(office, await office.client(), parse_expiry_from_cert=True)
    assert "expires_at" not in bare
    path = f"clients/{client['client_id']}/credentials"
    ended = credential(pem=certificate(datetime(2020, 1, 1, tzinfo=UTC)), parse_expiry_from_cert=True)
    assert (await office.ask("POST", path, ended)).error == (400, "invalid_body")


async def test_what_is_no_credential_is_refused(office: Office) -> None:
    client = await office.client()
    path = f"clients/{client['client_id']}/credentials"
    same = await registered(office, client, pem=(pem := ec_pem()))
    for body, code in (
        (credential(pem=pem), "credential_conflict"),
        (credential(kid=same["kid"]), "credential_conflict"),
        ({"credential_type": "public_key"}, "invalid_body"),
        ({"pem": ec_pem()}, "invalid_body"),
        (credential(pem="nothing"), "invalid_body"),
        (credential(id="cred_1"), "invalid_body"),
        (credential(expires_at="2001-01-01T00:00:00Z"), "invalid_body"),
        (credential(credential_type="x509_cert"), "operation_not_supported"),
        (credential(credential_type="cert_subject_dn", pem=None, subject_dn="CN=x"), "operation_not_supported"),
    ):
        assert (await office.ask("POST", path, body)).error == (400, code), body
    await registered(office, client)
    third = await office.ask("POST", path, credential())
    assert third.error == (400, "too_many_credentials")
    assert third.body["message"] == "A client can have a maximum of 2 credentials"


@pytest.mark.security("AD-01")
async def test_credentials_of_others_are_not_there(office: Office) -> None:
    client = await office.client()
    made = await registered(office, client)
    for tenant, owner in (("acme", "nobody"), ("other", client["client_id"])):
        path = f"clients/{owner}/credentials"
        for method, where, body in (
            ("GET", path, None),
            ("POST", path, credential()),
            ("GET", f"{path}/{made['id']}", None),
            ("PATCH", f"{path}/{made['id']}", {"expires_at": None}),
        ):
            assert (await office.ask(method, where, body, tenant=tenant)).error == (404, "inexistent_client"), where
        assert (await office.ask("DELETE", f"{path}/{made['id']}", tenant=tenant)).status == 204
    assert len((await office.ask("GET", f"clients/{client['client_id']}/credentials")).body) == 1
    another = await office.client()
    stranger = f"clients/{another['client_id']}/credentials/{made['id']}"
    assert (await office.ask("GET", stranger)).error == (404, "inexistent_credential")
    named = {"client_authentication_methods": keys({"id": made["id"]})}
    answer = await office.ask("PATCH", f"clients/{another['client_id']}", named)
    assert answer.error == (400, "inexistent_credential")


async def test_each_operation_on_credentials_has_its_scope(office: Office) -> None:
    client = await office.client()
    made = await registered(office, client)
    path = f"clients/{client['client_id']}/credentials"
    for method, where, verb, body in (
        ("GET", path, "read", None),
        ("POST", path, "create", credential()),
        ("GET", f"{path}/{made['id']}", "read", None),
        ("PATCH", f"{path}/{made['id']}", "update", {"expires_at": None}),
        ("DELETE", f"{path}/{made['id']}", "delete", None),
    ):
        others = " ".join(f"{each}:clients" for each in ("read", "create", "update", "delete"))
        assert (await office.ask(method, where, body, scope=others)).error == (403, "insufficient_scope")
        assert (await office.ask(method, where, body, scope=f"{verb}:client_credentials")).status < 300
