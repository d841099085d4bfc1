import asyncio
from itertools import product
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from libs.sealed import hash_of_secret
from tests.services.token.office import Office, credential, keys, pem_of

UNSAFE_HOSTS = (
    "http://127.0.0.1:8080/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://0.0.0.0/",
    "https://169.254.169.254/latest/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://2130706433/",
    "https://127.1/",
    "https://localhost/",
    "https://10.0.0.1/",
    "http://app.example/",
    "file:///etc/passwd",
    "gopher://app.example/",
    "ftp://app.example/",
    "data:text/html,x",
)


async def test_a_fresh_client_has_auth0s_defaults(office: Office) -> None:
    client = await office.client(name="Mine")
    assert len(client["client_id"]) == 32
    assert client["client_id"].isalnum()
    assert len(client["client_secret"]) == 64
    assert client["client_secret"].isalnum()
    expected = {
        "name": "Mine",
        "tenant": "acme",
        "global": False,
        "callbacks": [],
        "is_first_party": True,
        "oidc_conformant": False,
        "is_token_endpoint_ip_header_trusted": False,
        "sso_disabled": False,
        "cross_origin_authentication": False,
        "custom_login_page_on": True,
        "jwt_configuration": {"secret_encoded": False, "lifetime_in_seconds": 36000},
        "grant_types": ["authorization_code", "implicit", "refresh_token", "client_credentials"],
    }
    assert {name: client[name] for name in expected} == expected
    assert client["refresh_token"]["rotation_type"] == "non-rotating"
    assert "token_endpoint_auth_method" not in client


TYPES: Final[list[tuple[dict[str, Any], list[str], bool]]] = [
    ({"app_type": "non_interactive"}, ["client_credentials"], True),
    ({"app_type": "regular_web"}, ["authorization_code", "implicit", "refresh_token", "client_credentials"], True),
    ({"app_type": "spa"}, ["authorization_code", "implicit", "refresh_token"], False),
    ({"app_type": "native"}, ["authorization_code", "implicit", "refresh_token"], False),
    ({"token_endpoint_auth_method": "none"}, ["authorization_code", "implicit", "refresh_token"], False),
]


async def test_what_a_client_may_do_follows_from_its_type(office: Office) -> None:
    for given, grant_types, has_secret in TYPES:
        client = await office.client(**given)
        assert client["grant_types"] == grant_types
        assert ("client_secret" in client) is has_secret


async def test_id_tokens_are_signed_as_the_tenant_allows(office: Office) -> None:
    signed = {"jwt_configuration": {"alg": "PS256"}}
    client = await office.client(jwt_configuration={"alg": "RS256"})
    path = f"clients/{client['client_id']}"
    for refused in (
        await office.ask("POST", "clients", {"name": "x", **signed}),
        await office.ask("PATCH", path, signed),
    ):
        assert refused.error == (400, "invalid_body")
        assert "the tenant allows RS256" in refused.body["message"]
    await office.allow_algorithms("RS256", "PS256")
    assert (await office.ask("PATCH", path, signed)).body["jwt_configuration"]["alg"] == "PS256"


async def test_an_application_is_the_own_one_of_an_api_that_is_there(office: Office) -> None:
    api = (await office.ask("POST", "resource-servers", {"identifier": "https://api.example/", "name": "API"})).body
    for unknown in ("https://elsewhere.example/", api["id"]):
        refused = await office.ask("POST", "clients", {"name": "x", "resource_server_identifier": unknown})
        assert refused.error == (400, "invalid_body")
        assert unknown in refused.body["message"]
    own = {"name": "x", "app_type": "resource_server", "resource_server_identifier": api["identifier"]}
    assert (await office.ask("POST", "clients", own)).body["resource_server_identifier"] == api["identifier"]


