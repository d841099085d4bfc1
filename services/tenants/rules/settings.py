"""Which settings a tenant has when nobody changed them, and how a change is taken in."""

from collections.abc import Mapping
from typing import Any, Final

MANDATORY_ALG: Final = "RS256"
"""The algorithm that stays: Auth0's SDKs refuse a tenant without it."""

DEFAULT_FLAGS: Final[Mapping[str, bool]] = {
    "allow_changing_enable_sso": False,
    "allow_legacy_delegation_grant_types": False,
    "allow_legacy_ro_grant_types": False,
    "allow_legacy_tokeninfo_endpoint": False,
    "allow_other_legacy_grant_types": False,
    "change_pwd_flow_v1": False,
    "custom_domains_provisioning": False,
    "dashboard_log_streams_next": False,
    "dashboard_new_onboarding": False,
    "disable_clickjack_protection_headers": False,
    "disable_fields_map_fix": False,
    "disable_impersonation": True,
    "disable_management_api_sms_obfuscation": True,
    "enable_adfs_waad_email_verification": False,
    "enable_apis_section": False,
    "enable_client_connections": True,
    "enable_custom_domain_in_emails": False,
    "enable_dynamic_client_registration": False,
    "enable_idtoken_api2": False,
    "enable_legacy_logs_search_v2": False,
    "enable_legacy_profile": False,
    "enable_pipeline2": False,
    "enable_public_signup_user_exists_error": False,
    "enable_sso": True,
    "enforce_client_authentication_on_passwordless_start": True,
    "mfa_show_factor_list_on_enrollment": False,
    "new_universal_login_experience_enabled": True,
    "no_disclose_enterprise_connections": False,
    "remove_alg_from_jwks": False,
    "require_signed_request_object": False,
    "revoke_refresh_token_grant": False,
    "universal_login": True,
    "use_scope_descriptions_for_consent": False,
}
"""Every flag, as a new tenant has it."""

OTHER_FLAGS: Final = (
    *("dashboard_insights_view", "genai_trial", "improved_signup_bot_detection_in_classic"),
    *("local_resource_discovery", "trust_azure_adfs_email_verified_connection_property"),
)
"""Flags that a tenant has once they are set."""

LIFETIMES: Final = (
    *("session_lifetime", "idle_session_lifetime"),
    *("ephemeral_session_lifetime", "idle_ephemeral_session_lifetime"),
)
"""What may be said in minutes and is kept in hours."""

DEFAULTS: Final[Mapping[str, Any]] = {
    "allowed_logout_urls": [],
    "allowed_signing_algs": [MANDATORY_ALG],
    "change_password": {"enabled": False, "html": ""},
    "default_audience": "",
    "default_directory": "",
    "enabled_locales": ["en"],
    "flags": DEFAULT_FLAGS,
    "friendly_name": "",
    "guardian_mfa_page": {"enabled": False, "html": ""},
    "idle_session_lifetime": 72,
    "oidc_logout": {"rp_logout_end_session_endpoint_discovery": True},
    "picture_url": "",
    "pushed_authorization_requests_supported": False,
    "resource_parameter_profile": "audience",
    "sandbox_version": "22",
    "sandbox_versions_available": ["22"],
    "session_cookie": {"mode": "persistent"},
    "session_lifetime": 168,
    "support_email": "",
    "support_url": "",
    "universal_login": {"colors": {}},
}
"""What a tenant that changed nothing is answered, in Auth0's shapes; what is not here is absent until it is set."""


class MandatoryAlgorithmMissing(Exception):
    """`allowed_signing_algs` leaves out the algorithm every tenant has."""


def effective(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the tenant has: its own settings over the defaults, flags one by one."""
    own_flags = settings.get("flags", {})
    return {**DEFAULTS, **settings, "flags": {**DEFAULT_FLAGS, **own_flags}}


def taken_in(settings: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The tenant's own settings after `change`; a member that is `None` is gone."""
    merged = {**settings, **change}
    return {name: value for name, value in merged.items() if value is not None}


def difference(settings: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of `wanted` would change something a reader sees; flags are whole, and hold what was set before.

    Raises:
        MandatoryAlgorithmMissing: RS256 would not be allowed any more.
    """
    if MANDATORY_ALG not in (wanted.get("allowed_signing_algs") or [MANDATORY_ALG]):
        raise MandatoryAlgorithmMissing
    now = effective(settings)
    changes = {name: value for name, value in wanted.items() if name != "flags" and _differs(name, value, now)}
    flags = {name: value for name, value in (wanted.get("flags") or {}).items() if now["flags"].get(name) != value}
    return changes | ({"flags": {**settings.get("flags", {}), **flags}} if flags else {})


def _differs(name: str, value: Any, now: Mapping[str, Any]) -> bool:
    return bool(now.get(name) != (DEFAULTS.get(name) if value is None else value))
