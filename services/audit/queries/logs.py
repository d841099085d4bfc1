"""What the Management API asks of the feed: a tenant's log, walked from an entry on, searched, and one entry.

An entry is an event of the feed that has a code. Conditions stand on indexed columns, their values are arguments.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from libs.eventstore.checkpoints import TENANT
from libs.postgres import Database, Record
from services.audit.rules.log_ids import Epochs, Place
from services.audit.rules.log_query import LogSearch

MOST_FOUND: Final = 1000
"""Entries of a search that can be paged through and are counted, as in Auth0; a walk has no end."""

_ENTRY: Final = "SELECT pos, id, type, data, meta, code, client_id, private, at FROM feed"
_EPOCHS: Final = """
SELECT (data->>'epoch')::int AS epoch, (data->>'after')::bigint AS after
FROM facts WHERE tenant = $1 AND stream = 'log-feed' ORDER BY version
"""
_WAS_GIVEN: Final = """
SELECT coalesce((SELECT tenant = $1 AND code IS NOT NULL FROM feed WHERE pos = $2),
                $2 < (SELECT floor FROM head WHERE log = 'feed'))
"""


class LogRow(msgspec.Struct, frozen=True):
    """An entry; `private` is what the feed does not publish of it."""

    pos: int
    id: str
    type: str
    data: dict[str, Any]
    meta: dict[str, Any]
    code: str
    client_id: str | None
    private: dict[str, Any]
    at: datetime


async def epochs(database: Database) -> Epochs:
    """The epochs of the feed, as `limen restored` recorded them."""
    async with database.connection() as rows:
        found = await rows.fetch(_EPOCHS, TENANT)
    return Epochs([Place(row["epoch"], row["after"]) for row in found])


async def was_given(database: Database, tenant: str, pos: int) -> bool:
    """Whether an entry of the tenant is there, or one of somebody was and is gone by its age."""
    async with database.connection() as rows:
        given: bool = await rows.fetchval(_WAS_GIVEN, tenant, pos)
    return given


async def log_after(database: Database, tenant: str, pos: int, take: int) -> list[LogRow]:
    """The next entries behind a position, the oldest first."""
    statement = f"{_ENTRY} WHERE tenant = $1 AND code IS NOT NULL AND pos > $2 ORDER BY pos LIMIT $3"
    async with database.connection() as rows:
        return [_entry(row) for row in await rows.fetch(statement, tenant, pos, take)]


async def log_entry(database: Database, tenant: str, pos: int) -> LogRow | None:
    """The entry at a position."""
    statement = f"{_ENTRY} WHERE tenant = $1 AND code IS NOT NULL AND pos = $2"
    async with database.connection() as rows:
        row = await rows.fetchrow(statement, tenant, pos)
    return None if row is None else _entry(row)


async def log_found(
    database: Database, tenant: str, search: LogSearch, known: Epochs, *, start: int, limit: int, is_newest_first: bool
) -> list[LogRow]:
    """`limit` entries of a search behind `start` others."""
    condition, values = _wanted(tenant, search, known)
    order = "DESC" if is_newest_first else "ASC"
    slice_of = f"OFFSET ${len(values) + 1} LIMIT ${len(values) + 2}"
    async with database.connection() as rows:
        statement = f"{_ENTRY} WHERE {condition} ORDER BY pos {order} {slice_of}"
        return [_entry(row) for row in await rows.fetch(statement, *values, start, min(limit, MOST_FOUND - start))]


async def log_count(database: Database, tenant: str, search: LogSearch, known: Epochs) -> int:
    """How many entries a search finds, up to `MOST_FOUND`."""
    condition, values = _wanted(tenant, search, known)
    statement = f"SELECT count(*) FROM (SELECT FROM feed WHERE {condition} LIMIT {MOST_FOUND}) AS found"  # noqa: S608
    async with database.connection() as rows:
        count: int = await rows.fetchval(statement, *values)
    return count


def _wanted(tenant: str, search: LogSearch, known: Epochs) -> tuple[str, list[Any]]:
    """The condition with its arguments; what is not asked is not in it, so that no index is lost to it."""
    places = None if search.places is None else [each.pos for each in search.places if known.at(each.pos) == each]
    asked: Sequence[tuple[str, Any]] = (
        ("tenant = ${}", tenant),
        ("code = ANY (${})", _listed(search.types)),
        ("client_id = ANY (${})", _listed(search.client_ids)),
        ("pos = ANY (${})", places),
        ("at >= ${}", search.since),
        ("at < ${}", search.until),
    )
    said = [(text, value) for text, value in asked if value is not None]
    conditions = [text.format(number) for number, (text, _) in enumerate(said, 1)]
    return " AND ".join([*conditions, "code IS NOT NULL"]), [value for _, value in said]


def _listed(values: frozenset[str] | None) -> list[str] | None:
    return None if values is None else sorted(values)


def _entry(row: Record) -> LogRow:
    return LogRow(
        pos=row["pos"],
        id=str(row["id"]),
        type=row["type"],
        data=msgspec.json.decode(row["data"]),
        meta=msgspec.json.decode(row["meta"]),
        code=row["code"],
        client_id=row["client_id"],
        private={} if row["private"] is None else msgspec.json.decode(row["private"]),
        at=row["at"],
    )
