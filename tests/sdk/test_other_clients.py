"""How clients that are in no package registry here put their requests: Terraform, the Go SDK, those of PHP and .NET."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from tests.stack import JSON, Answer, Stack

AUTH0_CLIENT: Final = b64encode(b'{"name":"auth0-php","version":"8.11.0","env":{"php":"8.3.0"}}').decode()
NOTHING: Final = b"null\n"
"""The body of requests of the Go SDK that have none."""

APPLICATION: Final[Mapping[str, Any]] = {
    "description": "Of an infrastructure as code",
    "app_type": "non_interactive",
    "logo_uri": "https://example.com/logo.png",
    "is_first_party": True,
    "is_token_endpoint_ip_header_trusted": True,
    "oidc_conformant": True,
    "callbacks": ["https://example.com/callback"],
    "allowed_origins": ["https://example.com"],
    "web_origins": ["https://example.com"],
    "client_aliases": ["https://example.com/audience"],
    "allowed_clients": ["https://allowed.example.com"],
    "allowed_logout_urls": ["https://example.com"],
    "sso": False,
    "sso_disabled": False,
    "grant_types": ["authorization_code", "http://auth0.com/oauth/grant-type/password-realm", "refresh_token"],
    "cross_origin_loc": "https://example.com/cross-origin",
    "custom_login_page_on": True,
    "custom_login_page": "",
    "form_template": "",
    "token_endpoint_auth_method": "client_secret_post",
    "client_metadata": {"team": "platform"},
    "initiate_login_uri": "https://example.com/login",
    "organization_usage": "deny",
    "organization_require_behavior": "no_prompt",
    "oidc_backchannel_logout": {"backchannel_logout_urls": ["https://example.com/logout"]},
    "jwt_configuration": {"alg": "RS256", "lifetime_in_seconds": 300, "secret_encoded": True, "scopes": {"a": "b"}},
    "mobile": {"ios": {"team_id": "9JA89QQLNQ", "app_bundle_identifier": "com.example.app"}},
}
SETTINGS: Final[Mapping[str, Any]] = {
    "default_audience": "",
    "default_directory": "",
    "error_page": {"html": "<html>Error</html>", "show_log_link": False, "url": "https://example.com/error"},
    "flags": {"universal_login": True, "disable_clickjack_protection_headers": True, "disable_fields_map_fix": False},
    "picture_url": "https://example.com/logo.png",
    "support_email": "support@example.com",
    "allowed_logout_urls": ["https://example.com/logout"],
    "session_lifetime": 720,
    "enabled_locales": ["en", "de"],
    "session_cookie": {"mode": "non-persistent"},
}
PAGED: Final = (
    *("clients", "resource-servers", "client-grants", "connections", "roles", "organizations", "users", "rules"),
    *("hooks", "grants", "forms", "flows", "flows/vault/connections", "self-service-profiles", "network-acls"),
)
"""The lists that Terraform and the .NET SDK read with totals."""


class Client:
    """A program that knows the API by itself, with what such programs send along."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.token = stack, stack.management_token()

    def ask(self, method: str, path: str, json: Any = None, body: bytes | None = None) -> Answer:
        headers = {"authorization": f"Bearer {self.token}", "auth0-client": AUTH0_CLIENT, "accept": "application/json"}
        headers |= {} if body is None else JSON
        return self.stack.request(method, f"/api/v2/{path}", json=json, body=body, headers=headers)

    def told(self, method: str, path: str, json: Any = None, body: bytes | None = None) -> Any:
        answer = self.ask(method, path, json, body)
        assert answer.status in {200, 201}, (method, path, answer.status, answer.body)
        return answer.json()


@pytest.fixture
def client(stack: Stack) -> Client:
    return Client(stack)


