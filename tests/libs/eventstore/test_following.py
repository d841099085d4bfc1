"""Following projections: exactly once, in order, halting loudly."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import msgspec
import pytest

from libs.bus import Bus, Streams
from libs.eventstore import EventStore, Follower, Projection
from libs.eventstore.checkpoints import read_checkpoint, skip
from libs.eventstore.names import subject_of
from libs.postgres import Database, Locks
from libs.telemetry.readiness import Readiness
from tests.conftest import Background, OpenBus, OpenDatabase, eventually
from tests.doubles.wire import wire_to
from tests.libs.eventstore.conftest import ACTIVITY, FACTS, MakeRelay, Mirrored
from tests.libs.eventstore.shop import (
    ANYBODY,
    POISON,
    SALES,
    SHELF,
    GoodRegistered,
    RegisterGood,
    RenameGood,
    SellGood,
    log_of,
    put_on_shelf,
)
from tests.servers import Addresses, NatsServer, PostgresServer

MakeFollower = Callable[..., Awaitable[Callable[[], Awaitable[None]]]]


@pytest.fixture
def follow(database: Database, bus: Bus, locks: Locks, readiness: Readiness, background: Background) -> MakeFollower:
    async def start(projection: Projection = SHELF) -> Callable[[], Awaitable[None]]:
        follower = Follower(projection, database, bus, locks, readiness)
        await follower.prepare()
        return background(follower.run())

    return start


async def shelf(database: Database, table: str = "shelf_v1") -> dict[str, tuple[str, int]]:
    async with database.connection() as rows:
        return {row["id"]: (row["name"], row["times"]) for row in await rows.fetch(f"SELECT * FROM {table}")}


async def expected(store: EventStore) -> dict[str, tuple[str, int]]:
    shelf: dict[str, tuple[str, int]] = {}
    for _, name, data in await log_of(store):
        if name == "shop.good_registered":
            shelf[data["id"]] = (data["name"], 1)
        elif name == "shop.good_renamed":
            shelf[data["id"]] = (data["name"], shelf[data["id"]][1] + 1)
    return shelf


async def is_level(store: EventStore) -> bool:
    return await shelf(store.database) == await expected(store)


async def work(store: EventStore, goods: int = 5, times: int = 4) -> None:
    for good in range(goods):
        await store.execute(RegisterGood("t", str(good), f"good {good}"), ANYBODY)
        await store.execute(RenameGood("t", str(good), f"better {good}", times=times), ANYBODY)


async def position(database: Database, name: str = "shelf_v1") -> tuple[int, str | None]:
    async with database.connection() as rows:
        found = await read_checkpoint(rows, name)
    return found.pos, found.halted


async def test_a_projector_ended_at_any_await_applies_each_event_once(
    store: EventStore, database: Database, bus: Bus, locks: Locks, relay: MakeRelay, mirrored: Mirrored,
    readiness: Readiness
) -> None:  # fmt: skip
    relay()
    await work(store, goods=2)
    await mirrored()
    follower = Follower(SHELF, database, bus, locks, readiness)
    await follower.prepare()
    ended = 0
    for at in range(1, 60):
        task = asyncio.ensure_future(follower._once())
        for _ in range(at):
            await asyncio.sleep(0)
        await asyncio.sleep(0.0004 * at)
        task.cancel()
        results = await asyncio.gather(task, return_exceptions=True)
        ended += isinstance(results[0], asyncio.CancelledError)
        if at % 10 == 0:
            await store.execute(RenameGood("t", "1", f"turn {at}", times=3), ANYBODY)
            await mirrored()
    assert ended > 20
    following = asyncio.ensure_future(follower._follow())
    await eventually(lambda: is_level(store))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize(
    "word", [b"FROM checkpoints", b"BEGIN", b"INSERT INTO shelf", b"UPDATE checkpoints", b"COMMIT\0"]
)
async def test_a_projector_cut_from_its_database_at_any_statement_applies_each_event_once(
    store: EventStore, addresses: Addresses, open_database: OpenDatabase, bus: Bus, locks: Locks, relay: MakeRelay,
    readiness: Readiness, background: Background, word: bytes, *, heard: bool
) -> None:  # fmt: skip
    relay()
    await work(store)
    async with wire_to(addresses.of["shop"]) as wire:
        through = await open_database(wire.url(addresses.of["shop"]))
        follower = Follower(SHELF, through, bus, locks, readiness)
        await follower.prepare()
        wire.cut_at(word, heard=heard)
        background(follower.run())
        await eventually(lambda: wire.cuts, within=8)
        await eventually(lambda: is_level(store), within=8)


async def test_two_that_both_lead_apply_each_event_once(
    store: EventStore, database: Database, open_bus: OpenBus, relay: MakeRelay, readiness: Readiness,
    background: Background
) -> None:  # fmt: skip
    relay()
    for name in "ab":
        follower = Follower(SHELF, database, await open_bus(name), Locks("", name), readiness)
        await follower.prepare()
        background(follower._follow())
    await work(store, goods=20)
    await eventually(lambda: is_level(store))


async def test_events_delivered_twice_are_applied_once(
    store: EventStore, bus: Bus, follow: MakeFollower, relay: MakeRelay, mirrored: Mirrored
) -> None:
    relay()
    await follow()
    await work(store)
    await mirrored()
    await eventually(lambda: is_level(store))
    await Streams(bus).delete(FACTS)
    await store.execute(RenameGood("t", "1", "x"), ANYBODY)
    await mirrored()
    await eventually(lambda: is_level(store))
    assert (await position(store.database))[0] == len(await log_of(store))


async def test_a_follower_goes_on_when_nats_comes_back_empty(
    store: EventStore, follow: MakeFollower, relay: MakeRelay, nats: NatsServer
) -> None:
    relay()
    await follow()
    await work(store)
    await eventually(lambda: is_level(store))
    nats.kill()
    nats.empty()
    await nats.back()
    await store.execute(RenameGood("t", "1", "x", times=7), ANYBODY)
    await eventually(lambda: is_level(store), within=4)


async def test_a_follower_goes_on_when_postgres_was_killed(
    store: EventStore, follow: MakeFollower, relay: MakeRelay, postgres: PostgresServer
) -> None:
    relay()
    await follow()
    await work(store)
    postgres.kill()
    await postgres.back()
    await store.execute(RenameGood("t", "1", "x", times=7), ANYBODY)
    await eventually(lambda: is_level(store), within=8)


async def test_a_poison_event_halts_before_itself_and_a_skip_goes_past_it(
    store: EventStore, database: Database, follow: MakeFollower, relay: MakeRelay, readiness: Readiness
) -> None:
    relay()
    await follow()
    await work(store, goods=1)
    await store.execute(RegisterGood("t", "bad", POISON), ANYBODY)
    await store.execute(RegisterGood("t", "next", "next"), ANYBODY)

    async def is_halted() -> bool:
        return (await position(database))[1] is not None

    await eventually(is_halted)
    assert await position(database) == (5, "the event at 6: ValueError('poison')")
    assert await shelf(database) == {"0": ("better 0", 5)}
    await eventually(lambda: "projection shelf_v1" in readiness.missing())
    assert readiness.missing()["projection shelf_v1"] == "halted after position 5: the event at 6: ValueError('poison')"
    async with database.transaction() as rows:
        assert await skip(rows, "shop", "shelf_v1") is not None
    async with database.transaction() as rows:
        assert await skip(rows, "shop", "shelf_v1") is None, "one skip skips one event"
    await eventually(lambda: readiness.is_ready)

    async def is_past() -> bool:
        return "next" in await shelf(database)

    await eventually(is_past)
    assert "bad" not in await shelf(database)
    assert (await log_of(store))[-1][1:] == (
        "shop.projection_skipped",
        {"name": "shelf_v1", "source": FACTS, "epoch": 1, "pos": 6, "reason": "the event at 6: ValueError('poison')"},
    )


async def test_a_message_that_is_no_event_is_poison_too(
    store: EventStore, database: Database, bus: Bus, follow: MakeFollower, relay: MakeRelay, mirrored: Mirrored
) -> None:
    relay()
    await work(store, goods=1)
    await mirrored()
    await bus.request(subject_of("facts", "shop.good_renamed"), b"no event", timeout=2)
    await follow()

    async def is_halted() -> bool:
        pos, halted = await position(database)
        return pos == 5 and halted is not None

    await eventually(is_halted)


async def test_a_follower_that_is_not_critical_leaves_the_process_ready(
    store: EventStore, database: Database, follow: MakeFollower, relay: MakeRelay, readiness: Readiness
) -> None:
    relay()
    await follow(replace(SHELF, is_critical=False))
    await store.execute(RegisterGood("t", "bad", POISON), ANYBODY)

    async def is_halted() -> bool:
        return (await position(database))[1] is not None

    await eventually(is_halted)
    await asyncio.sleep(1.1)
    assert "projection shelf_v1" not in readiness.missing()


async def test_a_follower_of_facts_below_the_floor_stops_and_goes_on_when_they_are_there_again(
    store: EventStore, database: Database, bus: Bus, follow: MakeFollower, relay: MakeRelay, mirrored: Mirrored,
    readiness: Readiness
) -> None:  # fmt: skip
    made = relay()
    await work(store)
    await mirrored()
    await Streams(bus).purge(FACTS, up_to=8)
    await follow()
    await eventually(lambda: "facts are gone" in readiness.missing().get("projection shelf_v1", ""))
    assert await shelf(database) == {}
    async with database.transaction() as rows:
        assert await skip(rows, "shop", "shelf_v1") is None, "what is gone is not skipped"
    made._audit_soon()
    await eventually(lambda: is_level(store))
    await eventually(lambda: readiness.is_ready)


async def test_a_follower_of_activity_below_the_floor_records_the_gap_and_goes_on(
    store: EventStore, database: Database, bus: Bus, follow: MakeFollower, relay: MakeRelay, mirrored: Mirrored
) -> None:
    relay("activity")
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    for _ in range(10):
        await store.execute(SellGood("t", "1"), ANYBODY)
    await mirrored("activity")
    await Streams(bus).purge(ACTIVITY, up_to=7)
    await follow(SALES)

    async def booked() -> list[int]:
        async with database.connection() as rows:
            return [row["pos"] for row in await rows.fetch("SELECT pos FROM sales_v1 ORDER BY pos")]

    async def is_level() -> bool:
        return await booked() == [7, 8, 9, 10]

    await eventually(is_level)
    assert (await log_of(store))[-1][1:] == (
        "shop.activity_missed",
        {"name": "sales_v1", "source": ACTIVITY, "epoch": 1, "after": 0, "next": 7},
    )


async def test_a_release_that_handles_more_rebuilds_and_swaps(
    store: EventStore, database: Database, follow: MakeFollower, relay: MakeRelay
) -> None:
    relay()
    less = replace(SHELF, handles={GoodRegistered: put_on_shelf})
    stop = await follow(less)
    await work(store)

    async def has_all() -> bool:
        return (await position(database))[0] == len(await log_of(store))

    await eventually(has_all)
    await stop()
    assert (await shelf(database))["1"] == ("good 1", 1)
    await follow()
    await eventually(lambda: is_level(store))
    await store.execute(RenameGood("t", "1", "x"), ANYBODY)
    await eventually(lambda: is_level(store))


async def test_an_event_that_must_be_understood_and_is_not_stops(
    store: EventStore, database: Database, follow: MakeFollower, relay: MakeRelay
) -> None:
    relay()
    await work(store, goods=1)
    async with database.transaction() as rows:
        await rows.execute("UPDATE head SET pos = 7 WHERE log = 'facts'")
        for pos, must in ((6, False), (7, True)):
            data = msgspec.json.encode({"occurred_at": "2026-11-23T12:00:00Z", "must_understand": must}).decode()
            await rows.execute(
                "INSERT INTO facts SELECT $1::bigint, 't', 'new', $1::bigint, gen_random_uuid(), "
                "'shop.later', 1, '{}', $2, now()",
                pos,
                data,
            )
    await follow()

    async def is_halted() -> bool:
        return await position(database) == (6, "the event at 7: NotUnderstood('shop.later')")

    await eventually(is_halted)


async def test_a_read_model_is_filled_when_it_holds_what_was_said_before(
    store: EventStore, database: Database, bus: Bus, locks: Locks, relay: MakeRelay, mirrored: Mirrored,
    readiness: Readiness, background: Background
) -> None:  # fmt: skip
    relay()
    await work(store, goods=20)
    await mirrored()
    follower = Follower(SHELF, database, bus, locks, readiness)
    await follower.prepare()
    filled = asyncio.ensure_future(follower.filled())
    await asyncio.sleep(0.2)
    assert not filled.done(), "nobody has read a word yet"
    background(follower.run())
    await filled
    assert await is_level(store)


async def test_a_read_model_that_is_halted_or_has_nothing_to_follow_is_not_waited_for(
    store: EventStore, database: Database, bus: Bus, follow: MakeFollower, relay: MakeRelay, locks: Locks,
    readiness: Readiness
) -> None:  # fmt: skip
    follower = Follower(SHELF, database, bus, locks, readiness)
    await follower.prepare()
    await follower.filled()
    relay()
    await store.execute(RegisterGood("t", "1", POISON), ANYBODY)
    await follow()
    await eventually(readiness.missing)
    await follower.filled()
    assert await shelf(database) == {}
