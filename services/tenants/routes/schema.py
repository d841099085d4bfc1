"""The settings of a tenant as data: what a PATCH may say, in Auth0's names and shapes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from libs.edge.schema import (
    Anything,
    Array,
    Boolean,
    Dictionary,
    Integer,
    Kind,
    Number,
    Object,
    Property,
    Resource,
    Text,
)
from libs.jose import SIGNING_ALGORITHMS
from services.tenants.rules.settings import DEFAULT_FLAGS, OTHER_FLAGS

PAGE: Final = Text(max_length=16384)
"""A page of the tenant's own; the three of them must fit an event."""

URL: Final = Text(format="https-url-or-empty", max_length=1024)
"""A URL that browsers of any user follow or load from the tenant's pages (SF-01); empty is none, as in Auth0."""

LOGOUT_URL: Final = Text(format="redirect-uri", max_length=1024)
# Names are shown in titles and mails: a line end or a change of direction in them would forge what stands around.
NAME: Final = Text(pattern=r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*", max_length=255)
# Neither a list of addresses nor an encoded word, which a mailer would decode into another address.
ADDRESS: Final = Text(
    pattern=r"|[^@\s\x00-\x1f\x7f-\x9f=?<>\",;:\\]+@[^@\s\x00-\x1f\x7f-\x9f=?<>\",;:\\]+", max_length=254
)
COLOR: Final = Text(pattern=r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?", max_length=7)
AUDIENCE: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]*"
"""What an API can be called."""
LOCALE: Final = Text(pattern=r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}", max_length=35)
HOURS: Final = Number(minimum=1 / 60, maximum=8760)
MINUTES: Final = Integer(minimum=1, maximum=525600)


def _page_with_switch() -> Object:
    return Object(Property("enabled", Boolean()), Property("html", PAGE))


def _quota() -> Object:
    amount = Integer(minimum=1)
    limits = (Property("enforce", Boolean()), Property("per_day", amount), Property("per_hour", amount))
    return Object(Property("client_credentials", Object(*limits), is_required=True))


def _claims() -> Object:
    claim = Object(
        Property("name", Text(max_length=255), is_required=True),
        Property("expression", Text(max_length=4096), is_required=True),
    )
    return Object(Property("claims_mapping", Object(Property("custom_claims", Array(claim, max_items=100)))))


def _removable(name: str, kind: Kind, description: str = "") -> Property:
    return Property(name, kind, description, is_nullable=True)


_PROPERTIES: Final = (
    _removable("access_token", _claims()),
    _removable("acr_values_supported", Array(Text(max_length=255), is_unique=True), "Values of acr this tenant knows"),
    _removable("allow_organization_name_in_authentication_api", Boolean()),
    _removable("allowed_logout_urls", Array(LOGOUT_URL), "Where a logout may lead"),
    _removable(
        "allowed_signing_algs",
        Array(Text(enum=SIGNING_ALGORITHMS), min_items=1, is_unique=True),
        "Algorithms an API may sign with; RS256 is always among them",
    ),
    _removable("authorization_response_iss_parameter_supported", Boolean()),
    _removable("change_password", _page_with_switch()),
    _removable("client_id_metadata_document_dynamic_registration_supported", Boolean()),
    _removable("client_id_metadata_document_supported", Boolean()),
    _removable(
        "country_codes",
        Object(
            Property("list", Array(Text(pattern="[A-Z]{2}"), max_items=300), is_required=True),
            Property("mode", Text(enum=("allow", "deny")), is_required=True),
        ),
    ),
    _removable("customize_mfa_in_postlogin_action", Boolean()),
    _removable(
        "default_audience", Text(max_length=600, pattern=AUDIENCE), "The audience of a token request that names none"
    ),
    _removable("default_directory", Text(max_length=128), "The connection of a password grant that names none"),
    _removable("default_redirection_uri", URL),
    _removable("default_token_quota", Object(Property("clients", _quota()), Property("organizations", _quota()))),
    _removable(
        "device_flow",
        Object(
            Property("charset", Text(enum=("base20", "digits"))),
            Property("mask", Text(pattern="[* -]*", max_length=20)),
        ),
    ),
    _removable("dpop_strict_refresh_token_binding", Boolean()),
    _removable("dynamic_client_registration_security_mode", Text(enum=("strict", "permissive"))),
    _removable("enable_ai_guide", Boolean()),
    _removable("enabled_locales", Array(LOCALE, min_items=1, is_unique=True), "Languages of the pages, best first"),
    _removable("ephemeral_session_lifetime", HOURS),
    _removable("ephemeral_session_lifetime_in_minutes", MINUTES),
    _removable(
        "error_page",
        Object(Property("html", PAGE), Property("show_log_link", Boolean()), Property("url", URL)),
    ),
    Property(
        "flags",
        Object(*(Property(name, Boolean()) for name in (*DEFAULT_FLAGS, *OTHER_FLAGS))),
        "Switches of Auth0's; enable_client_connections and enable_public_signup_user_exists_error have an effect",
    ),
    _removable("friendly_name", NAME, "What people read on the pages"),
    _removable("guardian_mfa_page", _page_with_switch()),
    _removable("idle_ephemeral_session_lifetime", HOURS),
    _removable("idle_ephemeral_session_lifetime_in_minutes", MINUTES),
    _removable("idle_session_lifetime", HOURS, "Hours after which an unused session ends"),
    _removable("idle_session_lifetime_in_minutes", MINUTES, "The same in minutes"),
    _removable("include_session_metadata_in_tenant_logs", Boolean()),
    _removable("legacy_sandbox_version", Text(pattern=r"[0-9]{1,3}")),
    _removable("mtls", Object(Property("enable_endpoint_aliases", Boolean()))),
    _removable("oidc_logout", Object(Property("rp_logout_end_session_endpoint_discovery", Boolean()))),
    _removable("phone_consolidated_experience", Boolean()),
    _removable("picture_url", URL, "The logo"),
    _removable("pushed_authorization_requests_supported", Boolean()),
    _removable("resource_parameter_profile", Text(enum=("audience", "compatibility"))),
    _removable("sandbox_version", Text(pattern=r"[0-9]{1,3}")),
    _removable(
        "security_headers",
        Object(
            Property("content_security_policy", Dictionary(Anything(), max_members=10)),
            Property("x_xss_protection", Dictionary(Anything(), max_members=10)),
        ),
    ),
    _removable(
        "session_cookie",
        Object(Property("mode", Text(enum=("persistent", "non-persistent")), is_required=True)),
        "Whether sessions outlive the browser",
    ),
    _removable("session_lifetime", HOURS, "Hours after which a session ends"),
    _removable("session_lifetime_in_minutes", MINUTES, "The same in minutes"),
    _removable(
        "sessions",
        Object(
            Property("oidc_logout_prompt_enabled", Boolean()),
            Property(
                "anonymous",
                Object(Property("lifetime_in_minutes", MINUTES), Property("activate_cookie", Boolean())),
            ),
        ),
    ),
    _removable("skip_non_verifiable_callback_uri_confirmation_prompt", Boolean()),
    _removable("support_email", ADDRESS, "Whom people may ask, in mails"),
    _removable("support_url", URL, "Where the pages say help is"),
    _removable(
        "universal_login",
        Object(
            Property("colors", Object(Property("page_background", COLOR), Property("primary", COLOR))),
            Property(
                "passwordless",
                Object(Property("allow_magiclink_verify_without_session", Boolean())),
                waits="passwordless logins",
            ),
        ),
        "Colours of the pages, where `branding` has none",
    ),
)

WAITS: Final = {
    "pages of one's own": ("change_password", "error_page", "guardian_mfa_page"),
    "multi-factor authentication": ("acr_values_supported", "customize_mfa_in_postlogin_action"),
    "text messages": ("country_codes", "phone_consolidated_experience"),
    "the password grant": ("default_directory",),
    "links back to applications": ("default_redirection_uri",),
    "ephemeral sessions": (
        *("ephemeral_session_lifetime", "idle_ephemeral_session_lifetime"),
        *("ephemeral_session_lifetime_in_minutes", "idle_ephemeral_session_lifetime_in_minutes"),
    ),
    "what the other switches are about": ("flags",),
    "discovery without the address of logout": ("oidc_logout",),
    "logouts that nobody is asked about, and anonymous sessions": ("sessions",),
    "actions": ("sandbox_version", "legacy_sandbox_version"),
    "a dashboard": ("enable_ai_guide",),
    "metadata of sessions in the log": ("include_session_metadata_in_tenant_logs",),
    "a question before callbacks that cannot be verified": ("skip_non_verifiable_callback_uri_confirmation_prompt",),
    "a logo apart from that of `branding`": ("picture_url",),
    "organizations": ("allow_organization_name_in_authentication_api",),
    "dynamic client registration": (
        *("client_id_metadata_document_supported", "dynamic_client_registration_security_mode"),
        "client_id_metadata_document_dynamic_registration_supported",
    ),
    "the device flow": ("device_flow",),
    "answers without iss": ("authorization_response_iss_parameter_supported",),
    "claims of one's own": ("access_token",),
    "DPoP": ("dpop_strict_refresh_token_binding",),
    "headers of one's own": ("security_headers",),
    "mutual TLS": ("mtls",),
    "pushed authorization requests": ("pushed_authorization_requests_supported", "resource_parameter_profile"),
    "token quotas": ("default_token_quota",),
}
"""Settings that are kept and given back, by what they wait for until they have an effect."""

PROMISES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "access_token": bool,
    "dpop_strict_refresh_token_binding": bool,
    "flags": lambda flags: flags.get("require_signed_request_object") is True,
    "security_headers": bool,
}
"""Settings, and whether a value promises what is not there yet: kept without effect it would deceive."""

_WAITS_OF: Final = {name: for_what for for_what, names in WAITS.items() for name in names}

SETTINGS: Final = Resource(
    "tenant_settings", *(replace(each, waits=_WAITS_OF.get(each.name, "")) for each in _PROPERTIES)
)
