"""How many requests an application may make to the Management API: a bucket of tokens each, and headers that tell.

The buckets are in memory and of one process: they protect it from a script that runs away, and decide nothing else.
"""

from collections import OrderedDict
from math import ceil
from typing import Final

from libs.edge.management_errors import LimitReached

MOST_BUCKETS: Final = 10_000
"""Applications a process remembers; the longest silent one is forgotten first, which can only allow it more."""

Headers = list[tuple[str, str]]


class Rates:
    """`limit` requests at once, and `limit` more every second, for each application of each tenant."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Per application: when its bucket will be full, in Unix seconds. That is all a bucket has to remember.
        self._full_at: OrderedDict[tuple[str, str], float] = OrderedDict()

    def taken(self, tenant: str, client_id: str, now: float) -> Headers:
        """Take one request out of an application's bucket; the headers that tell what is left.

        Raises:
            LimitReached: the bucket is empty; with the same headers, and `Retry-After`.
        """
        key = (tenant, client_id)
        full_at = max(self._full_at.pop(key, now), now) + 1 / self._limit
        # A second's worth of requests fits; half a request is for the rounding of floats.
        if full_at > now + 1 + 0.5 / self._limit:
            full_at -= 1 / self._limit
            self._remember(key, full_at)
            raise self._refused(full_at)
        self._remember(key, full_at)
        return self._headers(round((now + 1 - full_at) * self._limit), full_at)

    def _remember(self, key: tuple[str, str], full_at: float) -> None:
        self._full_at[key] = full_at
        if len(self._full_at) > MOST_BUCKETS:
            self._full_at.popitem(last=False)

    def _refused(self, full_at: float) -> LimitReached:
        refusal = LimitReached()
        refusal.headers += self._headers(0, full_at)
        return refusal

    def _headers(self, remaining: int, full_at: float) -> Headers:
        return [
            ("x-ratelimit-limit", str(self._limit)),
            ("x-ratelimit-remaining", str(remaining)),
            ("x-ratelimit-reset", str(ceil(full_at))),
        ]
