"""Objects inside an application's properties."""

from typing import Final

from libs.edge.schema import Anything, Array, Integer, Object, Property, Text
from services.token.routes.schemas.client_credential import MEMBERS, TYPES
from services.token.routes.schemas.kinds import (
    BOOLEAN,
    SCOPES,
    TOLD,
    choice,
    choices,
    line,
    removable,
    required,
)

CREDENTIAL: Final = Object(
    Property("id", line(64, shortest=1), "A credential the client has"),
    Property("credential_type", TYPES),
    *MEMBERS,
)

OIDC_LOGOUT: Final = Object(
    Property("backchannel_logout_urls", Array(TOLD, max_items=5)),
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
        waits="a choice of what is told; every end of a session is",
    ),
    Property(
        "backchannel_logout_session_metadata",
        Object(Property("include", BOOLEAN)),
        waits="metadata of sessions in logout tokens",
    ),
)

REFRESH_TOKEN: Final = Object(
    Property("rotation_type", choice("rotating", "non-rotating")),
    Property("expiration_type", choice("expiring", "non-expiring")),
    Property("leeway", Integer(minimum=0, maximum=60), "Seconds in which a retry gets the same successor"),
    Property("token_lifetime", Integer(minimum=1, maximum=157_788_000)),
    Property("idle_token_lifetime", Integer(minimum=1, maximum=157_788_000)),
    Property("infinite_token_lifetime", BOOLEAN),
    Property("infinite_idle_token_lifetime", BOOLEAN),
    Property(
        "policies",
        Array(Object(required("audience", line(600)), required("scope", SCOPES))),
        waits="refresh tokens for several APIs",
    ),
)

SESSION_TRANSFER: Final = Object(
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

MY_ORGANIZATION: Final = Object(
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

EXPRESS: Final = Object(
    required("initiate_login_uri_template", Text(max_length=2048, format="https-url-template")),
    required("user_attribute_profile_id", line(64)),
    required("connection_profile_id", line(64)),
    required("enable_client", BOOLEAN),
    required("enable_organization", BOOLEAN),
    Property("linked_clients", Array(Object(required("client_id", line(64))))),
    required("okta_oin_client_id", line(64)),
    required("admin_login_domain", line(255)),
    Property("oin_submission_id", line(64)),
)

QUOTA: Final = Object(
    required(
        "client_credentials",
        Object(
            Property("enforce", BOOLEAN),
            Property("per_day", Integer(minimum=1)),
            Property("per_hour", Integer(minimum=1)),
        ),
    )
)

SOCIAL: Final = {name: Object(Property("enabled", BOOLEAN)) for name in ("apple", "facebook", "google")}
VAULT: Final = Object(
    Property("credentials", Array(CREDENTIAL)),
    Property("ip_allowlist", Array(Anything())),
    Property("grants", Array(Anything())),
)
CREDENTIALS: Final = Object(required("credentials", Array(CREDENTIAL, min_items=1)))
