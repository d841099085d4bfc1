"""Owns what is known about one request while it is at the edge."""

import time
from enum import Enum
from typing import NamedTuple

from aiohttp.web import BaseRequest


class Scripts(Enum):
    """The scripts of which origins may read an answer."""

    OF_NOBODY = "nobody"
    OF_REGISTERED = "registered"
    """Of an origin that an application of the tenant has registered."""
    OF_ANYBODY = "anybody"


class Route(NamedTuple):
    """Where a path leads: `service` is empty for what the gateway answers itself.

    `methods` are those the gateway itself insists on; empty means that the service decides. `scripts` says the scripts
    of which origins may read the answer. `family` is the metrics' label.
    """

    family: str
    service: str = ""
    methods: tuple[str, ...] = ()
    scripts: Scripts = Scripts.OF_NOBODY

    @property
    def is_shared(self) -> bool:
        """Whether scripts of another origin may read the answer."""
        return self.scripts is not Scripts.OF_NOBODY


UNKNOWN = Route("other")


class Exchange:
    """One request and what the filters found out about it; each field is filled by the filter named."""

    __slots__ = (
        "address", "authority", "headers", "is_from_proxy", "method", "path", "query", "request", "request_id", "route",
        "scheme", "started", "tenant", "trace",
    )  # fmt: skip

    def __init__(self, request: BaseRequest, scheme: str) -> None:
        self.request = request
        self.method = request.method
        self.scheme = scheme
        self.started = time.perf_counter()
        self.address = request.remote or ""  # origin
        self.is_from_proxy = False  # origin
        self.request_id = ""  # origin
        self.trace = ""  # origin
        self.path = "/"  # target
        self.query = ""  # target
        self.route: Route = UNKNOWN  # target
        self.headers: list[tuple[str, str]] = []  # headers
        self.authority = ""  # host
        self.tenant = ""  # host

    def header(self, name: str) -> str | None:
        """The first header of this name, as received."""
        return self.request.headers.get(name)

    @property
    def seconds(self) -> float:
        """Since the header was complete."""
        return time.perf_counter() - self.started
