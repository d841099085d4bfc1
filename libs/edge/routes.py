"""The table of routes: which handler answers which method and path, with which scope, slot and deadline."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from libs.edge.operation import Operation
from libs.edge.paths import MANAGEMENT, decoded, segments
from libs.edge.refusals import MethodNotAllowed, UnknownPath
from libs.edge.renderers import Renderer, renderer_of
from libs.edge.wire import Reply

if TYPE_CHECKING:
    from libs.edge.call import Call

Handler = Callable[["Call"], Awaitable[Reply]]

DEADLINE = timedelta(seconds=5)


class ScopelessRoute(ValueError):
    """A route of the Management API names no scope: the service does not start."""


class UndescribedRoute(ValueError):
    """A route of the Management API does not say what it takes and answers: the service does not start."""


class AmbiguousRoute(ValueError):
    """Two routes of a table have the same method and path: the service does not start."""


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table.

    `scopes` are alternatives: any of them opens the route; `None` means public. `slot` is the kind of work whose bound
    applies; `renderer` tells its errors. Both follow from the path when they are not given. `operation` says what a
    route of the Management API takes and answers.
    """

    method: str
    template: str
    handler: Handler
    scopes: tuple[str, ...] | None = field(default=None, kw_only=True)
    operation: Operation | None = field(default=None, kw_only=True)
    renderer: Renderer | None = field(default=None, kw_only=True)
    slot: str | None = field(default=None, kw_only=True)
    deadline: timedelta = field(default=DEADLINE, kw_only=True)

    def __post_init__(self) -> None:
        """Fill in what follows from the path, and refuse an unguarded management route."""
        if self.is_management and not self.scopes:
            raise ScopelessRoute(self.name)
        if self.is_management and self.operation is None:
            raise UndescribedRoute(self.name)
        if self.renderer is None:
            object.__setattr__(self, "renderer", renderer_of(self.template))
        if self.slot is None:
            object.__setattr__(self, "slot", "management" if self.is_management else "public")

    @property
    def is_management(self) -> bool:
        """Whether the route belongs to the Management API."""
        return self.template.startswith(MANAGEMENT)

    @property
    def name(self) -> str:
        """How logs and metrics call it."""
        return f"{self.method} {self.template}"


class Match(NamedTuple):
    """A route and the decoded parameters of the path."""

    route: Route
    parameters: Mapping[str, str]


Methods = dict[str, tuple[Route, tuple[str, ...]]]
_NOTHING: Mapping[str, str] = {}


class _Node:
    """The routes below one path segment; a named segment is tried before a parameter."""

    __slots__ = ("methods", "named", "parameter")

    def __init__(self) -> None:
        self.named: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.methods: Methods = {}

    def child(self, segment: str) -> "_Node":
        if not segment.startswith("{"):
            return self.named.setdefault(segment, _Node())
        if self.parameter is None:
            self.parameter = _Node()
        return self.parameter

    def find(self, parts: list[str], at: int, values: list[str]) -> Methods | None:
        if at == len(parts):
            return self.methods or None
        named = self.named.get(parts[at])
        found = named.find(parts, at + 1, values) if named else None
        if found or self.parameter is None or not parts[at]:
            return found
        values.append(parts[at])
        found = self.parameter.find(parts, at + 1, values)
        if not found:
            values.pop()
        return found


class RouteTable:
    """All routes of a service, built once at start."""

    def __init__(self, *routes: Route) -> None:
        self._routes = routes
        self._root = _Node()
        # Paths without parameters are matched by one look-up: a path equal to a template cannot be malformed.
        self._exact: dict[str, Methods] = {}
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        parts = route.template[1:].split("/")
        node = self._root
        for part in parts:
            node = node.child(part)
        if route.method in node.methods:
            raise AmbiguousRoute(route.name)
        node.methods[route.method] = (route, tuple(part[1:-1] for part in parts if part.startswith("{")))
        if "{" not in route.template:
            self._exact[route.template] = node.methods

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._routes)

    def scopes(self) -> list[str]:
        """Return every scope that some route asks for, sorted."""
        return sorted({scope for route in self._routes for scope in route.scopes or ()})

    def match(self, method: str, raw_path: str) -> Match:
        """Find the route of a request; HEAD is served as GET.

        Raises:
            MalformedPath: a path that two readers might understand differently.
            UnknownPath: no route has it.
            MethodNotAllowed: it is served with other methods.
        """
        methods = self._exact.get(raw_path)
        if methods is not None:
            return Match(_chosen(methods, method)[0], _NOTHING)
        values: list[str] = []
        methods = self._root.find(segments(raw_path), 0, values)
        if methods is None:
            raise UnknownPath
        route, names = _chosen(methods, method)
        return Match(route, dict(zip(names, map(decoded, values), strict=True)))


def _chosen(methods: Methods, method: str) -> tuple[Route, tuple[str, ...]]:
    found = methods.get(method) or (methods.get("GET") if method == "HEAD" else None)
    if found is None:
        raise MethodNotAllowed([*methods, "HEAD"] if "GET" in methods else methods)
    return found