@pytest.mark.security("TE-09")
async def test_what_is_public_cannot_be_let_ask_in_its_own_name(office: Office) -> None:
    machines = {"grant_types": ["refresh_token", "client_credentials"]}
    public: dict[str, Any] = {"token_endpoint_auth_method": "none"}
    for new in (public, {"app_type": "spa"}, {"app_type": "native"}):
        refused = await office.ask("POST", "clients", {"name": "x", **new, **machines})
        assert refused.error == (400, "invalid_body")
        assert refused.body["message"] == "Invalid grant types: client_credentials"
    client = await office.client(**public)
    path = f"clients/{client['client_id']}"
    assert (await office.ask("PATCH", path, machines)).error == (400, "invalid_body")
    assert (await office.ask("GET", path)).body["grant_types"] == client["grant_types"]
    # What stops being public with the same body may be let ask.
    confidential = await office.ask("PATCH", path, {**machines, "token_endpoint_auth_method": "client_secret_post"})
    assert confidential.body["grant_types"] == machines["grant_types"]
    assert (await office.ask("PATCH", path, {**machines, **public})).error == (400, "invalid_body")


@pytest.mark.security("AD-10")
async def test_a_secret_is_shown_once_and_kept_nowhere(office: Office) -> None:
    client = await office.client()
    secret = client["client_secret"]
    assert await office.secrets(client["client_id"]) == [hash_of_secret(secret)]
    for answer in (
        await office.ask("GET", f"clients/{client['client_id']}"),
        await office.ask("GET", "clients"),
        await office.ask("PATCH", f"clients/{client['client_id']}", {"name": "Other"}),
    ):
        assert "client_secret" not in str(answer.body)
    facts = "".join(row["data"] + row["meta"] for row in await office.facts())
    assert secret not in facts
    assert hash_of_secret(secret).hex() not in facts


async def test_what_is_known_is_kept_and_given_back(office: Office) -> None:
    properties = {
        "description": "<b>bold</b> & plain",
        "app_type": "native",
        "callbacks": ["https://app.example/cb?tenant=1", "com.example.app://callback/path", "http://localhost:3000/cb"],
        "web_origins": ["https://app.example"],
        "initiate_login_uri": "https://app.example/login",
        "oidc_logout": {"backchannel_logout_urls": ["https://app.example/out"]},
        "client_metadata": {"team": "blue"},
        "addons": {"samlp": {"mappings": {"email": ["a", "b"]}, "recipient": "https://sp.example/acs"}},
        "mobile": {"android": {"app_package_name": "com.example"}},
        "organization_usage": "deny",
    }
    client = await office.client(name="<script>alert(1)</script>", **properties)
    read = (await office.ask("GET", f"clients/{client['client_id']}")).body
    assert {name: read[name] for name in properties} == properties
    assert read["name"] == "<script>alert(1)</script>"


IMPOSSIBLE: Final[list[Any]] = [
    {},
    {"name": ""},
    {"name": "a" * 257},
    {"name": "line\nend"},
    {"name": "\x1b[31m"},
    {"name": None},
    {"name": 7},
    {"name": "x", "unheard_of": 1},
    {"name": "x", "client_id": "mine"},
    {"name": "x", "client_secret": "weak"},
    {"name": "x", "app_type": "toaster"},
    {"name": "x", "grant_types": ["telepathy"]},
    {"name": "x", "token_endpoint_auth_method": "private_key_jwt"},
    {"name": "x", "client_metadata": {str(each): "x" for each in range(11)}},
    {"name": "x", "client_metadata": {"a": {}}},
    {"name": "x", "jwt_configuration": {"alg": "HS256"}},
    {"name": "x", "refresh_token": {"leeway": 61}},
    {"name": "x", "addons": {"firebase": {"private_key": "secret"}}},
    [],
]


async def test_a_body_that_says_nothing_possible_is_refused_in_auth0s_words(office: Office) -> None:
    for body in IMPOSSIBLE:
        answer = await office.ask("POST", "clients", body)
        assert answer.error == (400, "invalid_body"), body
        assert answer.body["message"].startswith("Payload validation error: '")
    assert await office.facts() == []


