"""`/api/v2/logs`: the tenant's log, walked from an entry on or searched, and one entry of it.

A walk is for those who carry the log elsewhere: the oldest first, `from` the entry they saw last. A search is for
people: the newest first, by page.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from libs.bus import Bus
from libs.edge import Call, Query, Reply, Route, answers
from libs.edge.asks import learn
from libs.edge.management_errors import InvalidQuery, NotFound
from libs.edge.operation import FIELDS, PAGES, Listing, Operation, Parameter, line
from libs.edge.paging import MAX_PER_PAGE, CheckpointPage, Fields, OffsetPage, requested
from libs.edge.schema import Integer, Text
from libs.postgres import Database
from services.audit.commands import MOST_FOUND
from services.audit.queries import logs as queries
from services.audit.queries.logs import LogRow, Slice
from services.audit.routes.log_entry import LOG, LOG_ID, entry
from services.audit.rules.log_ids import Epochs, log_id_of, place_of
from services.audit.rules.log_query import POSSIBLE, parse
from services.login.commands import SERVICE as LOGIN
from services.login.commands import UserAnswer, UserOf

PATH: Final = "/api/v2/logs"
ONE: Final = "/api/v2/logs/{id}"
READ: Final = ("read:logs", "read:logs_users")

NEWEST_FIRST: Final = "date:-1"
OLDEST_FIRST: Final = "date:1"

LIST: Final = Operation(
    query=(
        *PAGES,
        Parameter("from", LOG_ID, "`log_id` of the entry before: those behind it, the oldest first"),
        Parameter("take", Integer(minimum=1, maximum=MAX_PER_PAGE), "Entries of a walk, 50 when absent"),
        *FIELDS,
        Parameter("sort", Text(enum=(NEWEST_FIRST, OLDEST_FIRST)), "The newest first when absent"),
        Parameter("q", line(1024), f"{POSSIBLE}. Ignored in a walk by `from` and `take`"),
        Parameter("search", line(1024), "The same as `q`; with both, what both find"),
    ),
    answer=Listing("logs", LOG, has_checkpoints=False),
)


class NoSuchEntry(NotFound):
    """There is no entry of this name in the tenant's log, or not any more."""

    def __init__(self) -> None:
        super().__init__("The log entry does not exist.", "inexistent_log")


class TooFar(InvalidQuery):
    """The page is behind the last one of a search."""

    def __init__(self) -> None:
        super().__init__(
            f"Query validation error: 'Only the first {MOST_FOUND} entries have pages' on property page. "
            "Search for less, or walk the log by from and take."
        )


@dataclass(frozen=True)
class Logs:
    """The handlers; `bus` leads to `login`, who knows which user has which opaque id."""

    database: Database
    bus: Bus

    def routes(self) -> tuple[Route, ...]:
        """The table of routes."""
        return (
            Route("GET", PATH, self.list, scopes=READ, operation=LIST),
            Route("GET", ONE, self.read, scopes=READ, operation=Operation(answer=LOG)),
        )

    async def list(self, call: Call) -> Reply:
        """A page of the tenant's log."""
        page = requested(call.query())
        known = await queries.epochs(self.database)
        if isinstance(page, CheckpointPage):
            return await self._walked(call, page, known)
        return await self._found(call, page, known)

    async def read(self, call: Call) -> Reply:
        """One entry of the tenant's log."""
        place = place_of(call.parameters["id"])
        known = await queries.epochs(self.database)
        if place is None or known.at(place.pos) != place:
            raise NoSuchEntry
        row = await queries.log_entry(self.database, call.tenant, place.pos)
        if row is None:
            raise NoSuchEntry
        return answers.json(entry(row, log_id_of(place), call.tenant))

    async def _walked(self, call: Call, page: CheckpointPage, known: Epochs) -> Reply:
        query = call.query()
        _refuse_backwards(query)
        after = 0 if page.cursor is None else await self._reached(call.tenant, page.cursor, known)
        rows = await queries.log_after(self.database, call.tenant, after, page.take)
        last = log_id_of(known.at(rows[-1].pos)) if rows else page.cursor
        return answers.json(_entries(call, rows, known), headers=_following(call, last))

    async def _reached(self, tenant: str, log_id: str, known: Epochs) -> int:
        """The position behind which a walk goes on.

        Raises:
            InvalidQuery: the entry was never one of this tenant's.
        """
        place = place_of(log_id)
        if place is not None and known.is_lost(place):
            return known.reached(place)
        is_ours = place is not None and known.at(place.pos) == place
        if place is None or not is_ours or not await queries.was_given(self.database, tenant, place.pos):
            raise InvalidQuery.about("from", "The log_id is not one of this log")
        return place.pos

    async def _found(self, call: Call, page: OffsetPage, known: Epochs) -> Reply:
        if page.start >= MOST_FOUND:
            raise TooFar
        query = call.query()
        search = parse(*filter(None, (query.text("q"), query.text("search"))))
        people = await self._people(call.tenant, search.user_ids)
        what = await queries.wanted(self.database, call.tenant, search, known, people)
        part = Slice(page.start, page.per_page, query.text("sort") != OLDEST_FIRST, page.include_totals)
        rows, total = await queries.log_found(self.database, what, part)
        answer = page.answer("logs", items := _entries(call, rows, known), total)
        return answers.json({**answer, "length": len(items)} if page.include_totals else answer)

    async def _people(self, tenant: str, user_ids: frozenset[str] | None) -> frozenset[str] | None:
        """The opaque ids of users; of who is not there, or not any more, there is none."""
        if user_ids is None:
            return None
        asked = (UserOf(tenant=tenant, user_id=each) for each in user_ids)
        found = await asyncio.gather(*(learn(self.bus, LOGIN, "user", each, UserAnswer) for each in asked))
        return frozenset(each.person for each in found if each.person is not None)


def _refuse_backwards(query: Query) -> None:
    """A walk passes every entry once and forwards; that it is not searched is as in Auth0, which ignores `q` there."""
    if query.text("sort") == NEWEST_FIRST:
        raise InvalidQuery.about("sort", "A walk by from and take begins with the oldest")


def _entries(call: Call, rows: Sequence[LogRow], known: Epochs) -> list[dict[str, Any]]:
    fields = Fields.requested(call.query())
    return [fields.of(entry(row, log_id_of(known.at(row.pos)), call.tenant)) for row in rows]


def _following(call: Call, last: str | None) -> list[tuple[str, str]]:
    """The header that leads on, as Auth0 sends it: also behind the newest, where more will come (RFC 8288)."""
    if last is None:
        return []
    query, request = call.query(), call.request
    kept = {name: query.text(name) for name in query if name != "from"}
    url = f"{request.scheme}://{request.authority}{PATH}?{urlencode(kept | {'from': last})}"
    return [("link", f'<{url}>; rel="next"')]
