"""What a tenant has that configured nothing, as one table: every GET of Auth0's tools that has nothing to tell yet.

A row says what is so: no connection, no role, no protection that does not exist. Nothing here can be written. When the
service that owns a path comes, its rows go, and the gateway sends the path's first segment there; `owner` says to whom.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class EmptyList:
    """A list in those of Auth0's shapes that it has; `filters` and `switches` are further parameters."""

    path: str
    scopes: tuple[str, ...]
    key: str
    owner: str
    has_offsets: bool = True
    has_checkpoints: bool = False
    has_fields: bool = False
    filters: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Default:
    """An answer that is always the same. By `written_by`, PUT or PATCH, a tool may say again what is so, no more."""

    path: str
    scopes: tuple[str, ...]
    owner: str
    body: Any
    filters: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    written_by: str = ""
    is_read: bool = True
    names: tuple[str, ...] = ()
    """The values of the path's parameter `name`, where it has one."""
    among: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What parameters of the path may be, by their names."""


@dataclass(frozen=True)
class Absent:
    """A thing that is not there: 404, with Auth0's code and sentence."""

    path: str
    scopes: tuple[str, ...]
    owner: str
    error_code: str | None
    message: str
    filters: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counted:
    """A list that is always wrapped and tells which page it is."""

    path: str
    scopes: tuple[str, ...]
    key: str
    owner: str
    filters: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()


PROMPTS: Final = (
    *("login", "login-id", "login-password", "login-passwordless", "login-email-verification"),
    *("signup", "signup-id", "signup-password"),
    *("phone-identifier-enrollment", "phone-identifier-challenge", "email-identifier-challenge"),
    *("reset-password", "custom-form", "consent", "customized-consent", "logout"),
    *("mfa-push", "mfa-otp", "mfa-voice", "mfa-phone", "mfa-webauthn", "mfa-sms", "mfa-email", "mfa-recovery-code"),
    *("mfa", "status", "device-flow", "email-verification", "email-otp-challenge", "organizations", "invitation"),
    *("common", "passkeys", "captcha", "brute-force-protection", "async-approval-flow", "confirmation"),
)
"""What Auth0 calls its groups of pages."""

PARTIAL_PROMPTS: Final = (
    *("login", "login-id", "login-password", "login-passwordless", "signup", "signup-id", "signup-password"),
    *("customized-consent", "passkeys", "confirmation"),
)
"""Those of them into which Auth0 takes parts of one's own."""

LANGUAGES: Final = (
    *("am", "ar", "ar-EG", "ar-SA", "az", "bg", "bn", "bs", "ca-ES", "cnr", "cs", "cy", "da", "de", "el", "en"),
    *("en-CA", "es", "es-419", "es-AR", "es-MX", "et", "eu-ES", "fa", "fi", "fr", "fr-CA", "fr-FR", "gl-ES"),
    *("gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk", "kn", "ko", "lt", "lv", "mk"),
    *("ml", "mn", "mr", "ms", "my", "nb", "nl", "nn", "no", "pa", "pl", "pt", "pt-BR", "pt-PT", "ro", "ru"),
    *("sk", "sl", "so", "sq", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "zgh", "zh-CN"),
    *("zh-HK", "zh-MO", "zh-TW"),
)
"""Those in which Auth0 takes texts of one's own."""

Row = EmptyList | Counted | Default | Absent

