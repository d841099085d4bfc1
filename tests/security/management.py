"""The routes of the Management API as their services name them, with paths and bodies that would do something."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid1

from libs.edge import Route
from libs.edge.operation import Listing
from libs.edge.schema import Array, Boolean, Dictionary, Integer, Kind, Number, Object, Property, Resource, Text
from libs.edge.validation import violation
from services.cli.docs.tables import TABLES

EVERY: Final = [route for table in TABLES.values() for route in table if route.is_management]

UNCONFIGURED: Final = [route for route in EVERY if route.handler.__module__.endswith(".unconfigured")]
"""Those that always answer the same: one test asks them all."""

ROUTES: Final = [route for route in EVERY if route not in UNCONFIGURED]
"""All others."""
TEMPLATED: Final = [route for route in ROUTES if "{" in route.template]
LISTS: Final = [route for route in ROUTES if route.operation and isinstance(route.operation.answer, Listing)]
WITH_BODY: Final = [route for route in ROUTES if route.operation and route.operation.body]
SCOPES: Final = sorted({scope for route in EVERY for scope in route.scopes or ()})

NOBODY: Final = "con_0000000000000000"
"""Where a path wants an id of a kind that nobody has yet."""

DEMANDED: Final = {
    "users-by-email": "email=",
    "user-blocks": "identifier=",
    "connections/{id}/users": "email=",
}
"""Queries without which a path is no question, up to the address of nobody."""


def named(route: Route) -> str:
    """How a test of a route is called."""
    return route.name.replace("/api/v2/", "")


def path_of(route: Route, ids: Mapping[str, str]) -> str:
    """The path behind `/api/v2/`; `ids` are by the segment that goes before: `clients`, `signing`."""
    template = route.template.removeprefix("/api/v2/")
    parts = template.split("/")
    for at, part in enumerate(parts):
        if part.startswith("{"):
            parts[at] = quote(ids.get(parts[at - 1], NOBODY), safe="%")
    path = "/".join(parts)
    if template == "refresh-tokens":
        return f"{path}?user_id={quote(ids.get('users', NOBODY))}"
    return f"{path}?{DEMANDED[template]}nobody%40somewhere.example" if template in DEMANDED else path


def body_of(route: Route, **known: Any) -> Any:
    """The smallest body that a route takes, with those of `known` that it has."""
    if (route.method, route.template) == ("PATCH", "/api/v2/connections/{id}/clients"):
        return [{"client_id": known.get("client_id", "nobody"), "status": True}]
    if route.operation is None or route.operation.body is None:
        return None
    properties = {each.name: each for each in route.operation.body.properties if not each.is_read_only}
    if route.method == "POST":
        return _required([*properties.values()]) | {name: known[name] for name in properties if name in known}
    first = next(each for each in properties.values() if not each.is_immutable)
    return {first.name: known.get(first.name, plausible(first.kind))}


def _required(properties: list[Property]) -> dict[str, Any]:
    return {each.name: plausible(each.kind) for each in properties if each.is_required}


def plausible(kind: Kind) -> Any:
    """A value of a kind."""
    match kind:
        case Text():
            return _plausible_text(kind)
        case Integer(minimum=minimum) | Number(minimum=minimum):
            return max(minimum, 1)
        case Boolean():
            return True
        case Array(items=items, min_items=least):
            return [plausible(items)] * max(least, 1)
        case Object(properties=properties):
            return _required([*properties])
        case _:
            return {}


def _plausible_text(kind: Text) -> str:
    guesses = (
        *kind.enum[:1],
        uuid1().hex,
        "https://somewhere.example/",
        "https://somewhere.example",
        "A",
        "1",
        "#000",
        "",
    )
    return next((each for each in guesses if violation(kind, each) is None), "a@somewhere.example")


def places(resource: Resource) -> Iterator[tuple[str, Text, Any]]:
    """Every text that a body may hold: where it stands, its kind, and what builds a body around a value."""
    for each in resource.properties:
        if not each.is_read_only:
            for place, kind, around in _texts(each.kind):
                yield f"{each.name}{place}", kind, (lambda value, name=each.name, around=around: {name: around(value)})


def _texts(kind: Kind) -> Iterator[tuple[str, Text, Any]]:
    match kind:
        case Text():
            yield "", kind, lambda value: value
        case Array(items=items, min_items=least):
            for place, text, around in _texts(items):
                rest = [plausible(items)] * (least - 1)
                yield f"[]{place}", text, (lambda value, around=around, rest=rest: [around(value), *rest])
        case Dictionary(values=values):
            for place, text, around in _texts(values):
                yield f".*{place}", text, (lambda value, around=around: {"a": around(value)})
        case Object(properties=properties):
            for each in properties:
                others = {one.name: plausible(one.kind) for one in properties if one.is_required}
                for place, text, around in _texts(each.kind):
                    yield (
                        f".{each.name}{place}",
                        text,
                        (lambda value, name=each.name, around=around, others=others: others | {name: around(value)}),
                    )
        case _:
            pass