@pytest.fixture
def application(client: Client) -> Any:
    made = client.told("POST", "clients", {"name": "Terraform", "is_first_party": True, "custom_login_page_on": True})
    yield made
    client.ask("DELETE", f"clients/{made['client_id']}")


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/json; charset=utf-8"])
def test_a_token_is_asked_for_with_what_each_of_them_sends(stack: Stack, content_type: str) -> None:
    env = stack.env
    said = {"grant_type": "client_credentials", "audience": env["LIMEN_AUDIENCE"], "scope": "", "organization": ""}
    said |= {"client_id": env["LIMEN_CLIENT_ID"], "client_secret": env["LIMEN_CLIENT_SECRET"]}
    if content_type.startswith("application/json"):
        answer = stack.request("POST", "/oauth/token", json=said, headers={"content-type": content_type})
    else:
        headers = {"content-type": f"{content_type}; charset=utf-8", "auth0-client": AUTH0_CLIENT}
        answer = stack.request("POST", "/oauth/token", body=urlencode(said).encode(), headers=headers)
    assert answer.status == 200, answer.body


def test_the_go_sdk_sends_null_where_it_has_no_body(client: Client, application: Any) -> None:
    path = f"clients/{application['client_id']}"
    assert client.told("GET", path, body=NOTHING)["name"] == "Terraform"
    assert client.told("POST", f"{path}/rotate-secret", body=NOTHING)["client_secret"] != application["client_secret"]
    assert client.told("POST", f"{path}/rotate-secret", body=b"")["client_secret"]
    assert client.ask("DELETE", path, body=NOTHING).status == 204


def test_terraform_names_an_api_by_its_identifier(client: Client) -> None:
    identifier = "https://api.example.com/terraform"
    client.told("POST", "resource-servers", {"name": "Terraform", "identifier": identifier})
    for path in ("https:%2F%2Fapi.example.com%2Fterraform", "https%3A%2F%2Fapi.example.com%2Fterraform"):
        scopes = [{"value": "create:bar", "description": "Create bars"}]
        assert client.told("PATCH", f"resource-servers/{path}", {"scopes": scopes})["scopes"] == scopes
        assert client.told("GET", f"resource-servers/{path}", body=NOTHING)["identifier"] == identifier
    assert client.ask("DELETE", f"resource-servers/{path}").status == 204


def test_terraform_sends_an_application_whole_and_reads_what_it_sent(client: Client, application: Any) -> None:
    path = f"clients/{application['client_id']}"
    client.told("PATCH", path, dict(APPLICATION))
    read = client.told("GET", path)
    assert {name: read.get(name) for name in APPLICATION} == APPLICATION
    # Whoever sends back what was read leaves out what only the platform says.
    mine = {name: read[name] for name in read.keys() - {"client_id", "tenant", "global"}}
    assert client.told("PATCH", path, mine) == read


def test_terraform_sends_the_settings_of_a_tenant_and_reads_what_it_sent(client: Client) -> None:
    before = client.told("GET", "tenants/settings")
    client.told("PATCH", "tenants/settings", dict(SETTINGS))
    read = client.told("GET", "tenants/settings", body=NOTHING)
    assert _in(read, SETTINGS) == SETTINGS
    back = {name: before.get(name) for name in SETTINGS} | {"flags": _in(before, SETTINGS)["flags"]}
    client.told("PATCH", "tenants/settings", back)
    assert client.told("GET", "tenants/settings") == before


def _in(settings: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """Of the settings those that are named; of the flags, too."""
    named = {name: settings.get(name) for name in names}
    return named | {"flags": {flag: settings["flags"].get(flag) for flag in names["flags"]}}


def test_lists_with_totals_are_wrapped_for_all_who_ask_so(client: Client) -> None:
    for path in PAGED:
        for query in ("include_totals=true&per_page=50", "page=0&per_page=100&include_totals=true"):
            listed = client.told("GET", f"{path}?{query}")
            assert {"start", "limit", "total"} <= listed.keys(), path
        assert isinstance(client.told("GET", f"{path}?page=0&per_page=100&include_totals=false"), list), path
