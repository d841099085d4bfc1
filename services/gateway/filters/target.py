"""Owns the request line: a path is refused or travels raw, so that the gateway and the service read the same one."""

import re
from collections.abc import Callable

from libs.edge.paths import segments
from libs.edge.refusals import MalformedPath
from services.gateway.filters.exchange import Exchange, Route
from services.gateway.filters.refusals import MalformedRequest

_QUERY = re.compile(r"[\x21\x22\x24-\x7e]*")
"""Visible ASCII without `#`: a fragment is never sent by a client that follows RFC 9112 section 3.2."""

_SPOKEN = frozenset({(1, 0), (1, 1)})


class Target:
    """Reads the request line with the table of routes."""

    def __init__(self, route_of: Callable[[str], Route]) -> None:
        self._route_of = route_of

    def __call__(self, exchange: Exchange) -> None:
        """Fill `path`, `query` and `route`; all but the origin form (RFC 9112 section 3.2.1) is refused."""
        raw_path, _, query = exchange.request.raw_path.partition("?")
        route = self._route_of(raw_path)
        # A route with methods was found by its whole path, which is then as good as its table.
        if not route.methods:
            segments(raw_path)
        if _QUERY.fullmatch(query) is None:
            raise MalformedPath
        if tuple(exchange.request.version) not in _SPOKEN:
            raise MalformedRequest
        exchange.path, exchange.query, exchange.route = raw_path, query, route
