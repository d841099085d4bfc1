"""What differs, in which order it is changed, and how it is shown; for any file, once applied there is no change."""

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.cli.configuration import document, showing, steps, wanted
from services.cli.configuration.difference import Change, Create, Delete, Update, changes
from services.cli.configuration.filed import filed
from services.cli.configuration.sections import SECTIONS
from services.cli.errors import Refused
from tests.services.cli.configuration.drawn import files
from tests.services.cli.configuration.tenancy import OWN, Tenancy

UNHURRIED = settings(deadline=None)


def difference(file: dict[str, Any], tenancy: Tenancy, *, deletes: bool = False) -> list[Change]:
    return changes(wanted.configuration(file)[0], tenancy.present(), deletes=deletes)


def applied(file: dict[str, Any], tenancy: Tenancy, *, deletes: bool = False) -> list[Change]:
    found = difference(file, tenancy, deletes=deletes)
    assert list(showing.lines(found)) or not found
    for step in steps.ordered(found):
        tenancy.make(step)
    return found


@UNHURRIED
@given(files(), files(), st.booleans())
def test_once_applied_there_is_no_change(before: dict[str, Any], after: dict[str, Any], deletes: bool) -> None:  # noqa: FBT001
    tenancy = Tenancy()
    applied(before, tenancy)
    applied(after, tenancy, deletes=deletes)
    assert difference(after, tenancy, deletes=deletes) == []


@UNHURRIED
@given(files())
def test_an_export_applied_is_no_change(file: dict[str, Any]) -> None:
    tenancy = Tenancy()
    applied(file, tenancy)
    exported = document.read(document.written(filed(tenancy.present())))
    assert difference(exported, tenancy, deletes=True) == []


@UNHURRIED
@given(files(), files())
def test_an_export_applied_to_another_tenant_makes_it_the_same(here: dict[str, Any], there: dict[str, Any]) -> None:
    # A public application stays one until a file says otherwise, and then the API keeps other grant types of it.
    assume(all(each.get("app_type") != "spa" for each in there["clients"]))
    first, second = Tenancy(), Tenancy()
    applied(here, first)
    applied(there, second)
    exported = filed(first.present())
    applied(exported, second, deletes=True)
    assert difference(exported, second, deletes=True) == []
    assert [sorted(first.present().configuration[name]) for name in SECTIONS] == [
        sorted(second.present().configuration[name]) for name in SECTIONS
    ]


@UNHURRIED
@given(files())
def test_what_a_file_says_is_in_the_export(file: dict[str, Any]) -> None:
    tenancy = Tenancy()
    applied(file, tenancy)
    there = tenancy.present().configuration
    for name, entries in wanted.configuration(file)[0].items():
        for key, properties in entries.items():
            plain = {k: v for k, v in properties.items() if v is not None and k not in SECTIONS[name].memberwise}
            lists = {k: sorted(plain.pop(k)) for k in SECTIONS[name].unordered & plain.keys()}
            assert all(there[name][key][k] == v for k, v in (plain | lists).items())


def web(**properties: Any) -> dict[str, Any]:
    return {"clients": [{"name": "web", **properties}]}


@pytest.fixture
def tenancy() -> Tenancy:
    there = Tenancy()
    file = web(client_metadata={"a": "1", "b": "2"}, callbacks=["https://web.example/cb"], grant_types=["implicit"])
    file["resourceServers"] = [{"identifier": "https://a.example", "scopes": [{"value": "x"}]}]
    file["clientGrants"] = [{"client_id": "web", "audience": "https://a.example", "scope": ["x"]}]
    applied(file, there)
    return there


def test_what_the_file_does_not_name_stays(tenancy: Tenancy) -> None:
    assert difference({}, tenancy, deletes=True) == []
    assert difference(web(), tenancy) == []


def test_metadata_that_the_file_does_not_name_goes_only_with_delete(tenancy: Tenancy) -> None:
    file = web(client_metadata={"a": "1"})
    assert difference(file, tenancy) == []
    (change,) = (each for each in difference(file, tenancy, deletes=True) if isinstance(each, Update))
    assert change.body == {"client_metadata": {"b": None}}


def test_null_is_the_default_and_then_no_change(tenancy: Tenancy) -> None:
    (change,) = difference(web(callbacks=None, sso_disabled=None, description=None), tenancy)
    assert isinstance(change, Update)
    assert change.body == {"callbacks": None}


