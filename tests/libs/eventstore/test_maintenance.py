"""Partitions of activity: made ahead of the head, dropped only when they are old and mirrored."""

from datetime import timedelta
from typing import Final

from libs.bus import Bus, Streams
from libs.eventstore import EventStore, Retention
from libs.eventstore.maintenance import AHEAD, one_round
from libs.postgres import Database
from tests.libs.eventstore.conftest import ACTIVITY, MakeRelay, Mirrored

ROWS: Final = 10
SHORT: Final = Retention(rows=ROWS, keep=timedelta(days=30))
MONTHS: Final = timedelta(days=90)

FILL: Final = """
WITH moved AS (UPDATE head SET pos = pos + $1 WHERE log = 'activity' RETURNING pos)
INSERT INTO activity
SELECT moved.pos - $1 + n, 't', gen_random_uuid(), 'shop.good_sold', 1, '{"good": "1"}',
       '{"occurred_at": "2026-11-23T12:00:00Z"}', clock_timestamp() - $2::interval
FROM moved, generate_series(1, $1) AS n
"""


async def fill(database: Database, count: int, *, age: timedelta = timedelta(0)) -> None:
    async with database.transaction() as rows:
        await rows.execute(FILL, count, age)


async def partitions(database: Database) -> list[int]:
    async with database.connection() as rows:
        found = await rows.fetch(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'activity'::regclass"
        )
    return sorted(int(name.removeprefix("activity_")) for (name,) in found if name != "activity_default")


async def floor_and_count(database: Database) -> tuple[int, int]:
    async with database.connection() as rows:
        floor = await rows.fetchval("SELECT floor FROM head WHERE log = 'activity'")
        return floor, await rows.fetchval("SELECT count(*) FROM activity")


async def test_partitions_are_made_ahead_of_the_head(store: EventStore, bus: Bus, database: Database) -> None:
    await one_round(store, bus, SHORT)
    assert await partitions(database) == list(range(AHEAD))
    await fill(database, 3 * ROWS)
    await one_round(store, bus, SHORT)
    assert await partitions(database) == list(range(3 + AHEAD))
    async with database.connection() as rows:
        assert await rows.fetchval("SELECT count(*) FROM activity_default") == 0


async def test_what_was_written_ahead_of_any_partition_stays_in_the_default(
    store: EventStore, bus: Bus, database: Database
) -> None:
    await fill(database, 2 * ROWS + 5)
    await one_round(store, bus, SHORT)
    assert await partitions(database) == list(range(3, 2 + AHEAD))
    assert await floor_and_count(database) == (1, 2 * ROWS + 5)


async def test_an_old_partition_is_dropped_only_when_all_of_it_is_mirrored(
    store: EventStore, bus: Bus, database: Database, relay: MakeRelay, mirrored: Mirrored
) -> None:
    await one_round(store, bus, SHORT)
    await fill(database, 2 * ROWS, age=MONTHS)
    await one_round(store, bus, SHORT)
    assert await floor_and_count(database) == (1, 2 * ROWS), "nothing is mirrored yet"
    relay("activity")
    await mirrored("activity")
    await one_round(store, bus, SHORT)
    # Position 20 is of the third partition.
    assert await floor_and_count(database) == (2 * ROWS, 1)
    assert await partitions(database) == list(range(2, 2 + AHEAD))


async def test_a_young_partition_stays_however_far_the_mirror_is(
    store: EventStore, bus: Bus, database: Database, relay: MakeRelay, mirrored: Mirrored
) -> None:
    await one_round(store, bus, SHORT)
    await fill(database, ROWS, age=MONTHS)
    await fill(database, 2 * ROWS)
    relay("activity")
    await mirrored("activity")
    await one_round(store, bus, SHORT)
    # The first partition ends before position 10, the youngest old one.
    assert await floor_and_count(database) == (ROWS, 2 * ROWS + 1)


async def test_two_rounds_at_once_leave_the_work_to_one(store: EventStore, bus: Bus, database: Database) -> None:
    async with database.transaction() as rows:
        await rows.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", "shop activity")
        await one_round(store, bus, SHORT)
        assert await partitions(database) == []


async def test_a_stream_below_the_new_floor_is_moved_up_and_goes_on(
    store: EventStore, bus: Bus, database: Database, relay: MakeRelay, mirrored: Mirrored
) -> None:
    await one_round(store, bus, SHORT)
    await fill(database, 2 * ROWS + 5)
    async with database.transaction() as rows:  # by hand: what was never mirrored is given up
        await rows.execute("UPDATE head SET floor = $1 WHERE log = 'activity'", ROWS)
        await rows.execute("DROP TABLE activity_0")
    relay("activity")
    await mirrored("activity")
    state = await Streams(bus).state(ACTIVITY)
    assert state is not None
    assert (state.first, state.last) == (ROWS, 2 * ROWS + 5)
