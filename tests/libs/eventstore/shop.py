"""A made-up service with everything a service has: words, a rule, rows, a projection, a reaction, a batch statement."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import msgspec

from libs.eventstore import (
    Activity,
    Aggregate,
    Catalogue,
    Change,
    Context,
    Envelope,
    Event,
    EventStore,
    Fact,
    Handler,
    Loaded,
    Place,
    Projection,
    folding,
    one_by_one,
)
from libs.eventstore.envelope import meta
from libs.eventstore.events import encoded
from libs.eventstore.following import Happened
from libs.postgres import Connection, Migration
from libs.runtime.ids import uuid7
from tests.servers import LOG

TABLES: Final = """
CREATE TABLE goods (
    tenant text, id text, name text NOT NULL, version int NOT NULL, PRIMARY KEY (tenant, id),
    CONSTRAINT goods_name UNIQUE (tenant, name)
);
CREATE TABLE tills (tenant text, id text, sold int NOT NULL, version int NOT NULL, PRIMARY KEY (tenant, id));
"""

MIGRATIONS: Final = [*LOG, Migration(100, "shop", TABLES)]

ANYBODY: Final = Context(request_id="r1")


class GoodRegistered(Fact, frozen=True, kw_only=True):
    """A good is for sale."""

    id: str
    name: str


class GoodRenamed(Fact, frozen=True, kw_only=True):
    """A good bears another name."""

    id: str
    name: str


class GoodSold(Activity, frozen=True, kw_only=True):
    """A good went over the counter."""

    good: str
    note: str = ""


CATALOGUE: Final = Catalogue("shop", GoodRegistered, GoodRenamed, GoodSold)


@dataclass(frozen=True)
class RegisterGood:
    tenant: str
    id: str
    name: str
    fails: bool = False


@dataclass(frozen=True)
class RenameGood:
    tenant: str
    id: str
    name: str
    times: int = 1


@dataclass(frozen=True)
class SellGood:
    tenant: str
    id: str
    note: str = ""


@dataclass(frozen=True)
class Good:
    name: str


class Unknown(Exception):
    """Nobody registered this good."""


class Refusal(Exception):
    """The command changes nothing."""


class Goods(Aggregate[Good | None]):
    def stream(self, command: Any) -> str:
        return f"good-{command.id}"

    async def load(self, rows: Connection, command: Any) -> Loaded[Good | None]:
        row = await rows.fetchrow(
            "SELECT name, version FROM goods WHERE tenant = $1 AND id = $2 FOR UPDATE", command.tenant, command.id
        )
        return Loaded(Good(row["name"]), row["version"]) if row else Loaded(None, 0)

    def evolve(self, state: Good | None, event: Event) -> Good | None:
        match event:
            case GoodRegistered(name=name):
                return Good(name)
            case GoodRenamed(name=name) if state is not None:
                return replace(state, name=name)
            case _:
                return state

    async def save(
        self, rows: Connection, command: Any, before: Loaded[Good | None], after: Loaded[Good | None]
    ) -> None:
        assert after.state is not None
        if before.version == 0:
            await rows.execute(
                "INSERT INTO goods (tenant, id, name, version) VALUES ($1, $2, $3, $4)",
                command.tenant,
                command.id,
                after.state.name,
                after.version,
            )
        else:
            await rows.execute(
                "UPDATE goods SET name = $3, version = $4 WHERE tenant = $1 AND id = $2",
                command.tenant,
                command.id,
                after.state.name,
                after.version,
            )


class ManyGoods(Goods):
    """The same at once; it counts how often it reads and writes."""

    def __init__(self) -> None:
        self.loads = self.saves = 0

    async def load_all(self, rows: Connection, commands: Sequence[Any]) -> dict[Place, Loaded[Good | None]]:
        self.loads += 1
        return {(each.tenant, self.stream(each)): await self.load(rows, each) for each in commands}

    async def save_all(self, rows: Connection, changes: Sequence[Change[Good | None]]) -> None:
        self.saves += 1
        for change in changes:
            await self.save(rows, change.commands[-1], change.before, change.after)


def register(command: RegisterGood, state: Good | None, _now: datetime) -> Sequence[Event]:
    if command.fails:
        raise Refusal
    return () if state is not None else (GoodRegistered(id=command.id, name=command.name),)


def rename(command: RenameGood, state: Good | None, _now: datetime) -> Sequence[Event]:
    if state is None:
        raise Unknown
    return [
        GoodRenamed(id=command.id, name=command.name if n == command.times else f"{command.name} {n}")
        for n in range(1, command.times + 1)
        if (state.name, command.times) != (command.name, 1)
    ]


def sell(command: SellGood, state: Good | None, _now: datetime) -> Sequence[Event]:
    if state is None:
        raise Unknown
    return (GoodSold(good=command.id, note=command.note),)


GOODS: Final = Goods()

HANDLERS: Final[dict[type, Handler[Any]]] = {
    RegisterGood: Handler(GOODS, register),
    RenameGood: Handler(GOODS, rename),
    SellGood: Handler(GOODS, sell),
}


# What another service (or this one) makes of it.

POISON: Final = "poison"

SHELF_DDL: Final = "CREATE TABLE {table} (tenant text, id text, name text, times int, PRIMARY KEY (tenant, id))"


async def put_on_shelf(rows: Connection, table: str, envelope: Envelope, event: GoodRegistered) -> None:
    if event.name == POISON:
        raise ValueError(event.name)
    await rows.execute(
        f"INSERT INTO {table} VALUES ($1, $2, $3, 1) ON CONFLICT DO NOTHING", envelope.tenant, event.id, event.name
    )


async def relabel(rows: Connection, table: str, envelope: Envelope, event: GoodRenamed) -> None:
    # Deliberately not idempotent: a repeated effect shows.
    await rows.execute(
        f"UPDATE {table} SET name = $3, times = times + 1 WHERE tenant = $1 AND id = $2",
        envelope.tenant,
        event.id,
        event.name,
    )


SHELF: Final = Projection(
    "shelf_v1", "shop", CATALOGUE, SHELF_DDL, {GoodRegistered: put_on_shelf, GoodRenamed: relabel}
)

SALES_DDL: Final = "CREATE TABLE {table} (pos bigint PRIMARY KEY, good text)"


async def book(rows: Connection, table: str, envelope: Envelope, event: GoodSold) -> None:
    await rows.execute(f"INSERT INTO {table} VALUES ($1, $2)", envelope.pos, event.good)


SALES: Final = Projection("sales_v1", "shop", CATALOGUE, SALES_DDL, {GoodSold: book}, log="activity")


# The same by the batch.


class Stock(msgspec.Struct, frozen=True):
    id: str
    name: str
    times: int


def restock(row: Stock | None, _: Envelope, event: GoodRegistered | GoodRenamed) -> Stock | None:
    if event.name == POISON:
        raise ValueError(event.name)
    if isinstance(event, GoodRegistered):
        return row or Stock(event.id, event.name, 1)
    return row and Stock(event.id, event.name, row.times + 1)


STOCK_DDL: Final = "CREATE TABLE {table} (id text PRIMARY KEY, name text, times int)"
STOCKING: Final = folding(Stock, lambda _, event: str(event.id), restock)
STOCK: Final = Projection(
    "stock_v1",
    "shop",
    CATALOGUE,
    STOCK_DDL,
    dict.fromkeys((GoodRegistered, GoodRenamed), one_by_one(STOCKING)),
    many=STOCKING,
)

TAKINGS_DDL: Final = "CREATE TABLE {table} (good text PRIMARY KEY, sold bigint NOT NULL, last bigint NOT NULL)"
ONE_SOLD: Final = (
    "INSERT INTO {table} VALUES ($1, 1, $2) ON CONFLICT (good) DO UPDATE SET sold = {table}.sold + 1, last = $2"
)
MANY_SOLD: Final = (
    "INSERT INTO {table} SELECT good, count(*), max(pos) FROM unnest($1::text[], $2::bigint[]) AS given(good, pos) "
    "GROUP BY good ON CONFLICT (good) DO UPDATE SET sold = {table}.sold + excluded.sold, last = excluded.last"
)


async def take_one(rows: Connection, table: str, envelope: Envelope, event: GoodSold) -> None:
    await rows.execute(ONE_SOLD.format(table=table), event.good, envelope.pos)


async def take_many(rows: Connection, table: str, happened: Sequence[Happened]) -> None:
    goods, positions = [event.good for _, event in happened], [envelope.pos for envelope, _ in happened]
    await rows.execute(MANY_SOLD.format(table=table), goods, positions)


TAKINGS: Final = Projection(
    "takings_v1", "shop", CATALOGUE, TAKINGS_DDL, {GoodSold: take_one}, many=take_many, log="activity"
)


# What is hot.

SELL: Final = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::uuid[], $5::jsonb[], $6::jsonb[])
    WITH ORDINALITY AS given(tenant, good, version, id, data, meta, n)
), kept AS MATERIALIZED (
    SELECT g.*, CASE WHEN d.id IS NULL THEN 'stale' END AS refusal
    FROM given g LEFT JOIN goods d ON d.tenant = g.tenant AND d.id = g.good AND d.version = g.version
), counted AS (
    INSERT INTO tills SELECT tenant, good, count(*), 1 FROM kept WHERE refusal IS NULL GROUP BY tenant, good
    ON CONFLICT (tenant, id) DO UPDATE SET sold = tills.sold + excluded.sold
), moved AS (
    UPDATE head SET pos = pos + (SELECT count(*) FROM kept WHERE refusal IS NULL) WHERE log = 'activity'
    RETURNING pos - (SELECT count(*) FROM kept WHERE refusal IS NULL) AS base
), written AS (
    INSERT INTO activity (pos, tenant, id, type, v, data, meta, at)
    SELECT moved.base + row_number() OVER (ORDER BY n), tenant, id, 'shop.good_sold', 1, data, meta, clock_timestamp()
    FROM kept, moved WHERE refusal IS NULL
)
SELECT n::int AS n, refusal FROM kept
"""


@dataclass(frozen=True)
class Sale:
    good: str
    version: int
    note: str = ""
    data: str | None = None
    tenant: str = "t"


def sale_arguments(sales: Sequence[Sale]) -> Sequence[Any]:
    now = datetime.fromisoformat("2026-11-23T12:00:00Z")
    rows = [
        (
            sale.tenant,
            sale.good,
            sale.version,
            uuid7(),
            sale.data or encoded(GoodSold(good=sale.good, note=sale.note)),
            meta(ANYBODY, now),
        )
        for sale in sales
    ]
    return [list(column) for column in zip(*rows, strict=True)]


async def log_of(store: EventStore, log: str = "facts") -> list[tuple[int, str, dict[str, Any]]]:
    """What is committed, by position."""
    async with store.database.connection() as rows:
        found = await rows.fetch(f"SELECT pos, type, data FROM {log} ORDER BY pos")
    return [(row["pos"], row["type"], msgspec.json.decode(row["data"])) for row in found]


async def head_of(store: EventStore, log: str = "facts") -> int:
    async with store.database.connection() as rows:
        pos: int = await rows.fetchval("SELECT pos FROM head WHERE log = $1", log)
    return pos