AMBIGUOUS: Final = [
    b'{"name": "a\\u0000b"}',
    b'{"name": "\\ud800"}',
    b'{"name": "a", "name": "b"}',
    b'{"name": 1e400}',
    b"\xef\xbb\xbf{}",
    '{"name": "a"}'.encode("utf-16"),
    b'{"name": ' + b"[" * 100_000,
    b'{"name": NaN}',
    b'{"name": "a"',
    b'{"name": "x", "addons": {"samlp": {"mappings": {"a": ' + b"9" * 400 + b"}}}}",
]


@pytest.mark.security("DS-08")
async def test_json_that_readers_would_read_differently_is_refused(office: Office) -> None:
    for raw in AMBIGUOUS:
        answer = await office.ask("POST", "clients", raw=raw)
        assert answer.error == (400, "invalid_body"), raw[:80]


BETRAYING: Final = [
    "javascript:alert(1)",
    "JavaScript://app.example/%0aalert(1)",
    "DATA:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://app.example/x",
    "http://app.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "https://*.app.example/cb",
    "https://app.example/cb#fragment",
    "https://app.example/cb?code=x",
    "https://user@app.example/cb",
    "https://app.example\\@evil.example/cb",
    "//app.example/cb",
    "/cb",
    "",
    "https://app.example/\tcb",
]


@pytest.mark.security("RU-04")
@pytest.mark.security("RU-05")
@pytest.mark.security("RU-06")
@pytest.mark.security("RU-09")
@pytest.mark.security("RU-10")
async def test_a_url_that_could_betray_its_user_is_never_registered(office: Office) -> None:
    for name, url in product(("callbacks", "allowed_logout_urls"), BETRAYING):
        answer = await office.ask("POST", "clients", {"name": "x", name: [url]})
        assert answer.error == (400, "invalid_body"), url


@pytest.mark.security("SF-01")
@pytest.mark.security("RU-05")
async def test_a_url_that_is_fetched_leads_outside(office: Office) -> None:
    for url in UNSAFE_HOSTS:
        for field in (
            {"logo_uri": url},
            {"initiate_login_uri": url},
            {"oidc_logout": {"backchannel_logout_urls": [url]}},
            {"oidc_backchannel_logout": {"backchannel_logout_urls": [url]}},
            {"addons": {"rms": {"url": url}}},
        ):
            assert (await office.ask("POST", "clients", {"name": "x", **field})).error == (400, "invalid_body"), url


PROMISES: Final[list[dict[str, Any]]] = [
    {"require_proof_of_possession": True},
    {"require_pushed_authorization_requests": True},
    {"redirection_policy": "open_redirect_protection"},
    {"compliance_level": "fapi2_sp_mtls_mtls"},
    {"default_organization": {"organization_id": "org_1", "flows": ["client_credentials"]}},
    {"organization_usage": "require"},
    {"token_quota": {"client_credentials": {"enforce": True, "per_day": 1}}},
    {"client_authentication_methods": {"tls_client_auth": {"credentials": [{"id": "cred_1"}]}}},
]


async def test_a_protection_that_does_not_exist_is_not_promised(office: Office) -> None:
    for promise in PROMISES:
        answer = await office.ask("POST", "clients", {"name": "x", **promise})
        assert answer.error == (400, "operation_not_supported"), promise


async def test_a_change_changes_what_it_names(office: Office) -> None:
    client = await office.client(description="one", client_metadata={"a": "1", "b": "2"})
    path = f"clients/{client['client_id']}"
    await office.allow_algorithms("RS256", "PS256")
    answer = await office.ask(
        "PATCH",
        path,
        {
            "name": "New",
            "description": None,
            "client_metadata": {"a": None, "c": "3"},
            "is_first_party": None,
            "jwt_configuration": {"alg": "PS256"},
        },
    )
    assert answer.status == 200
    assert answer.body["name"] == "New"
    assert "description" not in answer.body
    assert answer.body["client_metadata"] == {"b": "2", "c": "3"}
    assert answer.body["is_first_party"] is True
    assert answer.body["jwt_configuration"] == {"secret_encoded": False, "lifetime_in_seconds": 36000, "alg": "PS256"}
    assert answer.body == (await office.ask("GET", path)).body


