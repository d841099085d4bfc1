"""APIs as data: the properties of `/api/v2/resource-servers`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from libs.edge.management_errors import BadRequest
from libs.edge.schema import Anything, Array, Object, Property, Resource, Text
from services.token.routes.schemas.kinds import BOOLEAN, SECONDS, choice, line, ours, removable, required, waiting
from services.token.routes.schemas.promises import Promises

_SCOPE: Final = Object(
    required("value", Text(min_length=1, max_length=280, format="scope")),
    removable("description", line(500)),
)


_ENCRYPTION: Final = Object(
    required("format", line(64)),
    Property(
        "encryption_key",
        Object(
            Property("name", line(128)),
            required("alg", line(32)),
            Property("kid", line(128)),
            required("pem", Text(min_length=1, max_length=16_384)),
        ),
    ),
)


def _policy(*words: str) -> Object:
    return Object(Property("policy", choice(*words)))


RESOURCE_SERVER: Final = Resource(
    "resource_server",
    ours("id", line(24), "24 hexadecimal digits"),
    ours("is_system", BOOLEAN, "Whether it is the Management API itself"),
    Property(
        "identifier",
        Text(min_length=1, max_length=600, pattern=r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]+"),
        "The audience of its tokens; never changes",
        is_required=True,
        is_immutable=True,
    ),
    removable("name", line(200), "Friendly name"),
    removable("scopes", Array(_SCOPE, max_items=1000), "Permissions that can be granted"),
    removable("signing_alg", line(16), "Algorithm its tokens are signed with"),
    removable("token_lifetime", SECONDS, "Seconds a token is valid"),
    removable(
        "token_dialect",
        choice("access_token", "access_token_authz", "rfc9068_profile", "rfc9068_profile_authz"),
        "Auth0's profile of access tokens or that of RFC 9068",
    ),
    removable("enforce_policies", BOOLEAN, "Whether permissions are enforced"),
    removable("token_lifetime_for_web", SECONDS, "The same of tokens for applications in a browser"),
    removable("allow_offline_access", BOOLEAN, "Whether there are refresh tokens for it"),
    removable(
        "subject_type_authorization",
        Object(
            Property("user", _policy("allow_all", "deny_all", "require_client_grant")),
            Property("client", _policy("deny_all", "require_client_grant")),
            Property("anonymous_user", _policy("deny_all", "require_client_grant")),
        ),
    ),
    *waiting("anonymous sessions", removable("token_lifetime_for_anonymous_access_tokens", SECONDS)),
    *waiting(
        "refresh tokens that end with the session",
        removable("allow_online_access", BOOLEAN),
        removable("allow_online_access_with_ephemeral_sessions", BOOLEAN),
    ),
    *waiting(
        "first-party applications that ask for consent",
        removable("skip_consent_for_verifiable_first_party_clients", BOOLEAN),
    ),
    *waiting(
        "consent to single transactions",
        removable("require_consent_non_repudiation", BOOLEAN),
        removable("consent_policy", choice("transactional-authorization-with-mfa")),
    ),
    *waiting(
        "rich authorization requests and actions",
        removable("authorization_details", Array(Object(required("type", line(255, shortest=1))))),
        removable("authorization_policy", Object(required("policy_id", line(64)))),
        removable(
            "access_token", Object(Property("claims_mapping", Object(Property("custom_claims", Array(Anything())))))
        ),
    ),
    *waiting(
        "encrypted and bound tokens",
        removable(
            "proof_of_possession",
            Object(
                required("mechanism", choice("mtls", "dpop")),
                required("required", BOOLEAN),
                Property("required_for", choice("public_clients", "all_clients")),
            ),
        ),
        removable("token_encryption", _ENCRYPTION),
    ),
)

PROMISES: Final[Promises] = {
    "proof_of_possession": lambda value: bool(value["required"]),
    "token_encryption": bool,
    "authorization_policy": bool,
    "consent_policy": bool,
    "require_consent_non_repudiation": bool,
    "access_token": bool,
    "subject_type_authorization": lambda value: value.get("client", {}).get("policy") == "deny_all",
}


def refuse_repeated_scopes(properties: Mapping[str, Any]) -> None:
    """Refuse two scopes of one value, for nobody could say whose description counts.

    Raises:
        BadRequest: names the scope.
    """
    values = Counter(each["value"] for each in properties.get("scopes") or ())
    if repeated := [value for value, times in values.items() if times > 1]:
        raise BadRequest(f"Payload validation error: 'Scope is named twice: {repeated[0]}' on property scopes.")


def refuse_algorithm(properties: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Refuse a `signing_alg` that the tenant's settings do not name.

    Raises:
        BadRequest: names those that are allowed.
    """
    alg = properties.get("signing_alg")
    if alg is not None and alg not in allowed:
        raise BadRequest(
            f"Payload validation error: 'No enum match for: {alg}; the tenant allows {', '.join(allowed)}' "
            "on property signing_alg (Algorithm its tokens are signed with)."
        )
