"""Lists of the Management API: which page was asked, in which of Auth0's three shapes it goes, with which fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from libs.edge.query import Query

MAX_PAGE: Final = 1_000_000
MAX_PER_PAGE: Final = 100
PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class OffsetPage:
    """`page` (from 0) and `per_page`; with `include_totals` the answer is wrapped."""

    page: int = 0
    per_page: int = PER_PAGE
    include_totals: bool = False

    @property
    def start(self) -> int:
        """The number of items before this page."""
        return self.page * self.per_page

    def answer(self, key: str, items: Sequence[Any], total: int) -> Any:
        """Return the items bare, or as `{start, limit, total, <key>}`; `total` counts all pages."""
        if not self.include_totals:
            return list(items)
        return {"start": self.start, "limit": self.per_page, "total": total, key: list(items)}


@dataclass(frozen=True, slots=True)
class CheckpointPage:
    """`take` items after the opaque cursor `from`, or from the beginning."""

    take: int = PER_PAGE
    cursor: str | None = None

    def answer(self, key: str, items: Sequence[Any], following: str | None) -> Any:
        """Return `{<key>, next?}`; the last page has no `next`."""
        page = {key: list(items)}
        return page if following is None else {**page, "next": following}


Page = OffsetPage | CheckpointPage


def requested(query: Query, *, has_checkpoints: bool = True) -> Page:
    """Read which page is asked; when both families are sent, the checkpoint wins, as in Auth0.

    Raises:
        InvalidQuery: a number out of its range, or no number.
    """
    if has_checkpoints and ("take" in query or "from" in query):
        return CheckpointPage(query.integer("take", minimum=1, maximum=MAX_PER_PAGE) or PER_PAGE, query.text("from"))
    per_page = query.integer("per_page", minimum=0, maximum=MAX_PER_PAGE)
    return OffsetPage(
        query.integer("page", minimum=0, maximum=MAX_PAGE) or 0,
        # Zero asks for the default, as recorded clients expect.
        per_page or PER_PAGE,
        query.boolean("include_totals") or False,
    )


FREE: Final = frozenset({"from", "take", "page", "per_page", "include_totals", "fields", "include_fields"})
"""Parameters in which two pages of one list may differ."""


def listing(path: str, query: Query) -> str:
    """Name the list of which a page is asked, filters included: a cursor is good for that one alone."""
    filters = sorted((name, query.texts(name)) for name in query if name not in FREE)
    return f"{path}?{filters}" if filters else path


@dataclass(frozen=True, slots=True)
class Fields:
    """`fields` and `include_fields`: which members of each object are wanted, or not wanted."""

    names: frozenset[str] = frozenset()
    is_including: bool = True

    @classmethod
    def requested(cls, query: Query) -> "Fields":
        """Read both parameters; names that do not exist are ignored.

        Raises:
            InvalidQuery: `include_fields` is not a boolean.
        """
        names = frozenset(filter(None, (query.text("fields") or "").split(",")))
        return cls(names, query.boolean("include_fields") is not False)

    def of(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """Return the wanted members; without `fields`, all of them."""
        if not self.names:
            return dict(members)
        return {name: value for name, value in members.items() if (name in self.names) == self.is_including}