async def test_a_change_that_changes_nothing_is_answered_and_leaves_no_fact(office: Office) -> None:
    client = await office.client()
    before = len(await office.facts())
    for body in ({}, {"name": client["name"]}):
        assert (await office.ask("PATCH", f"clients/{client['client_id']}", body)).status == 200
    assert len(await office.facts()) == before


async def test_metadata_stays_bounded_through_changes(office: Office) -> None:
    client = await office.client(client_metadata={str(each): "x" for each in range(10)})
    answer = await office.ask("PATCH", f"clients/{client['client_id']}", {"client_metadata": {"more": "x"}})
    assert answer.error == (400, "invalid_body")


async def test_what_does_not_fit_an_event_is_refused_before_it_is_written(office: Office) -> None:
    pages = dict.fromkeys(("custom_login_page", "custom_login_page_preview", "form_template"), "é" * 16_000)
    answer = await office.ask("POST", "clients", {"name": "x", **pages})
    assert answer.error == (413, "payload_too_large")
    assert await office.facts() == []


async def test_a_deleted_client_is_gone_and_deleting_again_is_quiet(office: Office) -> None:
    client = await office.client()
    path = f"clients/{client['client_id']}"
    for _ in range(2):
        answer = await office.ask("DELETE", path)
        assert (answer.status, answer.body) == (204, None)
    assert (await office.ask("DELETE", "clients/nobody")).status == 204
    assert (await office.ask("GET", path)).error == (404, "inexistent_client")
    assert (await office.ask("PATCH", path, {"name": "x"})).error == (404, "inexistent_client")
    assert (await office.ask("POST", f"{path}/rotate-secret")).error == (404, "inexistent_client")
    assert await office.secrets(client["client_id"]) == []


async def test_those_registered_at_the_same_time_have_each_its_own_secret_and_keys(office: Office) -> None:
    wanted: list[dict[str, Any]] = [{"name": f"machine {n}", "app_type": "non_interactive"} for n in range(12)]
    wanted += [{"name": f"page {n}", "app_type": "spa"} for n in range(6)]
    wanted += [{"name": f"keyed {n}", "client_authentication_methods": keys(credential())} for n in range(6)]
    made = [each.body for each in await asyncio.gather(*(office.ask("POST", "clients", body) for body in wanted))]
    assert [each["name"] for each in made] == [each["name"] for each in wanted]
    for each in made:
        kept = [hash_of_secret(each["client_secret"])] if each["name"].startswith("machine") else []
        assert await office.secrets(each["client_id"]) == kept
        shown = (await office.ask("GET", f"clients/{each['client_id']}")).body
        assert shown == {name: value for name, value in each.items() if name != "client_secret"}
        assert ("client_authentication_methods" in shown) is each["name"].startswith("keyed")


async def test_a_rotated_secret_ends_the_old_one_at_once(office: Office) -> None:
    client = await office.client()
    answer = await office.ask("POST", f"clients/{client['client_id']}/rotate-secret")
    assert answer.status == 200
    assert answer.body["client_secret"] != client["client_secret"]
    assert await office.secrets(client["client_id"]) == [hash_of_secret(answer.body["client_secret"])]


@pytest.mark.security("TE-12")
async def test_a_rotation_may_leave_the_old_secret_some_time_and_only_that_one(office: Office) -> None:
    client = await office.client()
    path = f"clients/{client['client_id']}/rotate-secret"
    second = (await office.ask("POST", path, {"previous_secret_lifetime": 60})).body["client_secret"]
    assert await office.secrets(client["client_id"]) == [
        hash_of_secret(client["client_secret"]),
        hash_of_secret(second),
    ]
    third = (await office.ask("POST", path, {"previous_secret_lifetime": 60})).body["client_secret"]
    assert await office.secrets(client["client_id"]) == [hash_of_secret(second), hash_of_secret(third)]
    fourth = (await office.ask("POST", path, {"previous_secret_lifetime": 0})).body["client_secret"]
    assert await office.secrets(client["client_id"]) == [hash_of_secret(fourth)]


