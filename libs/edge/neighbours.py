"""Owns what counts as one address where failures are counted: a whole network, where an address costs nothing."""

from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Final

PREFIX: Final = 64
"""Bits of an IPv6 address that a subscriber cannot choose: one has at least a /64 to themselves (RFC 6177 §2)."""


def network_of(address: str) -> str:
    """Under which name a client's address is counted: an IPv4 address as it is, an IPv6 one by its network.

    Counted one by one, every subscriber would have 2^64 addresses to guess from. An IPv4 address written as IPv6
    is the IPv4 address (RFC 4291 §2.5.5.2): their common prefix is everybody. What is no address is itself.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), PREFIX), strict=False))
