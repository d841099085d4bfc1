"""A file is refused whole, with every reason, before anything is done."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from services.cli.configuration import document, keywords
from services.cli.configuration.sections import SECTIONS
from services.cli.configuration.wanted import configuration
from services.cli.errors import Refused

GUIDE: Final = Path(__file__).parents[4] / "docs" / "guides" / "configuration-as-code.md"
FENCED: Final = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)

GRANT = {"client_id": "web", "audience": "https://a.example"}


def refusal(members: dict[str, Any]) -> str:
    with pytest.raises(Refused) as refused:
        configuration(members)
    assert refused.value.exit_code == 2
    return str(refused.value)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"connections": [{"name": "db"}]}, "connections: no such section; there are tenant, resourceServers"),
        ({"clients": {"name": "web"}}, "clients: must be a list of mappings"),
        ({"clients": ["web"]}, "clients: must be a list of mappings"),
        ({"tenant": []}, "tenant: must be a mapping"),
        ({"clients": [{"app_type": "spa"}]}, "clients[0] (?): name is missing"),
        ({"clients": [{"name": 7}]}, "clients[0] (?): name is missing"),
        ({"clients": [{"name": "web"}, {"name": "web"}]}, "clients: two for application web"),
        ({"clients": [{"name": "web", "colour": "red"}]}, "clients[0] (web): colour: no such property"),
        ({"clients": [{"name": "web", "app_type": "fridge"}]}, "app_type: No enum match for: fridge"),
        (
            {"clients": [{"name": "web", "callbacks": "https://a"}]},
            "callbacks: Expected type array but found type string",
        ),
        ({"clients": [{"name": "web", "logo_uri": "http://127.0.0.1/"}]}, "logo_uri: "),
        ({"clients": [{"name": "web", "compliance_level": "fapi2_sp_mtls_mtls"}]}, "this value is not supported"),
        ({"resourceServers": [{"name": "A"}]}, "resourceServers[0] (?): identifier is missing"),
        (
            {"resourceServers": [{"identifier": "a", "scopes": [{"value": "x"}, {"value": "x"}]}]},
            "Scope is named twice: x",
        ),
        ({"clientGrants": [GRANT | {"scope": ["a", "a"]}]}, "Array items are not unique"),
        ({"clientGrants": [GRANT, GRANT]}, "clientGrants: two for client grant web → https://a.example"),
        ({"clientGrants": [GRANT | {"organization_usage": "require"}]}, "this value is not supported"),
        ({"tenant": {"flags": {"no_such_flag": True}}}, "flags: Additional properties not allowed: no_such_flag"),
        ({"tenant": {"session_lifetime": "long"}}, "session_lifetime: Expected type number"),
        ({"databases": {"name": "x"}}, "databases: must be a list of mappings"),
        ({"databases": [{"name": "x", "strategy": "github"}]}, "databases[0] (x): strategy: No enum match for: github"),
        (
            {"databases": [{"name": "x", "options": {"colour": 1}}]},
            "options: Additional properties not allowed: colour",
        ),
        (
            {"databases": [{"name": "x", "options": {"customScripts": {"login": "f"}}}]},
            "is not supported: there are no",
        ),
        ({"databases": [{"name": "x", "enabled_clients": ["a", "a"]}]}, "enabled_clients: Array items are not unique"),
        ({"branding": {"colour": "red"}}, "branding: colour: no such property"),
        ({"branding": {"colors": {"primary": "red"}}}, "branding: colors: String does not match pattern"),
        ({"branding": {"colors": {"page_background": "url(x)"}}}, "Expected a colour or a linear gradient"),
        ({"branding": {"logo_url": "data:image/png;base64,AAAA"}}, "the content is not PNG, JPEG, GIF or WebP"),
        ({"branding": {"templates": [{"template": "universal_login"}]}}, "branding: templates: the pages are not"),
        ({"prompts": {"universal_login_experience": "classic"}}, "prompts: universal_login_experience: No enum match"),
        ({"prompts": {"customText": {"en": {"login": {}}}}}, "prompts: customText: texts cannot be changed yet"),
        ({"attackProtection": [1]}, "attackProtection: must be a mapping"),
        ({"attackProtection": {"captcha": {"policy": "always"}}}, "attackProtection.captcha: no such section"),
        ({"attackProtection.captcha": {}}, "attackProtection.captcha: no such section"),
        ({"attackProtection": {"bruteForceProtection": [1]}}, "attackProtection.bruteForceProtection: must be a map"),
        ({"attackProtection": {"bruteForceProtection": {"max_attempts": 0}}}, "Value 0 is less than minimum 1"),
        (
            {"attackProtection": {"suspiciousIpThrottling": {"stage": {"pre-login": {"rate": 1}}}}},
            "attackProtection.suspiciousIpThrottling: stage: Value 1 is less than minimum 1000",
        ),
    ],
)
def test_what_the_api_would_refuse_is_refused_at_once(members: dict[str, Any], why: str) -> None:
    assert why in refusal(members)


def test_all_problems_are_told_together() -> None:
    told = refusal({"actions": [1], "clients": [{"name": "a", "app_type": 1}, {"name": "b", "x": 1}]}).splitlines()
    assert len(told) == 4


@pytest.mark.security("AD-10")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_secret", "s3cret-of-somebody"),
        ("client_authentication_methods", {"private_key_jwt": {"credentials": [{"pem": "s3cret-of-somebody"}]}}),
    ],
)
def test_no_secret_and_no_key_comes_from_a_file_nor_is_it_repeated(name: str, value: Any) -> None:
    told = refusal({"clients": [{"name": "web", name: value}]})
    assert f"clients[0] (web): {name}: " in told
    assert "s3cret" not in told


def test_what_does_not_exist_here_is_passed_over_on_demand_and_listed() -> None:
    members = {
        "actions": [{"name": "x"}],
        "rules": [],
        "clients": [{"name": "web", "colour": "red", "app_type": "spa"}],
    }
    found, ignored = configuration(members, ignores_unknown=True)
    assert found == {"clients": {("web",): {"name": "web", "app_type": "spa"}}}
    assert [each.partition(": no such")[0] for each in ignored] == ["actions", "clients[0] (web): colour"]


def test_empty_sections_of_other_tools_are_no_problem() -> None:
    assert configuration({"rules": [], "attackProtection": {}, "roles": None, "clients": None}) == ({}, [])


def test_a_file_may_say_what_holds_anyway() -> None:
    shields = {"captcha": {"simple_captcha": {}}, "botDetection": {"monitoring_mode_enabled": False}}
    factors = [{"name": "sms", "enabled": False}, {"name": "otp", "enabled": False}]
    members = {"attackProtection": shields, "prompts": {"customText": {}}, "guardianFactors": factors}
    assert configuration(members) == ({"prompts": {(): {}}}, [])
    told = refusal(
        {"guardianFactors": [{"name": "sms", "enabled": True}], "supplementalSignals": {"akamai_enabled": 0}}
    )
    assert len(re.findall("no such section", told)) == 2


def test_read_only_members_have_no_effect() -> None:
    client = {"name": "web", "client_id": "abc", "tenant": "t", "global": False}
    members = {"clients": [client], "tenant": {"sandbox_versions_available": ["22"]}}
    assert configuration(members)[0] == {"clients": {("web",): {"name": "web"}}, "tenant": {(): {}}}


def test_minutes_become_hours() -> None:
    assert configuration({"tenant": {"session_lifetime_in_minutes": 90}})[0]["tenant"][()] == {"session_lifetime": 1.5}


def test_a_name_cannot_speak_to_the_terminal() -> None:
    told = refusal({"clients": [{"name": "\x1b[2Jweb", "colour\x1b": 1}]})
    assert "\x1b" not in told
    assert "\\x1b[2Jweb" in told


def test_a_file_as_auth0s_tool_writes_it_is_understood() -> None:
    text = """
