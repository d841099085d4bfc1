from typing import Any, Final

from libs.eventstore import Context
from services.token.commands import RegisterResourceServer
from services.token.reactions import management_api_id
from tests.services.token.office import Office, named


async def test_a_fresh_api_has_auth0s_defaults(office: Office) -> None:
    answer = await office.ask("POST", "resource-servers", {"identifier": "https://api.example/"})
    assert answer.status == 201
    assert len(answer.body["id"]) == 24
    int(answer.body["id"], 16)
    assert {name: value for name, value in answer.body.items() if name != "id"} == {
        "identifier": "https://api.example/",
        "allow_offline_access": False,
        "skip_consent_for_verifiable_first_party_clients": False,
        "subject_type_authorization": {
            "user": {"policy": "allow_all"},
            "client": {"policy": "require_client_grant"},
        },
        "token_lifetime": 86400,
        "token_lifetime_for_web": 7200,
        "signing_alg": "RS256",
    }


IDENTIFIERS: Final = (
    *("https://api.example/", "urn:my api", "ünïcode-ÄPI/ü", "a" * 600, "%2f..%00", "'; DROP TABLE clients; --"),
    "<img src=x>",
)


async def test_an_api_is_found_by_id_and_by_its_identifier(office: Office) -> None:
    for identifier in IDENTIFIERS:
        api = await office.api(identifier)
        for name in (api["id"], named(identifier)):
            read = await office.ask("GET", f"resource-servers/{name}")
            assert (read.status, read.body) == (200, api)
        path = f"resource-servers/{named(identifier)}"
        assert (await office.ask("PATCH", path, {"name": "n"})).body["name"] == "n"
        assert (await office.ask("DELETE", path)).status == 204
        assert (await office.ask("GET", f"resource-servers/{api['id']}")).error == (404, "inexistent_resource_server")


async def test_an_identifier_that_looks_like_an_id_never_hides_the_api_of_that_id(office: Office) -> None:
    victim = await office.api("https://victim.example/")
    await office.api(victim["id"])
    assert (await office.ask("GET", f"resource-servers/{victim['id']}")).body["identifier"] == "https://victim.example/"


async def test_an_identifier_is_an_apis_alone_and_never_changes(office: Office) -> None:
    api = await office.api("https://api.example/")
    again = await office.ask("POST", "resource-servers", {"identifier": "https://api.example/"})
    assert again.error == (409, "resource_server_conflict")
    moved = await office.ask("PATCH", f"resource-servers/{api['id']}", {"identifier": "https://moved.example/"})
    assert moved.error == (400, "invalid_body")
    assert (
        await office.ask("POST", "resource-servers", {"identifier": "https://api.example/"}, tenant="other")
    ).status == 201
    await office.ask("DELETE", f"resource-servers/{api['id']}")
    assert (await office.api("https://api.example/"))["id"] != api["id"]


IMPOSSIBLE: Final[list[dict[str, Any]]] = [
    {"identifier": ""},
    {"identifier": "a" * 601},
    {"identifier": "line\nend"},
    {"identifier": "bell\x07"},
    {"identifier": None},
    {"name": "n" * 201},
    {"name": "line\nend"},
    {"scopes": [{"value": "read"}, {"value": "read", "description": "again"}]},
    {"scopes": [{"value": "two words"}]},
    {"scopes": [{"value": 'quo"te'}]},
    {"scopes": [{"value": ""}]},
    {"scopes": [{"value": "s" * 281}]},
    {"scopes": [{"description": "no value"}]},
    {"scopes": ["read"]},
    {"token_lifetime": 0},
    {"token_lifetime": 2_592_001},
    {"token_lifetime": 1.5},
    {"token_lifetime": True},
    {"token_dialect": "klingon"},
    {"subject_type_authorization": {"client": {"policy": "allow_all"}}},
    {"signing_secret": "shared with the API"},
    {"is_system": True},
    {"id": "a" * 24},
]


async def test_a_body_that_says_nothing_possible_is_refused_in_auth0s_words(office: Office) -> None:
    for body in IMPOSSIBLE:
        answer = await office.ask("POST", "resource-servers", {"identifier": "https://api.example/", **body})
        assert answer.error == (400, "invalid_body"), body
        assert answer.body["message"].startswith("Payload validation error: '")
    assert await office.facts() == []


