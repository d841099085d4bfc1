"""Owns headers: which of a request's travel on, and which every answer bears.

A header that a service could take for the gateway's own word is dropped, whatever its spelling: forwarded addresses,
users, tenants, traces, and every name with an underscore, because some readers turn `x_user` and `x-user` into one.
"""

from services.gateway.filters.exchange import Exchange
from services.gateway.filters.refusals import HeaderTooLarge

MAX_HEADER_BYTES = 16 * 1024

HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "http2-settings",
})  # fmt: skip
"""RFC 9110 section 7.6.1, and what older clients send."""

INTERNAL = frozenset({
    "forwarded", "x-real-ip", "x-original-url", "x-original-uri", "x-original-host", "x-rewrite-url", "true-client-ip",
    "cf-connecting-ip", "x-client-ip", "x-cluster-client-ip", "x-request-id", "x-remote-user", "remote-user",
    "x-http-method-override", "x-method-override", "traceparent", "tracestate", "baggage", "b3", "via",
    "ssl-client-cert", "x-ssl-client-cert", "x-client-cert", "client-cert", "client-cert-chain",
    "content-length", "expect", "host",
})  # fmt: skip
"""Words of the gateway or of a proxy in front; the last three are said by fields of the request itself."""

INTERNAL_PREFIXES = ("x-forwarded", "x-user", "x-tenant", "x-auth-request", "x-limen", "x-envoy", "nats-")

_DROPPED = HOP_BY_HOP | INTERNAL
_HARMLESS_CONNECTION = frozenset({"", "keep-alive", "close"})

_ALWAYS = (("server", "limen"), ("x-content-type-options", "nosniff"))
_REFERRER = ("referrer-policy", "no-referrer")
_HSTS = ("strict-transport-security", "max-age=31536000")
_PERMISSIONS = ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
_OPENER = ("cross-origin-opener-policy", "same-origin")
# `no-referrer` would make browsers say `Origin: null` when a form of the page is sent (Fetch standard, section 3.2.5).
_REFERRER_OF_PAGES = ("referrer-policy", "same-origin")

OWN = frozenset({"server", "date", "content-length", "x-request-id"}) | HOP_BY_HOP
"""Headers of an answer that are the gateway's to write."""


def arriving(exchange: Exchange) -> None:
    """Fill `headers` with what may travel on; too much of it is refused."""
    size = 0
    named = _named_by_connection(exchange.header("connection"))
    for raw_name, raw_value in exchange.request.raw_headers:
        size += len(raw_name) + len(raw_value) + 4
        name = raw_name.decode("ascii").lower()
        if name not in _DROPPED and name not in named and "_" not in name and not name.startswith(INTERNAL_PREFIXES):
            exchange.headers.append((name, _text(raw_value)))
    if size > MAX_HEADER_BYTES:
        raise HeaderTooLarge


def _named_by_connection(connection: str | None) -> frozenset[str]:
    """Headers that `Connection` declares to be for this hop alone."""
    if connection is None or connection.lower() in _HARMLESS_CONNECTION:
        return frozenset()
    return frozenset(name.strip().lower() for name in connection.split(","))


def _text(raw: bytes) -> str:
    """UTF-8 where it is, else Latin-1 as RFC 9110 section 5.5 remembers it: every value can be sent on."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def leaving(exchange: Exchange, headers: list[tuple[str, str]]) -> None:
    """Add what every answer bears, whoever wrote it."""
    headers += _ALWAYS
    headers.append(("x-request-id", exchange.request_id))
    headers.append(("cross-origin-resource-policy", "cross-origin" if exchange.route.is_shared else "same-origin"))
    if exchange.scheme == "https":
        headers.append(_HSTS)
    is_page = any(name == "content-type" and value.startswith("text/html") for name, value in headers)
    _unless_said(headers, _REFERRER_OF_PAGES if is_page else _REFERRER)
    if is_page:
        headers.append(_PERMISSIONS)
        _unless_said(headers, _OPENER)


def _unless_said(headers: list[tuple[str, str]], header: tuple[str, str]) -> None:
    """Add a header, unless the service knows better: a page that answers its opener must not be cut off from it."""
    if not any(name == header[0] for name, _ in headers):
        headers.append(header)
