"""Owns who asks: the client's address, the scheme it used, the request's id and its trace.

All four are made here. What a client sends about itself is believed only when the peer is a configured proxy, and then
from the right: everything left of the first hop we do not trust was written by somebody we do not know.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from libs.runtime.ids import uuid7_text
from libs.telemetry.trace import Trace, child
from services.gateway.filters.exchange import Exchange

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

SCHEMES = frozenset({"http", "https"})
MAX_HOPS = 20


class Origin:
    """The first filter on the way in."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        self._trusted = tuple(trusted_proxies)

    def __call__(self, exchange: Exchange) -> None:
        """Fill `request_id`, `trace`, `address` and, behind a proxy, `scheme`."""
        exchange.request_id = uuid7_text()
        if self._trusted and self._is_trusted(_parsed(exchange.address)):
            self._believe(exchange)
        else:
            exchange.trace = Trace.start()

    def _believe(self, exchange: Exchange) -> None:
        exchange.is_from_proxy = True
        exchange.trace = child(exchange.header("traceparent") or "")
        forwarded = exchange.header("x-forwarded-proto")
        if forwarded in SCHEMES:
            exchange.scheme = forwarded
        hops = ",".join(exchange.request.headers.getall("x-forwarded-for", ())).split(",")
        exchange.address = self._client(exchange.address, hops[-MAX_HOPS:])

    def _client(self, peer: str, hops: list[str]) -> str:
        """The right-most hop that is not one of our proxies; a hop that is no address ends the search."""
        for hop in reversed(hops):
            address = _parsed(hop.strip())
            if address is None:
                return peer
            peer = str(address)
            if not self._is_trusted(address):
                return peer
        return peer

    def _is_trusted(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