async def test_a_protection_that_does_not_exist_is_not_promised(office: Office) -> None:
    promises: list[dict[str, Any]] = [
        {"proof_of_possession": {"mechanism": "dpop", "required": True}},
        {"token_encryption": {"format": "compact-nested-jwe"}},
        {"consent_policy": "transactional-authorization-with-mfa"},
        {"authorization_policy": {"policy_id": "p"}},
        {"subject_type_authorization": {"client": {"policy": "deny_all"}}},
    ]
    for promise in promises:
        answer = await office.ask("POST", "resource-servers", {"identifier": "https://api.example/", **promise})
        assert answer.error == (400, "operation_not_supported"), promise


async def test_an_algorithm_is_one_the_tenant_allows(office: Office) -> None:
    for alg in ("HS256", "RS512", "none", "ES256", "PS256"):
        body = {"identifier": "https://api.example/", "signing_alg": alg}
        answer = await office.ask("POST", "resource-servers", body)
        assert answer.error == (400, "invalid_body"), alg
        assert "the tenant allows RS256" in answer.body["message"]
    api = await office.api()
    assert (await office.ask("PATCH", f"resource-servers/{api['id']}", {"signing_alg": "HS256"})).status == 400
    await office.allow_algorithms("RS256", "ES256")
    assert (await office.api(signing_alg="ES256"))["signing_alg"] == "ES256"
    changed = await office.ask("PATCH", f"resource-servers/{api['id']}", {"signing_alg": "ES256"})
    assert changed.body["signing_alg"] == "ES256"


async def test_a_change_changes_what_it_names(office: Office) -> None:
    api = await office.api(name="One", token_lifetime=60)
    assert api["token_lifetime_for_web"] == 60
    body = {"name": None, "token_lifetime": None, "scopes": [{"value": "write"}], "token_dialect": "rfc9068_profile"}
    answer = await office.ask("PATCH", f"resource-servers/{api['id']}", body)
    assert answer.status == 200
    assert "name" not in answer.body
    assert answer.body["token_lifetime"] == 86400
    assert answer.body["scopes"] == [{"value": "write"}]
    assert answer.body == (await office.ask("GET", f"resource-servers/{api['id']}")).body
    before = len(await office.facts())
    for nothing in ({}, {"token_dialect": "rfc9068_profile"}):
        assert (await office.ask("PATCH", f"resource-servers/{api['id']}", nothing)).status == 200
    assert len(await office.facts()) == before
    missing = await office.ask("PATCH", "resource-servers/nothing", {"name": "x"})
    assert missing.error == (404, "inexistent_resource_server")


async def test_deleting_is_quiet_where_there_is_nothing(office: Office) -> None:
    api = await office.api()
    for _ in range(2):
        answer = await office.ask("DELETE", f"resource-servers/{api['id']}")
        assert (answer.status, answer.body) == (204, None)
    assert (await office.ask("DELETE", "resource-servers/nothing")).status == 204


async def test_the_management_api_is_limens_own(office: Office) -> None:
    identifier = "https://acme.example/api/v2/"
    system = RegisterResourceServer("acme", management_api_id("acme"), identifier, {"name": "It"}, is_system=True)
    await office.desk.store.execute(system, Context())
    path = f"resource-servers/{named(identifier)}"
    read = await office.ask("GET", path)
    assert read.body["is_system"] is True
    for method, body in (("DELETE", None), ("PATCH", {"name": "Mine"}), ("PATCH", {"scopes": []})):
        assert (await office.ask(method, path, body)).error == (400, "operation_not_supported")
    assert (await office.ask("PATCH", path, {"token_lifetime": 600})).body["token_lifetime"] == 600


async def test_many_scopes_are_kept_in_their_order(office: Office) -> None:
    scopes = [{"value": f"do:thing-{each}"} for each in range(1000, 0, -1)]
    api = await office.api(scopes=scopes)
    assert (await office.ask("GET", f"resource-servers/{api['id']}")).body["scopes"] == scopes
    wordy = [{"value": f"do:thing-{each}", "description": "d" * 500} for each in range(1000)]
    too_large = await office.ask("POST", "resource-servers", {"identifier": "x", "scopes": wordy})
    assert too_large.error == (413, "payload_too_large")


async def test_apis_are_listed_by_their_identifiers(office: Office) -> None:
    names = [f"https://{each}.example/" for each in "abc"]
    for name in names:
        await office.api(name)
    query = f"identifiers={named(names[0])}&identifiers={named(names[2])}&identifiers=nothing"
    found = await office.ask("GET", "resource-servers", query=query)
    assert {each["identifier"] for each in found.body} == {names[0], names[2]}
    few = await office.ask("GET", "resource-servers", query="fields=id,name&include_fields=false")
    assert all("id" not in each and "identifier" in each for each in few.body)