async def test_a_rotation_refuses_a_lifetime_that_is_none(office: Office) -> None:
    client = await office.client()
    path = f"clients/{client['client_id']}/rotate-secret"
    lifetimes: list[Any] = [-1, 2_592_001, 1.5, "60", True, {}]
    for lifetime in lifetimes:
        assert (await office.ask("POST", path, {"previous_secret_lifetime": lifetime})).error == (400, "invalid_body")
    assert await office.secrets(client["client_id"]) == [hash_of_secret(client["client_secret"])]


async def test_a_rotation_may_say_again_whose_secret_it_is(office: Office) -> None:
    client, another = await office.client(), await office.client()
    path = f"clients/{client['client_id']}/rotate-secret"
    assert (await office.ask("POST", path, {"id": another["client_id"]})).error == (400, "invalid_body")
    assert await office.secrets(client["client_id"]) == [hash_of_secret(client["client_secret"])]
    rotated = (await office.ask("POST", path, {"id": client["client_id"]})).body["client_secret"]
    assert await office.secrets(client["client_id"]) == [hash_of_secret(rotated)]


async def test_a_client_with_a_key_has_no_secret(office: Office) -> None:
    client = await office.client(client_authentication_methods=keys(credential()))
    assert "client_secret" not in client
    listed = client["client_authentication_methods"]["private_key_jwt"]["credentials"]
    assert [set(each) for each in listed] == [{"id"}]
    assert listed[0]["id"].startswith("cred_")
    path = f"clients/{client['client_id']}"
    read = (await office.ask("GET", path)).body
    assert read["client_authentication_methods"] == client["client_authentication_methods"]
    assert (await office.ask("POST", f"{path}/rotate-secret")).error == (400, "operation_not_supported")


async def test_keys_are_added_kept_and_chosen_by_a_change(office: Office) -> None:
    client = await office.client(client_authentication_methods=keys(credential()))
    path = f"clients/{client['client_id']}"
    first = client["client_authentication_methods"]["private_key_jwt"]["credentials"][0]

    both = await office.ask("PATCH", path, {"client_authentication_methods": keys(first, credential())})
    listed = both.body["client_authentication_methods"]["private_key_jwt"]["credentials"]
    assert listed[0] == first
    assert len(listed) == 2

    one = await office.ask("PATCH", path, {"client_authentication_methods": keys(listed[1])})
    assert one.body["client_authentication_methods"] == keys(listed[1])

    none = await office.ask("PATCH", path, {"client_authentication_methods": None})
    assert "client_authentication_methods" not in none.body
    rotated = await office.ask("POST", f"{path}/rotate-secret")
    assert await office.secrets(client["client_id"]) == [hash_of_secret(rotated.body["client_secret"])]


async def test_a_list_of_keys_says_what_it_means(office: Office) -> None:
    client = await office.client()
    path = f"clients/{client['client_id']}"
    same = credential()
    for wanted, code in (
        (keys(), "invalid_body"),
        (keys({"id": "cred_unknown"}), "inexistent_credential"),
        (keys(credential(), credential(), credential()), "too_many_credentials"),
        (keys(same, same), "credential_conflict"),
        (keys(same, {**same, "kid": "another-name"}), "credential_conflict"),
        (keys(credential(kid="same"), credential(kid="same")), "credential_conflict"),
        (keys({"pem": same["pem"]}), "invalid_body"),
        (keys({"credential_type": "public_key"}), "invalid_body"),
    ):
        answer = await office.ask("PATCH", path, {"client_authentication_methods": wanted})
        assert answer.error == (400, code), wanted
    new = {"name": "x", "client_authentication_methods": keys({"id": "cred_1"})}
    assert (await office.ask("POST", "clients", new)).error == (400, "invalid_body")


