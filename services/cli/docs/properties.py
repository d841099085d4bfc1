"""Owns the page of properties: what each resource of the Management API may be told, and what has no effect yet."""

from collections.abc import Iterator
from typing import Final

from libs.edge.schema import Object, Property, Resource
from services.cli.docs import markdown
from services.cli.docs.markdown import cell, code, table
from services.cli.docs.tables import TABLES

INTRODUCTION: Final = """\
What a body of the Management API may say, resource by resource; anything else is refused.
A property that waits for something is validated, kept and given back, and has no effect before that is there.
A value that would promise a protection which does not exist yet is refused (`operation_not_supported`).
[openapi.json](openapi.json) has the exact kinds."""


def page() -> str:
    """The page."""
    return markdown.page("Properties", INTRODUCTION, *map(_section, resources()))


def resources() -> Iterator[Resource]:
    """Every resource that can be written, once, in the order of the tables; not what nobody can configure."""
    seen: set[str] = set()
    for route in (route for routes in TABLES.values() for route in routes):
        body = route.operation.body if route.operation else None
        if body is not None and body.name not in seen and not route.handler.__module__.endswith(".unconfigured"):
            seen.add(body.name)
            yield body


def _section(resource: Resource) -> str:
    written = (each for each in resource.properties if not each.is_read_only)
    rows = [row for each in written for row in (_row(each), *_waiting(each.name, each))]
    return f"## `{resource.name}`\n\n" + table(("property", "meaning", "when", "waits for"), rows)


def _waiting(path: str, each: Property) -> Iterator[tuple[str, str, str, str]]:
    """Members of an object, and of the objects in it, that wait for something of their own."""
    for member in each.kind.properties if isinstance(each.kind, Object) and not each.waits else ():
        place = f"{path}.{member.name}"
        if member.waits:
            yield code(place), cell(member.description), "", member.waits
        yield from _waiting(place, member)


def _row(each: Property) -> tuple[str, str, str, str]:
    return code(each.name), cell(each.description), _when(each), each.waits


def _when(each: Property) -> str:
    words = {"required": each.is_required, "at creation only": each.is_immutable, "null removes it": each.is_nullable}
    return ", ".join(word for word, holds in words.items() if holds)
