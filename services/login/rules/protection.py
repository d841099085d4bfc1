"""How much guessing a tenant lets through: its settings, as `tenants` tells them, as bounds of one attempt (LG-04).

There is a bound whatever the settings say. Switched off, by the tenant or for one connection, and for an address on an
allowlist, it is the loosest that can be set: then nothing is locked, and no mail is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from services.tenants.commands import PROTECTION

Network = IPv4Network | IPv6Network

LOOSEST: Final = 100
"""Wrong passwords for one account within an hour, from one address or from all of them together."""


def guards(options: Mapping[str, Any]) -> bool:
    """Whether a tenant's brute-force protection holds for a connection's people, as it does unless its options deny."""
    return options.get("brute_force_protection") is not False


@dataclass(frozen=True)
class Bucket:
    """`most` may be tried at once, and one more after each `every`."""

    most: int
    every: timedelta

    @property
    def room(self) -> timedelta:
        """How far ahead of now the last that is let through may have filled it."""
        return self.every * (self.most - 1)


WIDEST: Final = Bucket(900, timedelta(seconds=1))
"""What one address may try of a kind, at the very most."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What is let through of an attempt from one address.

    Attributes:
        per_pair: wrong passwords for the account from this address, or from all where it `is_by_account`.
        is_by_account: whether the address does not matter.
        strikes_at: after how many something happens, if anything does.
        locks: whether the account is locked then; for the address, or for all.
        tells: whether the person is told by mail.
        per_address: wrong passwords from this address, for whichever accounts.
    """

    per_pair: int = LOOSEST
    is_by_account: bool = False
    strikes_at: int | None = None
    locks: bool = False
    tells: bool = False
    per_address: Bucket = WIDEST


@dataclass(frozen=True, kw_only=True)
class BruteForce:
    """What guards one account."""

    is_enabled: bool
    shields: Sequence[str]
    allowlist: Sequence[Network]
    mode: str
    max_attempts: int

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "BruteForce":
        """As the tenant set it, over the defaults."""
        held = {**PROTECTION["brute_force_protection"], **said}
        return cls(
            is_enabled=held["enabled"],
            shields=held["shields"],
            allowlist=_networks(held["allowlist"]),
            mode=held["mode"],
            max_attempts=held["max_attempts"],
        )

    @property
    def locks(self) -> bool:
        """Whether accounts are locked at all."""
        return self.is_enabled and "block" in self.shields

    def bounds(self, address: str, per_address: Bucket) -> Bounds:
        """For an attempt from an address, which may try `per_address` in all."""
        if not self.is_enabled or not self.shields or _is_among(address, self.allowlist):
            return Bounds(per_address=per_address)
        locks = "block" in self.shields
        return Bounds(
            per_pair=self.max_attempts if locks else LOOSEST,
            is_by_account=self.mode == "count_per_identifier",
            strikes_at=self.max_attempts,
            locks=locks,
            tells="user_notification" in self.shields,
            per_address=per_address,
        )


@dataclass(frozen=True, kw_only=True)
class Throttling:
    """What one address may try."""

    is_enabled: bool
    allowlist: Sequence[Network]
    logins: Bucket
    signups: Bucket

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Throttling":
        """As the tenant set it, over the defaults."""
        default = PROTECTION["suspicious_ip_throttling"]
        held, stages = {**default, **said}, said.get("stage") or {}
        logins, signups = (
            _bucket({**default["stage"][name], **stages.get(name, {})})
            for name in ("pre-login", "pre-user-registration")
        )
        is_enabled = held["enabled"] and "block" in held["shields"]
        return cls(is_enabled=is_enabled, allowlist=_networks(held["allowlist"]), logins=logins, signups=signups)

    def of_logins(self, address: str) -> Bucket:
        """Wrong passwords."""
        return self.logins if self._holds_for(address) else WIDEST

    def of_signups(self, address: str) -> Bucket:
        """New accounts."""
        return self.signups if self._holds_for(address) else WIDEST

    def _holds_for(self, address: str) -> bool:
        return self.is_enabled and not _is_among(address, self.allowlist)


@dataclass(frozen=True)
class Protection:
    """Both, of one tenant."""

    brute_force: BruteForce
    throttling: Throttling

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Protection":
        """Of a tenant with these members of its own."""
        brute_force, throttling = (said.get(shield, {}) for shield in PROTECTION)
        return cls(BruteForce.of(brute_force), Throttling.of(throttling))

    def bounds(self, address: str, *, is_guarded: bool = True) -> Bounds:
        """For a password that is tried from an address; where the connection's accounts are not guarded, as if off."""
        per_address = self.throttling.of_logins(address)
        return self.brute_force.bounds(address, per_address) if is_guarded else Bounds(per_address=per_address)

    def signups(self, address: str) -> Bucket:
        """For an account that is made from an address."""
        return self.throttling.of_signups(address)


def _bucket(stage: Mapping[str, int]) -> Bucket:
    return Bucket(stage["max_attempts"], timedelta(milliseconds=stage["rate"]))


def _networks(allowlist: Sequence[str]) -> tuple[Network, ...]:
    return tuple(ip_network(each, strict=False) for each in allowlist)


def _is_among(address: str, networks: Sequence[Network]) -> bool:
    """Whether the peer's address is in one of them; an IPv4 address in IPv6 clothes is the IPv4 address."""
    if not networks:
        return False
    try:
        found = ip_address(address)
    except ValueError:
        return False
    plain = found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
    return any(plain in network for network in networks)


UNCHANGED: Final = Protection.of({})
"""Of a tenant that changed nothing."""
