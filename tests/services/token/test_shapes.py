"""What `token`'s part of the Management API answers has the shapes Auth0 was seen to answer."""

from typing import Any

from tests.services.token.office import Answer, Office, credential, ec_pem, keys
from tests.shapes.oracle import differences

FULL = {
    "name": "Full",
    "description": "an application",
    "app_type": "regular_web",
    "logo_uri": "https://cdn.example.com/logo.png",
    "callbacks": ["https://app.example.com/callback"],
    "allowed_logout_urls": ["https://app.example.com/"],
    "allowed_origins": ["https://app.example.com"],
    "web_origins": ["https://app.example.com"],
    "client_aliases": ["alias"],
    "allowed_clients": [],
    "client_metadata": {"foo": "bar"},
    "jwt_configuration": {"lifetime_in_seconds": 300, "secret_encoded": True, "alg": "RS256", "scopes": {"foo": "bar"}},
    "refresh_token": {"rotation_type": "rotating", "expiration_type": "expiring", "leeway": 1, "policies": []},
    "mobile": {"ios": {"team_id": "team", "app_bundle_identifier": "com.example"}},
    "native_social_login": {"apple": {"enabled": False}, "facebook": {"enabled": False}},
    "oidc_logout": {"backchannel_logout_urls": [], "backchannel_logout_initiators": {"mode": "all"}},
    "session_transfer": {"can_create_session_transfer_token": False, "allowed_authentication_methods": ["query"]},
    "addons": {"samlp": {"audience": "https://sp.example.com", "mappings": {"surname": "sn"}, "signResponse": True}},
    "organization_usage": "allow",
    "token_exchange": {"allow_any_profile_of_type": ["custom_authentication"]},
}
API = {
    "name": "Full",
    "token_lifetime": 600,
    "token_dialect": "rfc9068_profile",
    "enforce_policies": True,
    "authorization_details": [{"type": "payment"}],
    "subject_type_authorization": {"user": {"policy": "deny_all"}, "client": {"policy": "require_client_grant"}},
}
PAGED = "page=0&per_page=50&include_totals=true"


class Seen:
    """Every answer of an office, compared as it comes."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.routes: set[str] = set()

    async def ask(self, method: str, path: str, body: Any = None, **how: Any) -> Answer:
        answer = await self.office.ask(method, path, body, **how)
        route = self.office.table.match(method, f"/api/v2/{path}").route
        assert differences(method, route.template, answer.status, answer.body) == [], (method, path)
        if answer.status < 300:
            self.routes.add(route.name)
        return answer


async def test_every_operation_answers_as_auth0_does(office: Office) -> None:
    seen = Seen(office)
    bare = (await seen.ask("POST", "clients", {"name": "Bare"})).body["client_id"]
    full = (await seen.ask("POST", "clients", FULL)).body["client_id"]
    by_key = {"name": "Key", "client_authentication_methods": keys(credential())}
    signs = (await seen.ask("POST", "clients", by_key)).body["client_id"]
    for client_id in (bare, full, signs):
        await seen.ask("GET", f"clients/{client_id}")
        await seen.ask("GET", f"clients/{client_id}/connections")
        await seen.ask("GET", f"clients/{client_id}/history")
        await seen.ask("GET", f"clients/{client_id}/credentials")
    await seen.ask("PATCH", f"clients/{bare}", FULL)
    await seen.ask("POST", f"clients/{bare}/rotate-secret")
    made = (await seen.ask("POST", f"clients/{bare}/credentials", credential(expires_at="2099-01-01T00:00:00Z"))).body
    one = f"clients/{bare}/credentials/{made['id']}"
    await seen.ask("GET", one)
    await seen.ask("PATCH", one, {"expires_at": "2098-01-01T00:00:00.000Z"})
    await seen.ask("DELETE", one)
    api = (await seen.ask("POST", "resource-servers", {"identifier": "https://bare.example/"})).body
    rich = (await seen.ask("POST", "resource-servers", {"identifier": "https://full.example/", **API})).body
    scopes = {"scopes": [{"value": "read", "description": "Read"}, {"value": "write"}]}
    await seen.ask("PATCH", f"resource-servers/{api['id']}", {**API, **scopes})
    for each in (api, rich):
        await seen.ask("GET", f"resource-servers/{each['id']}")
    body = {"client_id": bare, "audience": api["identifier"], "scope": ["read"], "organization_usage": "deny"}
    grant = (await seen.ask("POST", "client-grants", body)).body["id"]
    await seen.ask("GET", f"client-grants/{grant}")
    await seen.ask("PATCH", f"client-grants/{grant}", {"scope": ["read", "write"]})
    await seen.ask("GET", f"client-grants/{grant}/organizations", query="take=50")
    for path in ("clients", "resource-servers", "client-grants"):
        await seen.ask("GET", path)
        await seen.ask("GET", path, query=PAGED)
    for path in ("clients", "client-grants"):
        await seen.ask("GET", path, query="take=1")
    for path in (f"client-grants/{grant}", f"clients/{bare}", f"resource-servers/{api['id']}"):
        await seen.ask("DELETE", path)
    assert seen.routes == {route.name for route in office.table}


async def test_every_refusal_has_auth0s_members(office: Office) -> None:
    seen, client = Seen(office), await office.client()
    api = await office.api("https://api.example/")
    await office.grant(client, api)
    id_, grant = client["client_id"], {"client_id": client["client_id"], "audience": api["identifier"], "scope": []}
    for status, method, path, body in (
        (400, "POST", "clients", {}),
        (400, "POST", "clients", {"name": "x", "unknown": 1}),
        (400, "PATCH", f"clients/{id_}", {"client_id": "x"}),
        (400, "PATCH", f"clients/{id_}", {"require_proof_of_possession": True}),
        (400, "POST", f"clients/{id_}/credentials", {"credential_type": "public_key", "pem": ec_pem()}),
        (404, "GET", "clients/nobody", None),
        (404, "PATCH", "clients/nobody", {"name": "x"}),
        (404, "POST", "clients/nobody/rotate-secret", None),
        (404, "GET", "clients/nobody/credentials", None),
        (404, "GET", f"clients/{id_}/credentials/cred_none", None),
        (404, "GET", "clients/nobody/connections", None),
        (404, "GET", "clients/nobody/history", None),
        (404, "GET", "resource-servers/none", None),
        (404, "PATCH", "resource-servers/none", {"name": "x"}),
        (409, "POST", "resource-servers", {"identifier": api["identifier"]}),
        (404, "GET", "client-grants/cgr_none", None),
        (404, "GET", "client-grants/cgr_none/organizations", None),
        (409, "POST", "client-grants", grant),
        (404, "POST", "client-grants", {**grant, "client_id": "nobody"}),
        (404, "POST", "client-grants", {**grant, "audience": "urn:nothing"}),
    ):
        assert (await seen.ask(method, path, body)).status == status, (method, path)
        assert (await seen.ask(method, path, body, token="")).status == 401
        assert (await seen.ask(method, path, body, scope="none")).status == 403
    for query in ("page=x", "sort=name:1", "from=x"):
        assert (await seen.ask("GET", "clients", query=query)).status == 400