LISTS: Final = (
    EmptyList(
        "connections-directory-provisionings",
        ("read:directory_provisionings",),
        "directory_provisionings",
        "connections",
        has_offsets=False,
        has_checkpoints=True,
    ),
    EmptyList("roles", ("read:roles",), "roles", "login", filters=("name_filter", "type")),
    EmptyList(
        "organizations",
        ("read:organizations", "read:organizations_summary"),
        "organizations",
        "login",
        has_checkpoints=True,
        filters=("sort",),
    ),
    EmptyList(
        "device-credentials",
        ("read:device_credentials",),
        "device_credentials",
        "login",
        has_fields=True,
        filters=("user_id", "client_id", "type"),
    ),
    # `stage` of a pipeline that is no more is asked for by auth0-python up to 4, each time.
    EmptyList("rules", ("read:rules",), "rules", "nobody", has_fields=True, filters=("stage",), switches=("enabled",)),
    EmptyList(
        "hooks", ("read:hooks",), "hooks", "nobody", has_fields=True, filters=("triggerId",), switches=("enabled",)
    ),
    EmptyList("forms", ("read:forms",), "forms", "login", filters=("hydrate",)),
    EmptyList("flows", ("read:flows",), "flows", "login", filters=("hydrate",), switches=("synchronous",)),
    EmptyList("flows/vault/connections", ("read:flows_vault_connections",), "connections", "login"),
    EmptyList("self-service-profiles", ("read:self_service_profiles",), "self_service_profiles", "connections"),
    EmptyList("network-acls", ("read:network_acls",), "network_acls", "gateway"),
    EmptyList(
        "prompts/rendering",
        ("read:prompts",),
        "configs",
        "login",
        has_fields=True,
        filters=("prompt", "screen", "rendering_mode"),
    ),
    EmptyList(
        "user-attribute-profiles",
        ("read:user_attribute_profiles",),
        "user_attribute_profiles",
        "connections",
        has_offsets=False,
        has_checkpoints=True,
    ),
    EmptyList(
        "connection-profiles",
        ("read:connection_profiles",),
        "connection_profiles",
        "connections",
        has_offsets=False,
        has_checkpoints=True,
    ),
    EmptyList(
        "token-exchange-profiles",
        ("read:token_exchange_profiles",),
        "token_exchange_profiles",
        "token",
        has_offsets=False,
        has_checkpoints=True,
    ),
    EmptyList(
        "rate-limit-policies",
        ("read:rate_limit_policies",),
        "rate_limit_policies",
        "gateway",
        has_offsets=False,
        has_checkpoints=True,
        filters=("resource", "consumer", "consumer_selector"),
    ),
    EmptyList(
        "event-streams",
        ("read:event_streams",),
        "eventStreams",
        "audit",
        has_offsets=False,
        has_checkpoints=True,
    ),
    EmptyList(
        "custom-domains",
        ("read:custom_domains",),
        "custom_domains",
        "tenants",
        has_checkpoints=True,
        has_fields=True,
        filters=("q", "sort"),
        switches=("paginate",),  # deploy-cli 7 tells the server what it means for itself
    ),
)

_ACTIONS: Final = ("read:actions",)

COUNTED: Final = (
    Counted(
        "actions/actions",
        _ACTIONS,
        "actions",
        "login",
        filters=("triggerId", "actionName"),
        switches=("deployed", "installed"),
    ),
    Counted("actions/modules", _ACTIONS, "modules", "login"),
    Counted("actions/triggers/{triggerId}/bindings", _ACTIONS, "bindings", "login"),
)

_GUARDIAN: Final = ("read:guardian_factors",)
_ATTACKS: Final = ("read:attack_protection",)
_FACTORS: Final = (
    *("sms", "push-notification", "otp", "email", "duo", "webauthn-roaming", "webauthn-platform", "recovery-code"),
)
_MESSAGES: Final = {
    "enrollment_message": "{{code}} is the code to enroll this phone at {{tenant.friendly_name}}.",
    "verification_message": "{{code}} is the code to sign in at {{tenant.friendly_name}}.",
}


def _no_shields(*stages: str) -> Mapping[str, Any]:
    return {stage: {"shields": []} for stage in stages}


