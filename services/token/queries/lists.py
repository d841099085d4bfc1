"""Pages of lists: by number or by place, and where the pages of a list that is being walked begin.

A page by number costs the database all the rows before it, and a total all rows there are. Whoever walks a list asks
for both again with each page, while nothing changes: `Walks` remembers them until the log of facts moves.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from libs.postgres import Connection

T = TypeVar("T")

WALKS: Final = 256
"""Lists that are remembered, those of all tenants together."""

PLACES: Final = 1000
"""Pages of one list whose beginnings are remembered."""


@dataclass(frozen=True)
class Slice:
    """Rows by number: `limit` of them after `start` others; `counts` asks how many there are in all."""

    start: int
    limit: int
    counts: bool = True


@dataclass(frozen=True)
class After:
    """Rows by place: `limit` of them behind the id `position`."""

    position: str
    limit: int


Window = Slice | After

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Found(Generic[T]):
    """A page of a list: its rows, how many there are in all pages if asked, and the place behind when more follow."""

    items: tuple[T, ...]
    total: int
    following: str | None


def found_in(items: list[T], total: int, window: Window, key: str) -> Found[T]:
    """The page of rows that were read for `window`."""
    page = items[: window.limit]
    has_more = len(items) > window.limit
    return Found(tuple(page), total, getattr(page[-1], key) if has_more else None)


@dataclass
class Walk:
    """One list as it was at `pos` of the log of facts."""

    pos: int
    total: int | None = None
    places: dict[int, str] = field(default_factory=dict)
    """The key before the row of that number."""

    def ends(self, number: int, key: str) -> None:
        """The row of `number` follows `key`."""
        if len(self.places) >= PLACES:
            self.places.clear()
        self.places[number] = key


class Walks:
    """The lists that were walked last.

    Rows change only in a transaction that moves the log: what was read after a position holds while the log is there.
    """

    def __init__(self) -> None:
        self._walks: OrderedDict[Hashable, Walk] = OrderedDict()

    def at(self, pos: int, what: Hashable) -> Walk:
        """What is known of the list `what` at `pos`."""
        walk = self._walks.get(what)
        if walk is None or walk.pos != pos:
            walk = self._walks[what] = Walk(pos)
        self._walks.move_to_end(what)
        if len(self._walks) > WALKS:
            self._walks.popitem(last=False)
        return walk


@dataclass(frozen=True)
class Shown:
    """What is shown of each row of a `page`: columns by name, the key first, and what else they come from.

    No column is an array, because arrays of different lengths do not go into one.
    """

    columns: Mapping[str, str]
    joined: str = ""

    def of(self, page: str, key: str) -> str:
        """The statement that gives, in one row, an array for each column, in the order of `key`."""
        arrays = ", ".join(f"array_agg({name})" for name in self.columns)
        columns = ", ".join(f"{what} AS {name}" for name, what in self.columns.items())
        rows = f"SELECT {columns} FROM ({page}) AS page {self.joined} ORDER BY page.{key}"  # noqa: S608 - ours
        return f"SELECT {arrays} FROM ({rows}) AS shown"  # noqa: S608 - ours


class List:
    """A list of one tenant: its table, its key, and the conditions that were asked; values are arguments, never text.

    A page by place is where its index begins there. One by number is found among the keys first, which an index knows
    alone, and only its own rows are read. What was not asked is not in the statement, so that no index is lost to it.
    A page comes as one row with an array for each column, which costs the driver half of what its rows do.
    """

    def __init__(self, tenant: str, table: str, key: str, *conditions: str) -> None:
        self._table, self._key = table, key
        self._conditions = [f"{table}.tenant = $1", *conditions]
        self._values: list[Any] = [tenant]

    def where(self, condition: str, value: object) -> None:
        """Ask for `condition`, whose `{}` is the value; `None` asks nothing."""
        if value is not None:
            self._conditions.append(condition.format(self._next(value)))

    async def page(self, rows: Connection, shown: Shown, window: Window, walks: Walks) -> tuple[int, list[Row]]:
        """The count, only where it is asked, and the rows; by place one more, to know whether more follow."""
        if isinstance(window, After):
            return 0, await self._after(rows, shown, window.position, window.limit + 1)
        walk = walks.at(await rows.fetchval("SELECT pos FROM head WHERE log = 'facts'"), self._name)
        total = await self._total(rows, walk) if window.counts else 0
        page = await self._numbered(rows, shown, window, walk.places.get(window.start))
        if len(page) == window.limit:
            walk.ends(window.start + window.limit, page[-1][0])
        return total, page

    async def _total(self, rows: Connection, walk: Walk) -> int:
        if walk.total is None:
            walk.total = await rows.fetchval(f"SELECT count(*) {self._from}", *self._values)
        return walk.total

    async def _numbered(self, rows: Connection, shown: Shown, window: Slice, place: str | None) -> list[Row]:
        if place is not None:
            return await self._after(rows, shown, place, window.limit)
        keys = f"{self._ordered(self._key)} OFFSET {self._next(window.start)} LIMIT {self._next(window.limit)}"
        page = f"SELECT * FROM {self._table} WHERE tenant = $1 AND {self._key} IN ({keys})"  # noqa: S608
        return await self._of(rows, shown, page)

    async def _after(self, rows: Connection, shown: Shown, position: str, limit: int) -> list[Row]:
        self.where(f"{self._key} > {{}}", position)
        return await self._of(rows, shown, f"{self._ordered('*')} LIMIT {self._next(limit)}")

    async def _of(self, rows: Connection, shown: Shown, page: str) -> list[Row]:
        arrays = await rows.fetchrow(shown.of(page, self._key), *self._values)
        assert arrays is not None, "an aggregate is one row"
        return [] if arrays[0] is None else list(zip(*arrays, strict=True))

    @property
    def _name(self) -> Hashable:
        return self._table, tuple(self._conditions), repr(self._values)

    def _ordered(self, columns: str) -> str:
        return f"SELECT {columns} {self._from} ORDER BY {self._key}"

    @property
    def _from(self) -> str:
        return f"FROM {self._table} WHERE {' AND '.join(self._conditions)}"

    def _next(self, value: object) -> str:
        self._values.append(value)
        return f"${len(self._values)}"
