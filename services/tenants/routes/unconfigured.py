"""Answers for what nobody configured: a route for every row of `unconfigured_table`, none of which changes anything."""

from collections.abc import Mapping
from typing import Any

import msgspec

from libs.edge import Call, Reply, Route, answers
from libs.edge.cursors import invalid
from libs.edge.management_errors import InvalidPathId, NotFound, NotSupported
from libs.edge.operation import CHECKPOINTS, FIELDS, PAGES, Listing, Operation, Parameter, line
from libs.edge.paging import CheckpointPage, OffsetPage, requested
from libs.edge.refusals import UnknownPath
from libs.edge.routes import Handler
from libs.edge.schema import Anything, Array, Boolean, Integer, Kind, Object, Property, Resource, Text
from libs.edge.validation import body, changed
from services.tenants.routes.unconfigured_table import ROWS, Absent, Counted, Default, EmptyList, Row

PREFIX = "/api/v2/"
SHOWN = 64
REPEATED = frozenset({"strategy", "hydrate"})
"""Filters that may be sent several times."""


class NotConfigurable(NotSupported):
    """What does not exist yet cannot be configured: only what is so already may be said."""

    def __init__(self) -> None:
        super().__init__("This feature is not supported yet; its configuration cannot be changed.")


class NotThere(NotFound):
    """The thing is not there, because nothing of its kind exists yet."""

    def __init__(self, row: Absent) -> None:
        super().__init__(row.message, row.error_code)


def routes() -> tuple[Route, ...]:
    """The table of routes."""
    written = (row for row in ROWS if isinstance(row, Default) and row.written_by)
    return (*map(_read, filter(_is_read, ROWS)), *map(_written, written))


def _is_read(row: Row) -> bool:
    return not isinstance(row, Default) or row.is_read


def _read(row: Row) -> Route:
    return Route("GET", PREFIX + row.path, _handler(row), scopes=row.scopes, operation=_operation(row))


def _written(row: Default) -> Route:
    scopes = tuple(scope.replace("read:", "update:") for scope in row.scopes)
    kind = Resource(_name(row.path), *_members(row.body)) if isinstance(row.body, Mapping) else None
    operation = Operation(body=kind, answer=_kind(row.body))
    return Route(row.written_by, PREFIX + row.path, _saying(row, kind), scopes=scopes, operation=operation)


def _handler(row: Row) -> Handler:
    match row:
        case EmptyList():
            return _listing(row)
        case Counted():
            return _counted(row)
        case Default():
            return _default(row)
        case Absent():
            return _absent(row)


def _listing(row: EmptyList) -> Handler:
    async def empty(call: Call) -> Reply:
        """An empty page."""
        _refuse_cursor(call)
        if not row.has_offsets:
            return answers.json({row.key: []})
        page = requested(call.query(), has_checkpoints=row.has_checkpoints)
        if isinstance(page, CheckpointPage):
            return answers.json(page.answer(row.key, [], None))
        return answers.json(page.answer(row.key, [], 0))

    return empty


def _refuse_cursor(call: Call) -> None:
    """A list without a second page has never given a cursor."""
    if "from" in call.query():
        raise invalid()


def _counted(row: Counted) -> Handler:
    async def empty(call: Call) -> Reply:
        """An empty page that tells which it is."""
        page = requested(call.query(), has_checkpoints=False)
        assert isinstance(page, OffsetPage), "no checkpoints were offered"
        return answers.json({row.key: [], "total": 0, "page": page.page, "per_page": page.per_page})

    return empty


def _default(row: Default) -> Handler:
    async def default(call: Call) -> Reply:
        """What holds where nothing was configured."""
        _refuse_path(row, call)
        _refuse_cursor(call)
        return answers.json(row.body)

    return default


def _refuse_path(row: Default, call: Call) -> None:
    for name, values in row.among.items():
        if (said := call.parameters[name]) not in values:
            told = f"No enum match for: {said[:SHOWN]}"
            raise InvalidPathId(f"Path validation error: '{told}' on property {name}.")


def _name(path: str) -> str:
    return path.translate(str.maketrans("/-", "__", "{}"))


def _saying(row: Default, kind: Resource | None) -> Handler:
    async def say(call: Call) -> Reply:
        """Says again what is so; anything else is refused."""
        if row.names and call.parameters["name"] not in row.names:
            raise UnknownPath
        _refuse_path(row, call)
        said = body(call) if kind is None else changed(kind, call)
        if not (_tells(row.body, said) if kind else said == row.body):
            raise NotConfigurable
        return answers.json(row.body)

    return say


def _tells(so: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    """Whether every member that is said is so; as JSON, to which `0` is not `false`."""
    return all(msgspec.json.encode(value) == msgspec.json.encode(so[name]) for name, value in said.items())


def _absent(row: Absent) -> Handler:
    async def absent(_: Call) -> Reply:
        """Not there."""
        raise NotThere(row)

    return absent


def _operation(row: Row) -> Operation:
    query = [
        Parameter(name, Array(line(2048)) if name in REPEATED else line(2048))
        for name in row.filters
        if name not in {each.name for each in _PAGING}
    ]
    query += [each for each in _PAGING if each.name in row.filters]
    query += [Parameter(name, Boolean()) for name in row.switches]
    match row:
        case EmptyList():
            return Operation(query=(*_pages(row), *query), answer=_shapes(row))
        case Counted():
            return Operation(
                query=(*PAGES[:2], *query), answer=_kind({row.key: [], "total": 0, "page": 0, "per_page": 0})
            )
        case Default():
            return Operation(query=tuple(query), answer=_kind(row.body))
        case Absent():
            return Operation(query=tuple(query), answer=Object(), errors=(404,))


_PAGING = (*PAGES, *CHECKPOINTS, *FIELDS)


def _pages(row: EmptyList) -> tuple[Parameter, ...]:
    offsets, checkpoints = PAGES if row.has_offsets else (), CHECKPOINTS if row.has_checkpoints else ()
    return (*offsets, *checkpoints, *(FIELDS if row.has_fields else ()))


def _shapes(row: EmptyList) -> Listing:
    return Listing(row.key, Object(), has_offsets=row.has_offsets, has_checkpoints=row.has_checkpoints)


def _kind(value: Any) -> Kind:
    """The kind of an answer that is always the same."""
    match value:
        case bool():
            return Boolean()
        case int():
            return Integer()
        case str():
            return Text()
        case Mapping():
            return Object(*_members(value))
        case [first, *_]:
            return Array(_kind(first))
        case _:
            return Array(Anything())


def _members(value: Mapping[str, Any]) -> tuple[Property, ...]:
    return tuple(Property(name, _kind(member)) for name, member in value.items())
