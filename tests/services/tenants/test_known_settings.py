"""The settings we know are those of auth0-python's signatures, and each of them is kept, or refused by its name."""

from typing import Any, Final

import pytest
from auth0.management.attack_protection.brute_force_protection.client import BruteForceProtectionClient
from auth0.management.attack_protection.suspicious_ip_throttling.client import SuspiciousIpThrottlingClient
from auth0.management.branding.client import BrandingClient
from auth0.management.prompts.client import PromptsClient
from auth0.management.tenants.settings.client import SettingsClient

from libs.edge.schema import Resource
from services.tenants.routes.branding import BRANDING, PROMPT_SETTINGS
from services.tenants.routes.protection import BRUTE_FORCE, SUSPICIOUS_IP
from services.tenants.routes.schema import SETTINGS
from tests.services.token.test_known_properties import known, of_signature, unknown
from tests.services.world import World

RESOURCES: Final = (
    (SettingsClient, "update", SETTINGS),
    (BrandingClient, "update", BRANDING),
    (PromptsClient, "update_settings", PROMPT_SETTINGS),
    (BruteForceProtectionClient, "update", BRUTE_FORCE),
    (SuspiciousIpThrottlingClient, "update", SUSPICIOUS_IP),
)
KEPT: Final[tuple[dict[str, Any], ...]] = (
    {"device_flow": {"charset": "digits", "mask": "***-***"}},
    {"authorization_response_iss_parameter_supported": True},
    {"client_id_metadata_document_dynamic_registration_supported": False},
    {"enable_ai_guide": False, "include_session_metadata_in_tenant_logs": True, "legacy_sandbox_version": "12"},
    {"sessions": {"oidc_logout_prompt_enabled": True, "anonymous": {"lifetime_in_minutes": 60}}},
    {"dpop_strict_refresh_token_binding": False},
)
PROMISED: Final[tuple[dict[str, Any], ...]] = (
    {"access_token": {"claims_mapping": {"custom_claims": [{"name": "plan", "expression": "user.plan"}]}}},
    {"dpop_strict_refresh_token_binding": True},
    {"flags": {"require_signed_request_object": True}},
    {"security_headers": {"content_security_policy": {"enabled": True}}},
)


@pytest.mark.parametrize(("client", "verb", "resource"), RESOURCES, ids=lambda each: getattr(each, "name", None))
def test_what_auth0_python_sends_is_known(client: type[Any], verb: str, resource: Resource) -> None:
    assert list(unknown(of_signature(client, verb), known(resource, "update"))) == []


async def test_a_setting_without_effect_is_kept_and_one_that_promises_is_refused(world: World) -> None:
    for said in KEPT:
        answer = await world.management("tenants", "PATCH", "/api/v2/tenants/settings", said)
        assert answer.status == 200, answer.body
        assert {name: answer.body[name] for name in said} == said
    for said in PROMISED:
        answer = await world.management("tenants", "PATCH", "/api/v2/tenants/settings", said)
        assert (answer.status, answer.body["errorCode"]) == (400, "operation_not_supported")
        assert next(iter(said)) in answer.body["message"]
    hours = {"ephemeral_session_lifetime_in_minutes": 90, "idle_ephemeral_session_lifetime_in_minutes": 30}
    answer = await world.management("tenants", "PATCH", "/api/v2/tenants/settings", hours)
    assert (answer.body["ephemeral_session_lifetime"], answer.body["idle_ephemeral_session_lifetime"]) == (1.5, 0.5)
    flags = {"genai_trial": True, "local_resource_discovery": False}
    answer = await world.management("tenants", "PATCH", "/api/v2/tenants/settings", {"flags": flags})
    assert {name: answer.body["flags"][name] for name in flags} == flags
