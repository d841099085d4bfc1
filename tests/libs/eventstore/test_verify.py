"""The audit finds what differs, and nothing where all agrees."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from libs.bus import Bus, Streams
from libs.eventstore import EventStore
from libs.eventstore.verify import FoldCheck, Key, folds, mirror, positions, snapshot
from libs.postgres import Connection
from tests.libs.eventstore.conftest import FACTS, MakeRelay, Mirrored
from tests.libs.eventstore.shop import ANYBODY, CATALOGUE, GOODS, Good, RegisterGood, RenameGood, SellGood


async def good_rows(rows: Connection, tenants: Sequence[str], streams: Sequence[str]) -> dict[Key, object]:
    found = await rows.fetch(
        "SELECT tenant, id, name FROM goods JOIN unnest($1::text[], $2::text[]) AS g(tenant, id) USING (tenant, id)",
        tenants,
        [stream.removeprefix("good-") for stream in streams],
    )
    return {(row["tenant"], f"good-{row['id']}"): row["name"] for row in found}


CHECK: FoldCheck[Good | None] = FoldCheck(
    "goods",
    "good-",
    None,
    GOODS.evolve,
    lambda state: state and state.name,
    good_rows,
    keys="SELECT tenant, 'good-' || id AS stream FROM goods",
)


@pytest.fixture
async def filled(store: EventStore, relay: MakeRelay, mirrored: Mirrored) -> EventStore:
    relay()
    relay("activity")
    for number in range(30):
        await store.execute(RegisterGood("t", str(number), f"good {number}"), ANYBODY)
    await store.execute(RenameGood("t", "7", "seven", times=1500), ANYBODY)
    await store.execute(SellGood("t", "7"), ANYBODY)
    await mirrored()
    await mirrored("activity")
    return store


async def audit(store: EventStore, bus: Bus) -> list[str]:
    async with snapshot(store.database.url, "shop") as rows:
        found = []
        for log in ("facts", "activity"):
            found += await positions(rows, log) + await mirror(rows, bus, "shop", log)
        count, findings = await folds(rows, CATALOGUE, CHECK)
        assert count == 30
        return found + findings


async def test_where_all_agrees_nothing_is_found(filled: EventStore, bus: Bus) -> None:
    assert await audit(filled, bus) == []


async def test_an_empty_service_agrees(store: EventStore, bus: Bus) -> None:
    async with snapshot(store.database.url, "shop") as rows:
        for log in ("facts", "activity"):
            assert await positions(rows, log) + await mirror(rows, bus, "shop", log) == []
        assert await folds(rows, CATALOGUE, CHECK) == (0, [])


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (
            "UPDATE goods SET name = 'other' WHERE id = '7'",
            "goods good-7 of t: its facts say 'seven', its rows 'other'",
        ),
        ("DELETE FROM goods WHERE id = '3'", "goods good-3 of t: its facts say 'good 3', its rows None"),
        ("INSERT INTO goods VALUES ('t', 'x', 'x', 1)", "goods good-x of t: rows without facts"),
        ("UPDATE facts SET id = gen_random_uuid() WHERE pos = 12", "facts: position 12 differs in EVT_SHOP_0"),
        (
            "DELETE FROM activity",
            "activity: 0 events from None to None, but floor is 1 and head 1: 1 are expected",
        ),
    ],
)
async def test_what_differs_is_found(filled: EventStore, bus: Bus, damage: str, finding: str) -> None:
    async with filled.database.transaction() as rows:
        await rows.execute(damage)
    assert finding in await audit(filled, bus)


async def test_a_missing_stream_is_found(filled: EventStore, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.eventstore.verify.PATIENCE", 0.0)
    async with snapshot(filled.database.url, "shop") as rows:
        await Streams(bus).purge(FACTS, up_to=5)
        assert "facts: EVT_SHOP_0 begins at 5, the log at 1" in await mirror(rows, bus, "shop", "facts")


async def test_a_check_without_keys_finds_no_orphans(filled: EventStore) -> None:
    async with filled.database.transaction() as rows:
        await rows.execute("INSERT INTO goods VALUES ('t', 'x', 'x', 1)")
    async with snapshot(filled.database.url, "shop") as rows:
        assert await folds(rows, CATALOGUE, replace(CHECK, keys=None)) == (30, [])
