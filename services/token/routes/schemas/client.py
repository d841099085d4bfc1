"""Applications as data: the properties of `/api/v2/clients`, those that Auth0's own tools send.

What is listed is validated, kept and given back. What would promise a protection that does not exist yet is refused
(`PROMISES`), because an administrator who reads it back would rely on it.
"""

from typing import Final

from libs.edge.schema import Array, Dictionary, Integer, Object, Property, Resource, Text
from libs.jose import ALGORITHMS
from services.token.routes.schemas.addons import ADDONS
from services.token.routes.schemas.kinds import (
    BOOLEAN,
    CALLBACK,
    FETCHED,
    METADATA,
    ORIGIN,
    PAGE,
    SCOPES,
    SECONDS,
    choice,
    choices,
    line,
    members,
    ours,
    removable,
    required,
)
from services.token.routes.schemas.promises import Promises

APP_TYPES: Final = (
    *("native", "spa", "regular_web", "non_interactive", "resource_server", "express_configuration", "rms", "box"),
    *("cloudbees", "concur", "dropbox", "mscrm", "echosign", "egnyte", "newrelic", "office365", "salesforce", "sentry"),
    *("sharepoint", "slack", "springcm", "zendesk", "zoom", "sso_integration", "oag"),
)

GRANT_TYPES: Final = (
    *("authorization_code", "implicit", "refresh_token", "client_credentials", "password"),
    *(
        f"http://auth0.com/oauth/grant-type/{each}"
        for each in ("password-realm", "passwordless/otp", "mfa-oob", "mfa-otp", "mfa-recovery-code")
    ),
    *(
        f"urn:ietf:params:oauth:grant-type:{each}"
        for each in ("device_code", "token-exchange", "jwt-bearer", "saml2-bearer", "webauthn")
    ),
    "urn:openid:params:grant-type:ciba",
    "urn:okta:params:oauth:grant-type:webauthn",
    "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token",
)

CREDENTIAL: Final = Object(
    Property("id", line(64, shortest=1), "A credential the client has"),
    Property("credential_type", choice("public_key")),
    Property("name", line(128), "For people", is_nullable=True),
    Property("pem", Text(min_length=1, max_length=16_384), "A public key or a certificate"),
    Property("alg", choice(*ALGORITHMS), "The one algorithm its signatures may use", default="RS256"),
    Property("kid", Text(min_length=1, max_length=128, pattern=r"[A-Za-z0-9_-]+"), is_nullable=True),
    Property("expires_at", line(40, shortest=10), "When it ends, as RFC 3339 says", is_nullable=True),
    Property("parse_expiry_from_cert", BOOLEAN, is_nullable=True),
)

_OIDC_LOGOUT: Final = Object(
    Property("backchannel_logout_urls", Array(FETCHED, max_items=5)),
    Property(
        "backchannel_logout_initiators",
        Object(
            Property("mode", choice("custom", "all")),
            Property(
                "selected_initiators",
                choices(
                    *("rp-logout", "idp-logout", "password-changed", "session-expired", "session-revoked"),
                    *("account-deleted", "email-identifier-changed", "mfa-phone-unenrolled", "account-deactivated"),
                    "profile-changed",
                ),
            ),
        ),
    ),
    Property("backchannel_logout_session_metadata", Object(Property("include", BOOLEAN))),
)

_REFRESH_TOKEN: Final = Object(
    Property("rotation_type", choice("rotating", "non-rotating")),
    Property("expiration_type", choice("expiring", "non-expiring")),
    Property("leeway", Integer(minimum=0, maximum=60), "Seconds in which a retry gets the same successor"),
    Property("token_lifetime", Integer(minimum=1, maximum=157_788_000)),
    Property("idle_token_lifetime", Integer(minimum=1, maximum=157_788_000)),
    Property("infinite_token_lifetime", BOOLEAN),
    Property("infinite_idle_token_lifetime", BOOLEAN),
    Property("policies", Array(Object(required("audience", line(600)), required("scope", SCOPES)))),
)

_SESSION_TRANSFER: Final = Object(
    Property("can_create_session_transfer_token", BOOLEAN),
    Property("enforce_cascade_revocation", BOOLEAN),
    Property("allowed_authentication_methods", choices("cookie", "query")),
    Property("enforce_device_binding", choice("ip", "asn", "none")),
    Property("allow_refresh_token", BOOLEAN),
    Property("enforce_online_refresh_tokens", BOOLEAN),
    removable(
        "delegation",
        Object(Property("allow_delegated_access", BOOLEAN), Property("enforce_device_binding", choice("ip"))),
    ),
)

