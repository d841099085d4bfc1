"""Owns which answers a script on another origin may read (Fetch standard, section 3.2).

The public endpoints know no cookie, so `*` without credentials gives nothing away. Everything else has no CORS
headers at all: a browser then keeps the answer to itself.
"""

from services.gateway.filters.exchange import Exchange

ALLOW_HEADERS = "authorization, content-type, auth0-client, dpop"
EXPOSE_HEADERS = "x-request-id, retry-after, www-authenticate, dpop-nonce, etag"
PREFLIGHT_SECONDS = "7200"


def leaving(exchange: Exchange, headers: list[tuple[str, str]]) -> None:
    """Let scripts read the answers of public endpoints, refusals too."""
    if not exchange.route.is_public:
        return
    headers.append(("access-control-allow-origin", "*"))
    headers.append(("access-control-expose-headers", EXPOSE_HEADERS))
    if exchange.method == "OPTIONS":
        headers.append(("access-control-allow-methods", ", ".join(exchange.route.methods)))
        headers.append(("access-control-allow-headers", ALLOW_HEADERS))
        headers.append(("access-control-max-age", PREFLIGHT_SECONDS))
