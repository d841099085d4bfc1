"""Applications as data: the properties of `/api/v2/clients`, those that Auth0's own tools send.

What is listed is validated, kept and given back. What would promise a protection that does not exist yet is refused
(`PROMISES`), because an administrator who reads it back would rely on it.
"""

from typing import Final

from libs.edge.schema import Array, Dictionary, Integer, Object, Property, Resource, Text
from services.token.routes.schemas.addons import ADDONS
from services.token.routes.schemas.client_objects import (
    CREDENTIAL,
    CREDENTIALS,
    EXPRESS,
    MY_ORGANIZATION,
    OIDC_LOGOUT,
    QUOTA,
    REFRESH_TOKEN,
    SESSION_TRANSFER,
    SOCIAL,
    VAULT,
)
from services.token.routes.schemas.kinds import (
    BOOLEAN,
    CALLBACK,
    FETCHED_OR_EMPTY,
    METADATA,
    ORIGIN,
    PAGE,
    SECONDS,
    choice,
    choices,
    line,
    members,
    ours,
    removable,
    required,
    waiting,
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
            Property("private_key_jwt", CREDENTIALS),
            Property("tls_client_auth", CREDENTIALS),
            Property("self_signed_tls_client_auth", CREDENTIALS),
        ),
        "Authentication by something other than a secret",
    ),
    removable("client_metadata", METADATA, "Up to ten texts of the administrator's own"),
    removable("callbacks", Array(CALLBACK, is_unique=True), "URLs where an authorization response may be sent"),
    removable("allowed_logout_urls", Array(CALLBACK, is_unique=True), "URLs where a logout may lead"),
    removable("web_origins", Array(ORIGIN, is_unique=True), "Origins that may receive web messages"),
    removable("oidc_logout", OIDC_LOGOUT, "Where it is told that a session is over"),
    removable("oidc_backchannel_logout", OIDC_LOGOUT, "The same, by its older name"),
    removable("is_first_party", BOOLEAN, "Whether people are not asked for consent"),
    removable("refresh_token", REFRESH_TOKEN, "How long its refresh tokens live, and whether each use gives another"),
    removable(
        "jwt_configuration",
        Object(
            Property("lifetime_in_seconds", SECONDS),
            Property("secret_encoded", BOOLEAN, waits="tokens signed with the secret, which are not here"),
            Property("scopes", Dictionary(line(255)), waits="scopes of Auth0's first API"),
            Property("alg", choice("RS256", "PS256")),
        ),
    ),
    removable("allowed_origins", Array(ORIGIN, is_unique=True), "Origins of scripts that may call"),
    *waiting(
        "links back to applications",
        removable("initiate_login_uri", FETCHED_OR_EMPTY, "Where a login is begun for the client"),
    ),
    *waiting(
        "pages that show the application",
        removable("logo_uri", FETCHED_OR_EMPTY, "URL of the logo"),
    ),
    *waiting(
        "Auth0's older login pages, which are not here",
        removable("oidc_conformant", BOOLEAN),
        removable("cross_origin_authentication", BOOLEAN),
        removable("cross_origin_loc", Text(max_length=2048, format="web-url")),
        removable("custom_login_page_on", BOOLEAN),
        removable("custom_login_page", PAGE),
        removable("custom_login_page_preview", PAGE),
        removable("form_template", PAGE),
    ),
    *waiting(
        "applications without single sign-on",
        removable("sso", BOOLEAN),
        removable("sso_disabled", BOOLEAN),
    ),
    *waiting(
        "session transfer",
        removable("session_transfer", SESSION_TRANSFER),
    ),
    *waiting(
        "links that open apps",
        removable(
            "mobile",
            Object(
                Property("android", members("app_package_name", sha256_cert_fingerprints=Array(line(128)))),
                Property("ios", members("team_id", "app_bundle_identifier")),
            ),
        ),
    ),
    *waiting(
        "social and enterprise connections",
        removable("native_social_login", Object(*(removable(name, kind) for name, kind in SOCIAL.items()))),
        removable("fedcm_login", Object(removable("google", Object(Property("is_enabled", BOOLEAN))))),
    ),
    *waiting(
        "pushed authorization requests",
        removable("require_pushed_authorization_requests", BOOLEAN),
        removable("par_request_expiry", Integer(minimum=10, maximum=600)),
    ),
    *waiting(
        "a question before callbacks that cannot be verified",
        removable("skip_non_verifiable_callback_uri_confirmation_prompt", BOOLEAN),
    ),
    *waiting(
        "anonymous sessions",
        removable("anonymous_sessions", Object(required("active", BOOLEAN))),
        removable("enforce_anon_session_transfer_network_binding", choice("ip", "asn", "none")),
    ),
    *waiting(
        "modes of third-party applications",
        removable("third_party_security_mode", choice("strict", "permissive")),
        removable("redirection_policy", choice("allow_always", "open_redirect_protection")),
        removable(
            "oidc_support",
            Object(
                required("is_allowed", BOOLEAN),
                Property("allow_all_scopes", BOOLEAN),
                Property("allowed_scopes", choices("profile", "email", "address", "phone")),
            ),
        ),
    ),
    *waiting(
        "approvals on another device",
        removable("async_approval_notification_channels", choices("guardian-push", "email", "my-account")),
    ),
    *waiting(
        "organizations",
        removable("organization_usage", choice("deny", "allow", "require")),
        removable("organization_require_behavior", choice("no_prompt", "pre_login_prompt", "post_login_prompt")),
        removable("organization_discovery_methods", choices("email", "organization_name")),
        removable(
            "default_organization",
            Object(required("organization_id", line(64)), required("flows", choices("client_credentials"))),
        ),
        removable("express_configuration", EXPRESS),
        removable(
            "b2b_integration_configuration",
            Object(
                Property("sso_profiles", Array(line(64))),
                Property("integration_type", choice("custom_auth_server", "third_party", "application")),
            ),
        ),
        removable("my_organization_configuration", MY_ORGANIZATION),
    ),
    *waiting(
        "SAML, WS-Federation and delegation",
        removable("client_aliases", Array(line(255), is_unique=True)),
        removable("allowed_clients", Array(line(255), is_unique=True)),
        removable("encryption_key", Object(*(Property(name, PAGE) for name in ("pub", "cert", "subject")))),
        removable("addons", ADDONS),
    ),
    *waiting(
        "token exchange",
        removable("token_vault_privileged_access", VAULT),
        removable(
            "token_exchange",
            Object(
                Property("allow_any_profile_of_type", choices("custom_authentication", "on_behalf_of_token_exchange"))
            ),
        ),
        Property(
            "resource_server_identifier",
            line(600, shortest=1),
            "The API whose own application it is",
            is_immutable=True,
            is_nullable=True,
        ),
        removable("identity_assertion_authorization_grant", Object(required("active", BOOLEAN))),
    ),
    *waiting(
        "signed requests, mutual TLS and DPoP",
        removable("require_proof_of_possession", BOOLEAN),
        removable(
            "signed_request_object", Object(Property("required", BOOLEAN), Property("credentials", Array(CREDENTIAL)))
        ),
        removable(
            "compliance_level",
            choice("none", "fapi1_adv_pkj_par", "fapi1_adv_mtls_par", "fapi2_sp_pkj_mtls", "fapi2_sp_mtls_mtls"),
        ),
    ),
    *waiting(
        "quotas and limits per address",
        removable("is_token_endpoint_ip_header_trusted", BOOLEAN),
        removable("token_quota", QUOTA),
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
    Property("id", line(64), "Whose secret it is, as the path says; auth0-python up to 4 says it twice"),
)

PROMISES: Final[Promises] = {
    "require_proof_of_possession": bool,
    "require_pushed_authorization_requests": bool,
    "redirection_policy": lambda value: value == "open_redirect_protection",
    "compliance_level": lambda value: value != "none",
    "default_organization": bool,
    "organization_usage": lambda value: value == "require",
    "signed_request_object": bool,
    "token_vault_privileged_access": bool,
    "token_quota": lambda value: bool(value["client_credentials"].get("enforce", True)),
    "client_authentication_methods": lambda value: set(value) != {"private_key_jwt"},
}