def test_delete_goes_only_as_far_as_the_sections_that_are_there(tenancy: Tenancy) -> None:
    found = difference({"clients": []}, tenancy, deletes=True)
    assert [(type(each), each.key) for each in found] == [(Delete, ("web",))]
    assert difference({"clients": []}, tenancy) == []


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ({"clients": [{"name": "Management"}]}, "is the application this command speaks with"),
        ({"clientGrants": [{"client_id": "Management", "audience": "https://a.example"}]}, "speaks with"),
        ({"resourceServers": [{"identifier": "https://t/api/v2/"}]}, "is the Management API itself"),
        ({"clientGrants": [{"client_id": "ghost", "audience": "https://a.example"}]}, "no such application"),
        ({"clientGrants": [{"client_id": "web", "audience": "https://ghost"}]}, "no such API"),
        ({"databases": [{"name": "people", "enabled_clients": ["ghost"]}]}, "no such application"),
        (web(resource_server_identifier="https://a.example"), "resource_server_identifier cannot be changed"),
    ],
)
def test_what_must_not_or_cannot_be_changed_is_refused(tenancy: Tenancy, file: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        difference(file, tenancy)


def test_the_system_api_and_the_own_application_are_never_deleted_nor_exported(tenancy: Tenancy) -> None:
    file: dict[str, Any] = {"clients": [], "resourceServers": [], "clientGrants": []}
    assert {each.key for each in applied(file, tenancy, deletes=True)} == {
        ("web",),
        ("https://a.example",),
        ("web", "https://a.example"),
    }
    assert [filed(tenancy.present())[name] for name in file] == [[], [], []]


def test_whether_the_own_application_may_use_a_connection_stays_as_it_is(tenancy: Tenancy) -> None:
    applied({"databases": [{"name": "people", "enabled_clients": ["web"]}]}, tenancy)
    file = {"databases": [{"name": "people", "enabled_clients": ["web", "Management"]}]}
    assert difference(file, tenancy) == []
    tenancy.connections["people",]["enabled_clients"].append(OWN)
    assert difference({"databases": [{"name": "people", "enabled_clients": ["web"]}]}, tenancy) == []


def test_members_of_a_stage_that_the_file_does_not_name_stay(tenancy: Tenancy) -> None:
    stage = {"pre-login": {"max_attempts": 5}, "pre-user-registration": {"rate": 1200}}
    found = difference({"attackProtection": {"suspiciousIpThrottling": {"stage": stage}}}, tenancy)
    assert [each.body for each in found if isinstance(each, Update)] == [{"stage": {"pre-login": {"max_attempts": 5}}}]
    assert list(showing.lines(found)) == ["~ suspicious IP throttling", "    stage.pre-login.max_attempts: 100 → 5"]


def test_options_of_a_connection_that_the_file_does_not_name_stay(tenancy: Tenancy) -> None:
    applied({"databases": [{"name": "people", "options": {"disable_signup": True}}]}, tenancy)
    applied({"databases": [{"name": "people", "options": {"passwordPolicy": "low"}}]}, tenancy)
    there = tenancy.connections["people",]["options"]
    assert (there["disable_signup"], there["passwordPolicy"]) == (True, "low")


def test_two_applications_of_one_name_are_refused_with_both_ids(tenancy: Tenancy) -> None:
    tenancy.clients["twin",] = {**tenancy.clients["web",], "client_id": "77"}
    first = tenancy.clients["web",]["client_id"]
    for refused in (lambda: difference(web(), tenancy), lambda: filed(tenancy.present())):
        with pytest.raises(Refused, match=f"'web' is the name of several applications: {first}, 77"):
            refused()
    with pytest.raises(Refused, match="several"):
        difference({"clients": []}, tenancy, deletes=True)
    assert difference({"clients": [{"name": "other"}], "tenant": {}}, tenancy)


def test_nothing_is_named_before_it_is_there_nor_gone_while_it_is_named(tenancy: Tenancy) -> None:
    file = {
        "tenant": {"allowed_signing_algs": ["RS256", "ES256"], "friendly_name": "Shop"},
        "clientGrants": [{"client_id": "new", "audience": "https://b.example"}],
        "clients": [{"name": "new"}],
        "resourceServers": [{"identifier": "https://b.example", "signing_alg": "ES256"}],
    }
    order = [(type(each), each.section.name) for each in steps.ordered(difference(file, tenancy, deletes=True))]
    assert order == [
        (Update, "tenant"),
        (Delete, "clientGrants"),
        (Create, "resourceServers"),
        (Create, "clients"),
        (Create, "clientGrants"),
        (Update, "tenant"),
        (Delete, "clients"),
        (Delete, "resourceServers"),
    ]


def test_an_algorithm_is_allowed_first_and_another_forbidden_last(tenancy: Tenancy) -> None:
    applied({"tenant": {"allowed_signing_algs": ["RS256", "ES256"]}}, tenancy)
    found = difference({"tenant": {"allowed_signing_algs": ["PS256", "RS256"]}}, tenancy)
    bodies = [each.body for each in steps.ordered(found) if isinstance(each, Update)]
    assert bodies == [
        {"allowed_signing_algs": ["PS256", "RS256", "ES256"]},
        {"allowed_signing_algs": ["PS256", "RS256"]},
    ]


def test_a_person_reads_a_sign_a_name_and_old_to_new(tenancy: Tenancy) -> None:
    file = web(client_metadata={"b": "3", "c": "ü"}, callbacks=None)
    file["clients"].append({"name": "new", "app_type": "spa"})
    file["tenant"] = {"flags": {"enable_sso": False}}
    file["resourceServers"] = []
    assert list(showing.lines(difference(file, tenancy, deletes=True))) == [
        "~ settings",
        "    flags.enable_sso: true → false",
        "- API https://a.example",
        "~ application web",
        '    client_metadata.a: "1" → (none)',
        '    client_metadata.b: "2" → "3"',
        '    client_metadata.c: (none) → "ü"',
        '    callbacks: ["https://web.example/cb"] → []',
        "+ application new",
        '    app_type: "spa"',
    ]


def test_of_long_lists_what_comes_and_goes_is_shown(tenancy: Tenancy) -> None:
    many = [f"https://web.example/{number}" for number in range(20)]
    applied(web(callbacks=many), tenancy)
    found = difference(web(callbacks=[*many[1:], "https://new.example/"]), tenancy)
    assert list(showing.lines(found))[1:] == [
        '    callbacks: - "https://web.example/0"',
        '    callbacks: + "https://new.example/"',
    ]
    (line,) = list(showing.lines(difference(web(callbacks=many[::-1]), tenancy)))[1:]
    assert "→" in line


def test_the_own_application_is_known_by_its_id() -> None:
    assert Tenancy().present().own_name == "Management"
    assert OWN not in Tenancy().present().ids.values()
