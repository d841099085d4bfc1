"""Owns the guarded client: one request, to a checked address, for an answer of bounded size in bounded time."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from libs.edge.formats import is_public_address

Allows = Callable[[IPv4Address | IPv6Address], bool]

IDENTITY: Final = {"accept-encoding": "identity", "user-agent": "limen"}


class NotReached(Exception):
    """There was no answer, or none that may be read; the message says why, in words for a log."""


class Answer(NamedTuple):
    """What came back; the body is whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outgoing:
    """Sends requests to https addresses that `allows` says may be connected to.

    With `http_too` plain http is spoken as well: for a development machine's own applications.
    """

    def __init__(
        self, allows: Allows = is_public_address, *, tls: ssl.SSLContext | None = None, http_too: bool = False
    ) -> None:
        self._allows = allows
        self._tls = tls
        self._schemes = {"https", "http"} if http_too else {"https"}

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        most: int,
        within: float,
    ) -> Answer:
        """The answer, whatever its status; raises NotReached, at the latest after `within` seconds."""
        target = self._target(url)
        resolver = _Checked(self._allows)
        connector = aiohttp.TCPConnector(resolver=resolver, ssl=self._tls or True, use_dns_cache=False, limit=1)
        try:
            async with (
                asyncio.timeout(within),
                aiohttp.ClientSession(
                    connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
                ) as http,
                http.request(
                    method, target, data=body or None, headers={**IDENTITY, **(headers or {})}, allow_redirects=False
                ) as answer,
            ):
                return Answer(answer.status, dict(answer.headers), await _whole(answer, most))
        except TimeoutError as error:
            raise NotReached("no answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotReached(resolver.refused or type(error).__name__) from error

    def _target(self, url: str) -> URL:
        try:
            target = URL(url)
        except ValueError as error:
            raise NotReached("the address is malformed") from error
        if target.scheme not in self._schemes or not target.host or target.user is not None:
            raise NotReached("the address is not one that is connected to")
        # No resolver is asked for what is an address already.
        literal = _literal(target.host)
        if literal is not None and not self._allows(literal):
            raise NotReached("the address is not a public one")
        return target


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


async def _whole(answer: aiohttp.ClientResponse, most: int) -> bytes:
    received = bytearray()
    async for part in answer.content.iter_chunked(16384):
        received += part
        if len(received) > most:
            raise NotReached("the answer is too large")
    return bytes(received)


class _Checked(AbstractResolver):
    """Resolves a name to addresses all of which may be connected to; one that may not spoils the others."""

    def __init__(self, allows: Allows) -> None:
        self._allows = allows
        self.refused = ""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name, each in the form in which it is connected to."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(self._allows(ip_address(address.partition("%")[0])) for address in addresses):
            self.refused = "the name leads to an address that is not a public one"
            raise OSError(self.refused)
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=each[0], proto=each[2], flags=socket.AI_NUMERICHOST
            )
            for each, address in zip(found, addresses, strict=True)
        ]

    async def close(self) -> None:
        """Nothing is held."""
