"""Named formats of text in Management API bodies: URLs that may be kept, identifiers, scopes.

A URL that we or a browser will follow is dangerous twice: by its scheme (RU-05) and by where it leads (SF-01).
Names are resolved and checked again when they are fetched; here is refused what can be seen without asking anybody.
"""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from libs.oauth.scopes import is_scope_token

# Schemes that run code, read files or smuggle content when a browser or a fetcher follows them.
DANGEROUS_SCHEMES: Final = frozenset(
    (
        *("about", "blob", "chrome", "data", "dict", "file", "filesystem", "ftp", "gopher", "intent", "jar"),
        *("javascript", "ldap", "mailto", "resource", "ssh", "tel", "vbscript", "view-source", "ws", "wss"),
    )
)
LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})

# Printable ASCII without what RFC 3986 excludes: urlsplit alone would silently drop tabs and line ends.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC_END = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)")
_PLACEHOLDER = re.compile(r"\{[a-z_.]{1,64}\}")
_IDENTIFIER = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+")
# SVG is missing: it is a document that may hold scripts.
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
# Parameters an authorization response brings itself (RU-10).
_RESPONSE_PARAMETERS = frozenset({"code", "state", "iss", "error", "error_description", "access_token", "id_token"})
# `is_global` of Python 3.11 is true for these though they lead to IPv4 addresses chosen by whoever wrote them.
_TRANSLATED: Final = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))


def is_public_address(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is on the public internet, and no other address in disguise."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public_address(address.ipv4_mapped)
        if any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


def _split(text: str) -> SplitResult | None:
    """Split an absolute URI that says the same to every reader; otherwise `None`."""
    if not _URI.fullmatch(text) or _BAD_ESCAPE.search(text):
        return None
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return None
    return url if _has_plain_host(url) else None


def _has_plain_host(url: SplitResult) -> bool:
    if url.scheme in DANGEROUS_SCHEMES or "@" in url.netloc or url.netloc.endswith(":"):
        return False
    if url.scheme not in {"http", "https"}:
        return True
    host = url.hostname or ""
    return bool(_HOST_NAME.fullmatch(host)) or _literal(host) is not None


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _leads_outside(host: str) -> bool:
    literal = _literal(host)
    if literal is not None:
        return is_public_address(literal)
    # 2130706433, 127.1 and 0x7f.1 are addresses to some resolvers, and a name without a dot is somebody's machine.
    return "." in host and not host.endswith(".localhost") and not _NUMERIC_END.fullmatch(host)


def is_https_url(text: str) -> bool:
    """Tell whether we may fetch it: https, a host that can be public, no user info, no fragment."""
    url = _split(text)
    return url is not None and url.scheme == "https" and "#" not in text and _leads_outside(url.hostname or "")


def is_https_url_or_empty(text: str) -> bool:
    """Tell whether we may fetch it, or there is none: Auth0's tools send an empty text for a URL that is not set."""
    return not text or is_https_url(text)


def is_told_url(text: str) -> bool:
    """Tell whether we may post there: what we may fetch, or an application of this machine by the name `localhost`.

    Who sends looks at the address again, and the loopback is closed to it unless its operator opened it.
    """
    url = _split(text)
    is_here = url is not None and url.scheme == "http" and url.hostname == "localhost" and "#" not in text
    return is_https_url(text) or is_here


def is_picture_url(text: str) -> bool:
    """Tell whether it names a picture: an URL we may fetch, a `data:` URL of a kind of picture that runs nothing."""
    return is_https_url_or_empty(text) or bool(_PICTURE.fullmatch(text))


def is_https_url_template(text: str) -> bool:
    """Tell whether it is a URL we may fetch whatever its `{placeholders}` become; a number is the worst of them."""
    return is_https_url(_PLACEHOLDER.sub("1", text))


def is_web_url(text: str) -> bool:
    """Tell whether a browser may be sent there: https anywhere, http on loopback hosts only."""
    url = _split(text)
    return url is not None and (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK_HOSTS))


def is_redirect_uri(text: str) -> bool:
    """Tell whether it can be registered: a web URL or a private-use scheme, no fragment, wildcard or `code`."""
    url = _split(text)
    if url is None or "#" in text or "*" in text:
        return False
    if url.scheme in {"http", "https"} and not is_web_url(text):
        return False
    return _RESPONSE_PARAMETERS.isdisjoint(name for name, _ in parse_qsl(url.query, keep_blank_values=True))


def is_origin(text: str) -> bool:
    """Tell whether it is a web origin: scheme, host and port, nothing behind (RFC 6454 §6.2)."""
    url = _split(text)
    return is_web_url(text) and url is not None and text == f"{url.scheme}://{url.netloc}"


def is_api_identifier(text: str) -> bool:
    """Tell whether it can be an `aud`: printable ASCII without spaces, quotes or backslashes; no dangerous scheme."""
    return bool(_IDENTIFIER.fullmatch(text)) and text.partition(":")[0].lower() not in DANGEROUS_SCHEMES


def is_host_name(text: str) -> bool:
    """Tell whether it is a DNS name (RFC 1123 §2.1), not an address."""
    return len(text) <= 253 and bool(_HOST_NAME.fullmatch(text)) and not _NUMERIC_END.fullmatch(text)  # noqa: PLR2004


def is_email(text: str) -> bool:
    """Tell whether it looks like one plain address; encoded words are refused, mailers would decode them."""
    return len(text) <= 254 and "=?" not in text and bool(_EMAIL.fullmatch(text))  # noqa: PLR2004


def is_ip_network(text: str) -> bool:
    """Tell whether it is an address or a network (RFC 4632), without a zone, which only a host knows."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "%" not in text


FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "https-url": is_https_url,
    "https-url-or-empty": is_https_url_or_empty,
    "https-url-template": is_https_url_template,
    "told-url": is_told_url,
    "picture-url": is_picture_url,
    "web-url": is_web_url,
    "redirect-uri": is_redirect_uri,
    "origin": is_origin,
    "api-identifier": is_api_identifier,
    "scope": is_scope_token,
    "hostname": is_host_name,
    "ip-network": is_ip_network,
    "email": is_email,
}