@pytest.mark.security("TE-06")
async def test_a_client_has_one_way_to_authenticate(office: Office) -> None:
    both = {"token_endpoint_auth_method": "client_secret_post", "client_authentication_methods": keys(credential())}
    assert (await office.ask("POST", "clients", {"name": "x", **both})).error == (400, "invalid_body")
    client = await office.client(token_endpoint_auth_method="client_secret_post")
    path = f"clients/{client['client_id']}"
    only_keys = {"client_authentication_methods": keys(credential())}
    assert (await office.ask("PATCH", path, only_keys)).error == (400, "invalid_body")
    assert (await office.ask("PATCH", path, {**only_keys, "token_endpoint_auth_method": None})).status == 200
    assert (await office.ask("PATCH", path, {"token_endpoint_auth_method": "none"})).error == (400, "invalid_body")


@pytest.mark.security("TE-06")
async def test_what_becomes_public_has_no_secret_that_could_come_back(office: Office) -> None:
    client = await office.client(app_type="regular_web")
    path = f"clients/{client['client_id']}"
    public = await office.ask("PATCH", path, {"token_endpoint_auth_method": "none"})
    assert "client_credentials" not in public.body["grant_types"]
    assert await office.secrets(client["client_id"]) == []
    assert (await office.ask("POST", f"{path}/rotate-secret")).error == (400, "operation_not_supported")
    assert (await office.ask("PATCH", path, {"token_endpoint_auth_method": "client_secret_post"})).status == 200
    assert await office.secrets(client["client_id"]) == []
    rotated = await office.ask("POST", f"{path}/rotate-secret")
    assert await office.secrets(client["client_id"]) == [hash_of_secret(rotated.body["client_secret"])]


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


WEAK: Final = [
    (pem_of(rsa.generate_private_key(65537, 1024)), "RS256"),
    (pem_of(rsa.generate_private_key(3, 2048)), "RS256"),
    (pem_of(ec.generate_private_key(ec.SECP192R1())), "ES256"),
    (pem_of(ec.generate_private_key(ec.SECP384R1())), "ES256"),
    (_private(ec.generate_private_key(ec.SECP256R1())), "ES256"),
    (pem_of(ec.generate_private_key(ec.SECP256R1())), "RS256"),
    ("not a key", "ES256"),
    ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "ES256"),
    ("é", "ES256"),
    ("x" * 16_385, "ES256"),
]


@pytest.mark.security("JO-12")
async def test_a_key_that_is_weak_or_none_is_refused(office: Office) -> None:
    for pem, alg in WEAK:
        body = {"name": "x", "client_authentication_methods": keys(credential(pem=pem, alg=alg))}
        assert (await office.ask("POST", "clients", body)).error == (400, "invalid_body"), pem[:80]
    for alg in ("HS256", "none", "RS512", "EdDSA", ""):
        body = {"name": "x", "client_authentication_methods": keys(credential(alg=alg))}
        assert (await office.ask("POST", "clients", body)).error == (400, "invalid_body"), alg
    assert await office.facts() == []


NO_TIMES: Final = [
    "2001-01-01T00:00:00Z",
    "2099-01-01T00:00:00",
    "2099-01-01",
    "2099-W01-1T00:00:00Z",
    "2099-02-30T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "tomorrow at noon",
    "",
]


async def test_a_key_ends_at_a_time_to_come(office: Office) -> None:
    for expires_at in NO_TIMES:
        body = {"name": "x", "client_authentication_methods": keys(credential(expires_at=expires_at))}
        assert (await office.ask("POST", "clients", body)).error == (400, "invalid_body"), expires_at
    for end in ("2099-01-01T00:00:00Z", "2099-01-01T00:00:00.123+02:00", None):
        await office.client(client_authentication_methods=keys(credential(expires_at=end)))


async def test_every_fact_names_who_did_it(office: Office) -> None:
    await office.client()
    metas = [row["meta"] for row in await office.facts()]
    assert len(metas) == 2
    assert all('"client_id": "operator"' in each and '"request_id": "req-' in each for each in metas)
