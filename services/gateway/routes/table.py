"""Owns the one table from path to service. Paths are compared raw: an escaped letter is another path."""

from libs.edge.paths import MANAGEMENT, SCREENS
from services.gateway.filters.exchange import UNKNOWN, Route, Scripts

READ = ("GET", "HEAD", "OPTIONS")


ROOT = Route("root", methods=READ)
JWKS = Route("jwks", methods=READ, scripts=Scripts.OF_ANYBODY)
DISCOVERY = Route("discovery", methods=READ, scripts=Scripts.OF_ANYBODY)

PAGES = Route("page", "login")
"""Every page a person sees below `/u/`."""


def _page(service: str, *methods: str) -> Route:
    """A page at a path of its own."""
    return Route("page", service, _with_head(methods))


def _shared(family: str, service: str, *methods: str) -> Route:
    """What an application's script calls from its own origin."""
    return Route(family, service, (*_with_head(methods), "OPTIONS"), Scripts.OF_REGISTERED)


def _with_head(methods: tuple[str, ...]) -> tuple[str, ...]:
    """Services answer HEAD wherever they answer GET, with the same words and no body (RFC 9110 section 9.3.2)."""
    return ("HEAD", *methods) if "GET" in methods else methods


EXACT: dict[str, Route] = {
    "/": ROOT,
    "/authorize": _page("login", "GET", "POST"),
    "/authorize/resume": _page("login", "GET"),
    "/oauth/token": _shared("token", "token", "POST"),
    "/oauth/revoke": _shared("token", "token", "POST"),
    "/userinfo": _shared("userinfo", "login", "GET", "POST"),
    "/oidc/logout": _page("login", "GET", "POST"),
    "/v2/logout": _page("login", "GET"),
    "/dbconnections/signup": _shared("dbconnections", "login", "POST"),
    "/dbconnections/change_password": _shared("dbconnections", "login", "POST"),
    "/u/branding/logo": _page("tenants", "GET"),
    "/u/branding/favicon": _page("tenants", "GET"),
    "/dev/mailbox": _page("connections", "GET"),
    "/dev/mailbox.json": _page("connections", "GET", "DELETE"),
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
    "branding": "tenants",
    "prompts": "tenants",
    "users": "login",
    "users-by-email": "login",
    "sessions": "login",
    "grants": "login",
    "tickets": "login",
    "user-blocks": "login",
    "jobs": "login",
    "refresh-tokens": "token",
    "connections": "connections",
    # What no service owns yet: `tenants` tells that nothing of it is configured.
    **dict.fromkeys(
        (
            *("actions", "attack-protection", "connection-profiles", "connections-directory-provisionings"),
            *("custom-domains", "device-credentials", "email-templates", "emails", "event-streams", "flows", "forms"),
            *("guardian", "hooks", "log-streams", "network-acls", "organizations", "rate-limit-policies"),
            *("risk-assessments", "roles", "rules", "rules-configs", "self-service-profiles", "supplemental-signals"),
            *("token-exchange-profiles", "user-attribute-profiles"),
        ),
        "tenants",
    ),
}
"""The first segment behind `/api/v2/`."""

_MANAGEMENT_ROUTES = {segment: Route("management", service) for segment, service in MANAGED.items()}
_UNKNOWN_MANAGEMENT = Route("management")

FAMILIES = ("root", "jwks", "discovery", "management", "other", "token", "page", "userinfo", "dbconnections")


def route_of(raw_path: str) -> Route:
    """The route of a raw path, UNKNOWN where nothing is."""
    if (route := EXACT.get(raw_path)) is not None:
        return route
    if raw_path.startswith(SCREENS):
        return PAGES
    if not raw_path.startswith(MANAGEMENT):
        return UNKNOWN
    segment = raw_path[len(MANAGEMENT) :].partition("/")[0]
    return _MANAGEMENT_ROUTES.get(segment, _UNKNOWN_MANAGEMENT)
