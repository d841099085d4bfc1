"""Owns the question whose request it is: the tenant by the Host header, and by nothing else."""

import math
import re
from collections.abc import Callable

from services.gateway.filters.exchange import Exchange
from services.gateway.filters.refusals import HostsNotRead, MalformedRequest, TenantNotOpen, UnknownHost
from services.gateway.projections.hosts import Hosts

_AUTHORITY = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,252})|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Host:
    """Finds the tenant in the hosts that were followed."""

    def __init__(self, hosts: Hosts, silent_for: Callable[[], float]) -> None:
        self._hosts = hosts
        self._silent_for = silent_for

    def __call__(self, exchange: Exchange) -> None:
        """Fill `authority` and `tenant`; without a Host it is 400, with an unknown one 421.

        As long as the log was never read to its end, no host is unknown: it may be the next to be read.
        """
        authority = (exchange.header("host") or "").lower()
        if not authority:
            raise MalformedRequest
        if _AUTHORITY.fullmatch(authority) is None:
            raise UnknownHost
        tenant = self._hosts.find(authority, exchange.scheme)
        if tenant is None:
            raise HostsNotRead if self._silent_for() == math.inf else UnknownHost
        exchange.authority, exchange.tenant = authority, tenant.id
        if not tenant.is_open:
            raise TenantNotOpen