_MY_ORGANIZATION: Final = Object(
    Property("connection_profile_id", line(64)),
    Property("user_attribute_profile_id", line(64)),
    required("allowed_strategies", choices("pingfederate", "adfs", "waad", "google-apps", "okta", "oidc", "samlp")),
    Property(
        "third_party_client_access",
        Object(required("default_value", choice("block")), required("allowed_values", choices("allow", "block"))),
    ),
    required("connection_deletion_behavior", choice("allow", "allow_if_empty")),
    Property("invitation_landing_client_id", line(64)),
    Property("enforce_permission_ceiling", BOOLEAN),
    Property("enforce_self_assignment_restriction", BOOLEAN),
)

_EXPRESS: Final = Object(
    required("initiate_login_uri_template", Text(max_length=2048, pattern=r"https://[\x21-\x7e]+")),
    required("user_attribute_profile_id", line(64)),
    required("connection_profile_id", line(64)),
    required("enable_client", BOOLEAN),
    required("enable_organization", BOOLEAN),
    Property("linked_clients", Array(Object(required("client_id", line(64))))),
    required("okta_oin_client_id", line(64)),
    required("admin_login_domain", line(255)),
    Property("oin_submission_id", line(64)),
)

_QUOTA: Final = Object(
    required(
        "client_credentials",
        Object(
            Property("enforce", BOOLEAN),
            Property("per_day", Integer(minimum=1)),
            Property("per_hour", Integer(minimum=1)),
        ),
    )
)

_SOCIAL: Final = {name: Object(Property("enabled", BOOLEAN)) for name in ("apple", "facebook", "google")}
_CREDENTIALS: Final = Object(required("credentials", Array(CREDENTIAL, min_items=1)))

