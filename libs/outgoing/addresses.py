"""Which addresses we connect to: public ones, and those of networks that the operator names."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from libs.edge.formats import is_public_address

Networks = Sequence[IPv4Network | IPv6Network]
Address = IPv4Address | IPv6Address


class Forbidden(Exception):
    """A URL leads where we do not go; the message names no address, for it may be told to whoever chose the URL."""


@dataclass(frozen=True)
class Judge:
    """`allowed` are networks to which we go although they are not public."""

    allowed: Networks = ()

    def is_allowed(self, address: Address) -> bool:
        """Whether the operator named a network of this address."""
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain.version == each.version and plain in each for each in self.allowed)

    def permits(self, address: Address, scheme: str) -> bool:
        """Whether we go there: without TLS only where the operator says so."""
        return self.is_allowed(address) or (scheme == "https" and is_public_address(address))

    def require_url(self, text: str) -> SplitResult:
        """Refuse what can be seen without asking anybody.

        Raises:
            Forbidden: another scheme, credentials in it, no host, or an address we do not connect to.
        """
        try:
            url = urlsplit(text)
            host, _ = url.hostname, url.port
        except ValueError as error:
            raise Forbidden("not a URL") from error
        if url.scheme not in {"http", "https"} or not host or "@" in url.netloc or not text.isascii():
            raise Forbidden("not an https URL of a host")
        if (literal := _literal(host)) is not None and not self.permits(literal, url.scheme):
            raise Forbidden("an address that is not public")
        return url


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


class JudgedResolver(AbstractResolver):
    """Resolves names to addresses that were judged, for one request of a scheme.

    One address that is not permitted refuses them all: who mixes them is trying something.
    """

    def __init__(self, judge: Judge, scheme: str) -> None:
        self._judge = judge
        self._scheme = scheme

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`.

        Raises:
            Forbidden: one of them is where we do not go.
            OSError: it has none.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys((kind, str(place[0]).partition("%")[0]) for kind, _, _, _, place in found))
        for _, each in addresses:
            if not self._judge.permits(ip_address(each), self._scheme):
                raise Forbidden("a name whose address is not public")
        return [
            ResolveResult(hostname=host, host=each, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, each in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""
