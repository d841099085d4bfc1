"""Owns the one table from path to service. Paths are compared raw: an escaped letter is another path."""

from libs.edge.paths import MANAGEMENT
from services.gateway.filters.exchange import UNKNOWN, Route

READ = ("GET", "HEAD", "OPTIONS")


ROOT = Route("root", methods=READ)
JWKS = Route("jwks", methods=READ, is_public=True)
DISCOVERY = Route("discovery", methods=READ, is_public=True)

EXACT: dict[str, Route] = {
    "/": ROOT,
    "/oauth/token": Route("token", "token", ("POST", "OPTIONS"), is_public=True),
    "/.well-known/jwks.json": JWKS,
    "/.well-known/openid-configuration": DISCOVERY,
    "/.well-known/oauth-authorization-server": DISCOVERY,
}

MANAGED: dict[str, str] = {
    "clients": "token",
    "resource-servers": "token",
    "client-grants": "token",
    "keys": "key_rotation",
    "logs": "audit",
    "tenants": "tenants",
    # What no service owns yet: `tenants` tells that nothing of it is configured.
    **dict.fromkeys(
        (
            *("actions", "attack-protection", "branding", "connection-profiles", "connections"),
            *("connections-directory-provisionings", "custom-domains", "device-credentials", "email-templates"),
            *("emails", "event-streams", "flows", "forms", "grants", "guardian", "hooks", "log-streams"),
            *("network-acls", "organizations", "prompts", "rate-limit-policies", "risk-assessments", "roles", "rules"),
            *("rules-configs", "self-service-profiles", "supplemental-signals", "token-exchange-profiles"),
            *("user-attribute-profiles", "users", "users-by-email"),
        ),
        "tenants",
    ),
}
"""The first segment behind `/api/v2/`."""

_MANAGEMENT_ROUTES = {segment: Route("management", service) for segment, service in MANAGED.items()}
_UNKNOWN_MANAGEMENT = Route("management")

FAMILIES = ("root", "jwks", "discovery", "management", "other", "token")


def route_of(raw_path: str) -> Route:
    """The route of a raw path, UNKNOWN where nothing is."""
    if (route := EXACT.get(raw_path)) is not None:
        return route
    if not raw_path.startswith(MANAGEMENT):
        return UNKNOWN
    segment = raw_path[len(MANAGEMENT) :].partition("/")[0]
    return _MANAGEMENT_ROUTES.get(segment, _UNKNOWN_MANAGEMENT)