rules: []
hooks: []
resourceServers:
  - name: Orders
    identifier: https://orders.example
    allow_offline_access: false
    signing_alg: RS256
    token_lifetime: 86400
clients:
  - name: web
    app_type: regular_web
    is_token_endpoint_ip_header_trusted: false
    jwt_configuration:
      alg: RS256
      lifetime_in_seconds: 36000
      secret_encoded: false
clientGrants:
  - client_id: web
    audience: https://orders.example
    scope: []
    subject_type: client
databases:
  - name: Username-Password-Authentication
    strategy: auth0
    enabled_clients:
      - web
    is_domain_connection: false
    options:
      mfa:
        active: true
        return_enroll_settings: true
      import_mode: false
      customScripts: {}
      passwordPolicy: good
      password_history:
        size: 5
        enable: false
      enabledDatabaseCustomization: false
    realms:
      - Username-Password-Authentication
connections: []
branding:
  colors:
    primary: '#0059d6'
  logo_url: ''
  templates: []
prompts:
  customText: {}
  identifier_first: true
  screenRenderers: []
  universal_login_experience: new
attackProtection:
  breachedPasswordDetection:
    enabled: false
    shields: []
  bruteForceProtection:
    enabled: true
    shields:
      - block
    mode: count_per_identifier
    allowlist: []
    max_attempts: 10
emailProvider: {}
emailTemplates: []
tenant:
  enabled_locales:
    - en
  flags:
    enable_sso: true
  session_lifetime_in_minutes: 10080
"""
    found, _ = configuration(document.read(text))
    assert set(found) == SECTIONS.keys() - {"attackProtection.suspiciousIpThrottling"}
    assert found["tenant"][()]["session_lifetime"] == 168


def test_the_files_of_the_guide_are_understood() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    files = [keywords.replaced(each, {"STAGE": "x", "CALLBACKS": "[]"}) for each in FENCED.findall(text)]
    assert len(files) == 3
    assert all(configuration(document.read(each)) for each in files)