CLIENT: Final = Resource(
    "client",
    ours("client_id", line(64), "Names the client at the token endpoint and in paths"),
    ours("client_secret", line(64), "Shown once, in the answer that issues it"),
    ours("tenant", line(64), "Whose client it is"),
    ours("global", BOOLEAN, "Whether it is the tenant's own; no client is"),
    required("name", line(256, shortest=1), "Name of the client"),
    removable("description", line(140), "Free text description of the client"),
    removable("app_type", choice(*APP_TYPES), "Type of the client"),
    removable("grant_types", choices(*GRANT_TYPES), "Grant types the client may use"),
    removable(
        "token_endpoint_auth_method",
        choice("none", "client_secret_post", "client_secret_basic"),
        "How the client authenticates; exact when set, either way of sending the secret when not",
    ),
    removable(
        "client_authentication_methods",
        Object(
            Property("private_key_jwt", _CREDENTIALS),
            Property("tls_client_auth", _CREDENTIALS),
            Property("self_signed_tls_client_auth", _CREDENTIALS),
        ),
        "Authentication by something other than a secret",
    ),
    removable("callbacks", Array(CALLBACK, is_unique=True), "URLs where an authorization response may be sent"),
    removable("allowed_logout_urls", Array(CALLBACK, is_unique=True), "URLs where a logout may lead"),
    removable("allowed_origins", Array(ORIGIN, is_unique=True), "Origins of scripts that may call"),
    removable("web_origins", Array(ORIGIN, is_unique=True), "Origins that may receive web messages"),
    removable("initiate_login_uri", FETCHED, "Where a login is begun for the client"),
    removable("logo_uri", FETCHED, "URL of the logo"),
    removable("oidc_logout", _OIDC_LOGOUT),
    removable("oidc_backchannel_logout", _OIDC_LOGOUT),
    removable("client_metadata", METADATA, "Up to ten texts of the administrator's own"),
    removable("is_first_party", BOOLEAN),
    removable("oidc_conformant", BOOLEAN),
    removable("is_token_endpoint_ip_header_trusted", BOOLEAN),
    removable("sso", BOOLEAN),
    removable("sso_disabled", BOOLEAN),
    removable("cross_origin_authentication", BOOLEAN),
    removable("cross_origin_loc", Text(max_length=2048, format="web-url")),
    removable("custom_login_page_on", BOOLEAN),
    removable("custom_login_page", PAGE),
    removable("custom_login_page_preview", PAGE),
    removable("form_template", PAGE),
    removable(
        "jwt_configuration",
        Object(
            Property("lifetime_in_seconds", SECONDS),
            Property("secret_encoded", BOOLEAN),
            Property("scopes", Dictionary(line(255))),
            Property("alg", choice("RS256", "PS256")),
        ),
    ),
    removable("refresh_token", _REFRESH_TOKEN),
    removable("session_transfer", _SESSION_TRANSFER),
    removable("client_aliases", Array(line(255), is_unique=True)),
    removable("allowed_clients", Array(line(255), is_unique=True)),
    removable("encryption_key", Object(*(Property(name, PAGE) for name in ("pub", "cert", "subject")))),
    removable("addons", ADDONS),
    removable(
        "mobile",
        Object(
            Property("android", members("app_package_name", sha256_cert_fingerprints=Array(line(128)))),
            Property("ios", members("team_id", "app_bundle_identifier")),
        ),
    ),
    removable("native_social_login", Object(*(removable(name, kind) for name, kind in _SOCIAL.items()))),
    removable("fedcm_login", Object(removable("google", Object(Property("is_enabled", BOOLEAN))))),
    removable("organization_usage", choice("deny", "allow", "require")),
    removable("organization_require_behavior", choice("no_prompt", "pre_login_prompt", "post_login_prompt")),
    removable("organization_discovery_methods", choices("email", "organization_name")),
    removable(
        "default_organization",
        Object(required("organization_id", line(64)), required("flows", choices("client_credentials"))),
    ),
    removable("require_pushed_authorization_requests", BOOLEAN),
    removable("require_proof_of_possession", BOOLEAN),
    removable(
        "signed_request_object", Object(Property("required", BOOLEAN), Property("credentials", Array(CREDENTIAL)))
    ),
    removable("token_vault_privileged_access", Object(Property("credentials", Array(CREDENTIAL)))),
    removable(
        "compliance_level",
        choice("none", "fapi1_adv_pkj_par", "fapi1_adv_mtls_par", "fapi2_sp_pkj_mtls", "fapi2_sp_mtls_mtls"),
    ),
    removable("skip_non_verifiable_callback_uri_confirmation_prompt", BOOLEAN),
    removable(
        "token_exchange",
        Object(Property("allow_any_profile_of_type", choices("custom_authentication", "on_behalf_of_token_exchange"))),
    ),
    removable("par_request_expiry", Integer(minimum=10, maximum=600)),
    removable("token_quota", _QUOTA),
    Property(
        "resource_server_identifier",
        line(600, shortest=1),
        "The API whose own application it is",
        is_immutable=True,
        is_nullable=True,
    ),
    removable("identity_assertion_authorization_grant", Object(required("active", BOOLEAN))),
    removable("anonymous_sessions", Object(required("active", BOOLEAN))),
    removable("enforce_anon_session_transfer_network_binding", choice("ip", "asn", "none")),
    removable("third_party_security_mode", choice("strict", "permissive")),
    removable("redirection_policy", choice("allow_always", "open_redirect_protection")),
    removable("express_configuration", _EXPRESS),
    removable(
        "b2b_integration_configuration",
        Object(
            Property("sso_profiles", Array(line(64))),
            Property("integration_type", choice("custom_auth_server", "third_party", "application")),
        ),
    ),
    removable("my_organization_configuration", _MY_ORGANIZATION),
    removable("async_approval_notification_channels", choices("guardian-push", "email", "my-account")),
    removable(
        "oidc_support",
        Object(
            required("is_allowed", BOOLEAN),
            Property("allow_all_scopes", BOOLEAN),
            Property("allowed_scopes", choices("profile", "email", "address", "phone")),
        ),
    ),
)

ROTATION: Final = Resource(
    "rotation",
    Property(
        "previous_secret_lifetime",
        Integer(minimum=0, maximum=2_592_000),
        "Seconds for which the previous secret lives on",
        is_nullable=True,
    ),
)

PROMISES: Final[Promises] = {
    "require_proof_of_possession": bool,
    "compliance_level": lambda value: value != "none",
    "default_organization": bool,
    "organization_usage": lambda value: value == "require",
    "signed_request_object": bool,
    "token_vault_privileged_access": bool,
    "token_quota": lambda value: bool(value["client_credentials"].get("enforce", True)),
    "client_authentication_methods": lambda value: set(value) != {"private_key_jwt"},
}