DEFAULTS: Final = (
    Default("rules-configs", ("read:rules_configs",), "nobody", []),
    Default("log-streams", ("read:log_streams",), "audit", [], switches=("paginate",)),
    Default("actions/triggers", _ACTIONS, "login", {"triggers": []}),
    Default("guardian/policies", ("read:mfa_policies",), "login", [], written_by="PUT"),
    Default(
        "guardian/factors",
        _GUARDIAN,
        "login",
        [{"name": name, "enabled": False, "trial_expired": False} for name in _FACTORS],
    ),
    Default(
        "guardian/factors/{name}",
        _GUARDIAN,
        "login",
        {"enabled": False},
        written_by="PUT",
        is_read=False,
        names=_FACTORS,
    ),
    Default("guardian/factors/sms/providers/twilio", _GUARDIAN, "login", {}),
    Default("guardian/factors/phone/providers/twilio", _GUARDIAN, "login", {}),
    Default("guardian/factors/push-notification/providers/sns", _GUARDIAN, "login", {}),
    Default("guardian/factors/sms/templates", _GUARDIAN, "login", _MESSAGES, written_by="PUT"),
    Default("guardian/factors/phone/templates", _GUARDIAN, "login", _MESSAGES, written_by="PUT"),
    Default("guardian/factors/phone/selected-provider", _GUARDIAN, "login", {"provider": "auth0"}, written_by="PUT"),
    Default("guardian/factors/sms/selected-provider", _GUARDIAN, "login", {"provider": "auth0"}, written_by="PUT"),
    Default(
        "guardian/factors/push-notification/selected-provider",
        _GUARDIAN,
        "login",
        {"provider": "guardian"},
        written_by="PUT",
    ),
    Default("guardian/factors/phone/message-types", _GUARDIAN, "login", {"message_types": []}, written_by="PUT"),
    Default("branding/phone/providers", ("read:phone_providers",), "login", {"providers": []}, switches=("disabled",)),
    Default("branding/phone/templates", ("read:phone_templates",), "login", {"templates": []}, switches=("disabled",)),
    Default(
        "prompts/{prompt}/custom-text/{language}",
        ("read:prompts",),
        "login",
        {},
        written_by="PUT",
        among={"prompt": PROMPTS, "language": LANGUAGES},
    ),
    Default(
        "prompts/{prompt}/partials", ("read:prompts",), "login", {}, written_by="PUT", among={"prompt": PARTIAL_PROMPTS}
    ),
    Default(
        "attack-protection/breached-password-detection",
        _ATTACKS,
        "login",
        {
            "enabled": False,
            "shields": [],
            "admin_notification_frequency": [],
            "method": "standard",
            "stage": _no_shields("pre-user-registration", "pre-change-password"),
        },
        written_by="PATCH",
    ),
    Default(
        "attack-protection/bot-detection",
        _ATTACKS,
        "login",
        {
            "bot_detection_level": "low",
            "challenge_password_policy": "never",
            "challenge_passwordless_policy": "never",
            "challenge_password_reset_policy": "never",
            "allowlist": [],
            "monitoring_mode_enabled": False,
        },
        written_by="PATCH",
    ),
    Default(
        "attack-protection/captcha",
        _ATTACKS,
        "login",
        {"simple_captcha": {}, "auth_challenge": {"fail_open": False}},
        written_by="PATCH",
    ),
    Default("risk-assessments/settings", _ATTACKS, "login", {"enabled": False}, written_by="PATCH"),
    Default("risk-assessments/settings/new-device", _ATTACKS, "login", {"remember_for": 0}, written_by="PATCH"),
    Default("supplemental-signals", _ATTACKS, "gateway", {"akamai_enabled": False}, written_by="PATCH"),
)

ABSENT: Final = (
    Absent(
        "emails/provider",
        ("read:email_provider",),
        "login",
        "inexistent_email_provider",
        "There is not a configured email provider",
        filters=("fields", "include_fields"),
    ),
    Absent(
        "email-templates/{templateName}",
        ("read:email_templates",),
        "login",
        "inexistent_email_template",
        "The template does not exist.",
    ),
    Absent(
        "branding/templates/universal-login",
        ("read:branding",),
        "login",
        "inexistent_templates_universal_login",
        "Template does not exist.",
    ),
    Absent(
        "branding/themes/default",
        ("read:branding",),
        "login",
        "theme_not_found",
        "There was an error retrieving branding settings: invalid theme ID",
    ),
    Absent("roles/{id}", ("read:roles",), "login", "inexistent_role", "The role does not exist."),
    Absent(
        "organizations/{id}",
        ("read:organizations", "read:organizations_summary"),
        "login",
        None,
        "No organization found by that id or name",
    ),
)

ROWS: Final[tuple[Row, ...]] = (*LISTS, *COUNTED, *DEFAULTS, *ABSENT)
