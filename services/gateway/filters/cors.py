"""Owns which answers a script on another origin may read (Fetch standard, section 3.2).

What is public to everybody (keys, discovery) is so for scripts too. What an application's script calls (tokens, the
profile, sign-up) may be read by origins that an application of the tenant has registered, and never with cookies.
Everything else has no CORS headers at all, `/authorize` above all: a browser then keeps the answer to itself.
"""

from services.gateway.filters.exchange import Exchange, Scripts
from services.gateway.projections.origins import Origins

ALLOW_HEADERS = "authorization, content-type, auth0-client, dpop, x-requested-with"
"""What scripts send: the SDKs say who they are, Swagger UI and older libraries that they are scripts."""

EXPOSE_HEADERS = "x-request-id, retry-after, www-authenticate, dpop-nonce, etag"
PREFLIGHT_SECONDS = "7200"


class CORS:
    """Lets scripts read, by the table of routes and the origins that were followed."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins

    def __call__(self, exchange: Exchange, headers: list[tuple[str, str]]) -> None:
        """Add what a browser needs to hand the answer to a script, a refusal too."""
        scripts = exchange.route.scripts
        if scripts is Scripts.OF_ANYBODY:
            _share(exchange, headers, "*")
        elif scripts is Scripts.OF_REGISTERED:
            headers.append(("vary", "origin"))
            origin = exchange.header("origin")
            if origin is not None and self._origins.has(exchange.tenant, origin):
                _share(exchange, headers, origin)


def _share(exchange: Exchange, headers: list[tuple[str, str]], origin: str) -> None:
    headers.append(("access-control-allow-origin", origin))
    headers.append(("access-control-expose-headers", EXPOSE_HEADERS))
    if exchange.method == "OPTIONS":
        headers.append(("access-control-allow-methods", ", ".join(exchange.route.methods)))
        headers.append(("access-control-allow-headers", ALLOW_HEADERS))
        headers.append(("access-control-max-age", PREFLIGHT_SECONDS))
