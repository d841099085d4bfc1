"""What the Management API asks of the feed: a tenant's log, walked from an entry on, searched, and one entry.

An entry is an event of the feed that has a code. Conditions stand on indexed columns, their values are arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from libs.eventstore.checkpoints import TENANT
from libs.postgres import Database, Record
from services.audit.commands import MOST_FOUND
from services.audit.rules.log_ids import Epochs, Place
from services.audit.rules.log_query import LogSearch

SET_BACK: Final = timedelta(minutes=5)
"""How far the database's clock may be set back without an entry being overlooked."""

_ENTRY: Final = "SELECT pos, id, type, data, meta, code, client_id, private, at FROM feed"
# As the index has it, to the letter (`0101_people_in_the_feed.sql`).
_CONCERNS: Final = "CASE WHEN strpos(data::text, '\\u0000') = 0 THEN coalesce(data->>'person', data->>'sub') END"
_OF_MACHINES: Final = "seccft"
_OF_PERSON: Final = f"tenant = $1 AND code <> '{_OF_MACHINES}' AND {_CONCERNS} = $2"
_EPOCHS: Final = """
SELECT (data->>'epoch')::int AS epoch, (data->>'after')::bigint AS after
FROM facts WHERE tenant = $1 AND stream = 'log-feed' ORDER BY version
"""
_WAS_GIVEN: Final = """
SELECT coalesce((SELECT tenant = $1 AND code IS NOT NULL FROM feed WHERE pos = $2),
                $2 < (SELECT floor FROM head WHERE log = 'feed'))
"""
# Positions grow with time and have no gaps, so a moment is found by halving: a scan in the order of positions would
# read everything that came later.
_AROUND: Final = """
WITH RECURSIVE halved (low, high) AS (
    SELECT floor, pos + 1 FROM head WHERE log = 'feed'
    UNION ALL
    SELECT CASE WHEN middle.is_before THEN middle.pos + 1 ELSE low END,
           CASE WHEN middle.is_before THEN high ELSE middle.pos END
    FROM halved CROSS JOIN LATERAL (
        SELECT pos, at < $1::timestamptz + $2::interval AS is_before FROM feed WHERE pos = (low + high) / 2 OFFSET 0
    ) AS middle
    WHERE low < high
)
SELECT low, high FROM halved ORDER BY high - low LIMIT 1
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


@dataclass(frozen=True)
class Wanted:
    """A search as a condition with its arguments."""

    condition: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Slice:
    """`limit` entries behind `start` others; `counts` asks how many there are in all."""

    start: int
    limit: int
    is_newest_first: bool
    counts: bool


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


async def wanted(
    database: Database, tenant: str, search: LogSearch, known: Epochs, people: frozenset[str] | None = None
) -> Wanted:
    """A search as a condition; what is not asked is not in it, so that no index is lost to it.

    `people` are the opaque ids of those whom the search's `user_ids` name.
    """
    places = None if search.places is None else [each.pos for each in search.places if known.at(each.pos) == each]
    first, last = await _first(database, search.since), await _last(database, search.until)
    asked: Sequence[tuple[str, Any]] = (
        ("tenant = ${}", tenant),
        _among("code", search.types),
        _among("client_id", search.client_ids),
        ("pos = ANY (${})", places),
        _among(f"code <> '{_OF_MACHINES}' AND {_CONCERNS}", people),
        ("pos >= ${}", first),
        ("pos < ${}", last),
        ("at >= ${}", search.since),
        ("at < ${}", search.until),
    )
    said = [(text, value) for text, value in asked if value is not None]
    conditions = [text.format(number) for number, (text, _) in enumerate(said, 1)]
    return Wanted(" AND ".join([*conditions, "code IS NOT NULL"]), tuple(value for _, value in said))


def of_person(tenant: str, person: str) -> Wanted:
    """Every entry that concerns a person, by the opaque id."""
    return Wanted(_OF_PERSON, (tenant, person))


async def log_found(database: Database, what: Wanted, part: Slice) -> tuple[list[LogRow], int]:
    """A part of what a search finds, and if asked how much that is in all, up to `MOST_FOUND`."""
    condition, number = what.condition, len(what.values) + 1
    order = f"ORDER BY pos {'DESC' if part.is_newest_first else 'ASC'}"
    page = f"{_ENTRY} WHERE {condition} {order} OFFSET ${number} LIMIT ${number + 1}"
    every = f"SELECT FROM feed WHERE {condition} {order} LIMIT {MOST_FOUND}"
    async with database.transaction() as rows:
        # A plan for any values would believe that every code is frequent, and read the whole log for one that is not.
        await rows.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        found = await rows.fetch(page, *what.values, part.start, min(part.limit, MOST_FOUND - part.start))
        count = await rows.fetchval(f"SELECT count(*) FROM ({every}) AS found", *what.values) if part.counts else 0  # noqa: S608
    return [_entry(row) for row in found], count


async def _first(database: Database, since: datetime | None) -> int | None:
    """A position before which nothing came since then."""
    return None if since is None else (await _around(database, since, -SET_BACK))["low"]


async def _last(database: Database, until: datetime | None) -> int | None:
    """A position from which on nothing came until then."""
    return None if until is None else (await _around(database, until, SET_BACK))["high"]


async def _around(database: Database, moment: datetime, more: timedelta) -> Record:
    async with database.connection() as rows:
        found = await rows.fetchrow(_AROUND, moment, more)
    assert found is not None, "the migration inserts the feed's head"
    return found


def _among(column: str, values: frozenset[str] | None) -> tuple[str, str | list[str] | None]:
    # Of one value alone an index has the entries in their order.
    if values is not None and len(values) == 1:
        return column + " = ${}", next(iter(values))
    return column + " = ANY (${})", None if values is None else sorted(values)


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
