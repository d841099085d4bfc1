"""The mirror is exact, whoever races, dies, loses or goes back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

import msgspec
import pytest

from libs.bus import Bus, Reader, Streams
from libs.eventstore import EventStore, Relay
from libs.eventstore.envelope import from_wire
from libs.eventstore.waiting import Waiting
from libs.eventstore.wake import POLL_FLOOR
from libs.postgres import Locks
from libs.runtime.errors import Unavailable
from libs.telemetry.readiness import Readiness
from tests.conftest import Background, OpenBus, OpenDatabase, eventually
from tests.libs.eventstore.conftest import ACTIVITY, FACTS, MakeRelay, Mirrored
from tests.libs.eventstore.shop import ANYBODY, CATALOGUE, HANDLERS, RegisterGood, RenameGood, SellGood, head_of
from tests.servers import Addresses, NatsServer, PostgresServer


async def some(store: EventStore, count: int, *, good: str = "1", times: int = 100) -> None:
    """So many facts, by few commands."""
    await store.execute(RegisterGood("t", good, f"good {good}"), ANYBODY)
    for _ in range((count - 1) // times):
        await store.execute(RenameGood("t", good, f"good {good}", times=times), ANYBODY)
    if rest := (count - 1) % times:
        await store.execute(RenameGood("t", good, f"good {good}", times=rest), ANYBODY)


async def require_exact(store: EventStore, bus: Bus, log: str = "facts", stream: str = FACTS) -> None:
    """The stream holds the log: same ids, and every sequence is its event's position."""
    async with store.database.connection() as rows:
        ids = {row["pos"]: row["id"] for row in await rows.fetch(f"SELECT pos, id FROM {log}")}
    state = await Streams(bus).state(stream)
    assert state is not None
    assert (state.last, state.messages, state.deleted) == (max(ids), len(ids), 0)
    mirrored: dict[int, UUID] = {}
    async with Reader(bus, stream, start=1) as reader:
        while len(mirrored) < len(ids):
            for each in await reader.fetch(1000, wait=2):
                envelope = from_wire(each.payload)
                assert envelope.pos == each.sequence
                mirrored[each.sequence] = envelope.id
    assert mirrored == ids


async def test_facts_and_activity_are_mirrored_with_their_positions(
    store: EventStore, bus: Bus, relay: MakeRelay, mirrored: Mirrored, readiness: Readiness
) -> None:
    await some(store, 1200)
    relay()
    relay("activity", max_age=10**15, max_bytes=10**8)
    assert readiness.missing(), "it compares before it is ready"
    await store.execute(SellGood("t", "1"), ANYBODY)
    await mirrored()
    await mirrored("activity")
    await require_exact(store, bus)
    await require_exact(store, bus, "activity", ACTIVITY)
    await eventually(lambda: readiness.is_ready)


async def test_a_commit_wakes_the_relay(
    store: EventStore, relay: MakeRelay, mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is mirrored by a relay that would look by itself only in a minute."""
    relay()
    await some(store, 1)
    await mirrored()
    monkeypatch.setattr("libs.eventstore.wake.POLL_FLOOR", 60.0)
    await asyncio.sleep(2 * POLL_FLOOR)
    await store.execute(RenameGood("t", "1", "x"), ANYBODY)
    await mirrored()


async def room_for(bus: Bus, messages: int) -> None:
    """Let the stream refuse more messages than that, as on a full disk; -1 for any number."""
    told = msgspec.json.decode(await bus.request(f"$JS.API.STREAM.INFO.{FACTS}", b"", timeout=5))
    config = told["config"] | {"discard": "new", "max_msgs": messages}
    await bus.request(f"$JS.API.STREAM.UPDATE.{FACTS}", msgspec.json.encode(config), timeout=5)


async def test_a_stream_that_takes_no_more_is_told_of_and_asked_with_patience(
    store: EventStore,
    bus: Bus,
    relay: MakeRelay,
    mirrored: Mirrored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await some(store, 2)
    relay()
    await mirrored()
    await room_for(bus, 3)
    asked: list[int] = []
    append = Streams.append

    async def counted(self: Streams, messages: Sequence[Any], *, expected_last: int) -> None:
        asked.append(len(messages))
        await append(self, messages, expected_last=expected_last)

    monkeypatch.setattr(Streams, "append", counted)
    said: list[str] = []
    monkeypatch.setattr(Waiting, "because", lambda _self, _what, reason: said.append(str(reason)))
    await some(store, 50, good="2")
    await eventually(lambda: any("maximum messages exceeded" in each for each in said))
    began = monotonic()
    asked.clear()
    await asyncio.sleep(5 * POLL_FLOOR)
    assert 1 <= len(asked) <= 1 + (monotonic() - began) / POLL_FLOOR, "it does not hurry"
    await room_for(bus, -1)
    await mirrored()
    await require_exact(store, bus)
    assert max(asked) > 1, "and what waited goes together again"


class NoLocks(Locks):
    """Everybody leads."""

    async def lead(self, _task: str, work: Callable[[], Awaitable[None]]) -> None:
        await work()


async def test_two_relays_that_both_lead_stay_exact(
    store: EventStore, open_bus: OpenBus, readiness: Readiness, background: Background, mirrored: Mirrored
) -> None:
    for name in "ab":
        background(Relay(store, await open_bus(name), NoLocks("", name), readiness, log="facts").run())
    await asyncio.gather(*(some(store, 150, good=str(number), times=7) for number in range(4)))
    await mirrored(within=10)
    await require_exact(store, await open_bus("c"))
    assert store.halted is None


async def test_a_deleted_stream_is_refilled_with_the_same_numbers(
    store: EventStore, bus: Bus, relay: MakeRelay, mirrored: Mirrored
) -> None:
    await some(store, 700)
    relay()
    await mirrored()
    await Streams(bus).delete(FACTS)
    await store.execute(RenameGood("t", "1", "x"), ANYBODY)
    await mirrored()
    await require_exact(store, bus)


async def test_an_emptied_or_holed_stream_is_made_anew_at_the_next_audit(
    store: EventStore, bus: Bus, relay: MakeRelay, mirrored: Mirrored
) -> None:
    await some(store, 700)
    made = relay()
    await mirrored()
    await bus.request(f"$JS.API.STREAM.PURGE.{FACTS}", b"", timeout=2)
    made._audit_soon()

    async def is_whole() -> bool:
        state = await Streams(bus).state(FACTS)
        return state is not None and (state.first, state.messages, state.deleted) == (1, 700, 0)

    await eventually(is_whole)
    await bus.request(f"$JS.API.STREAM.MSG.DELETE.{FACTS}", b'{"seq": 300}', timeout=2)
    assert not await is_whole()
    made._audit_soon()
    await eventually(is_whole)
    await require_exact(store, bus)


async def test_a_stream_that_lost_its_tail_gets_it_again(
    store: EventStore, bus: Bus, relay: MakeRelay, mirrored: Mirrored, nats: NatsServer
) -> None:
    await some(store, 300)
    relay()
    await mirrored()
    nats.stop()
    kept = nats.store.rename(nats.store.with_name("older"))
    await nats.back()
    await eventually(lambda: bus.is_connected)
    await mirrored(within=10)
    await some(store, 300, good="2")
    await mirrored()
    nats.stop()
    nats.empty()
    kept.rename(nats.store)
    await nats.back()
    await store.execute(RenameGood("t", "2", "x"), ANYBODY)
    await eventually(lambda: bus.is_connected)
    await mirrored(within=10)
    await require_exact(store, bus)
    assert store.halted is None


async def test_an_idle_log_is_refilled_when_nats_comes_back_empty(
    store: EventStore, bus: Bus, relay: MakeRelay, mirrored: Mirrored, nats: NatsServer, readiness: Readiness
) -> None:
    await some(store, 300)
    relay()
    await mirrored()
    nats.kill()
    nats.empty()
    await nats.back()
    await eventually(lambda: bus.is_connected)
    await mirrored(within=3)
    await require_exact(store, bus)
    assert readiness.is_ready


async def test_the_relay_goes_on_after_postgres_was_killed(
    store: EventStore, bus: Bus, relay: MakeRelay, mirrored: Mirrored, postgres: PostgresServer
) -> None:
    relay()
    await some(store, 10)
    await mirrored()
    postgres.kill()
    await postgres.back()
    await store.execute(RenameGood("t", "1", "x"), ANYBODY)
    await mirrored(within=10)
    await require_exact(store, bus)


async def restore(store: EventStore, to: int) -> None:
    """What a restored backup looks like: the newest facts never happened."""
    async with store.database.transaction() as rows:
        await rows.execute("DELETE FROM facts WHERE pos > $1", to)
        await rows.execute("UPDATE head SET pos = $1 WHERE log = 'facts'", to)


async def test_a_restored_older_database_stops_appends_and_says_what_to_do(
    store: EventStore, relay: MakeRelay, mirrored: Mirrored, readiness: Readiness
) -> None:
    await some(store, 20)
    relay()
    await mirrored()
    await eventually(lambda: readiness.is_ready)
    await restore(store, 12)
    await eventually(lambda: store.halted)
    with pytest.raises(Unavailable, match="limen restored"):
        await store.execute(RenameGood("t", "1", "x"), ANYBODY)
    why = readiness.missing()["mirror of shop facts"]
    assert "its stream EVT_SHOP_0 reaches 20, the database only 12" in why
    assert "Restore a newer backup" in why
    assert await head_of(store) == 12


async def test_a_service_started_on_a_restored_database_is_never_ready(
    store: EventStore, relay: MakeRelay, mirrored: Mirrored, bus: Bus, background: Background, locks: Locks
) -> None:
    await some(store, 20)
    relay()
    await mirrored()
    anew, unready = EventStore(store.database, CATALOGUE, bus, HANDLERS), Readiness()
    await restore(store, 12)
    background(Relay(anew, bus, locks, unready, log="facts").run())
    await eventually(lambda: anew.halted)
    assert not unready.is_ready


async def test_a_restored_database_that_went_on_is_found_out_by_its_ids(
    addresses: Addresses, open_database: OpenDatabase, bus: Bus, locks: Locks, background: Background, relay: MakeRelay,
    store: EventStore, mirrored: Mirrored
) -> None:  # fmt: skip
    await some(store, 20)
    relay()
    await mirrored()
    database = await open_database(addresses.of["shop"])
    stopped = store.database
    await restore(store, 12)
    async with stopped.transaction() as rows:
        await rows.execute("UPDATE goods SET version = 12")
    elsewhere = EventStore(database, CATALOGUE, bus, HANDLERS)
    await elsewhere.execute(RenameGood("t", "1", "other", times=30), ANYBODY)
    anew, unready = EventStore(database, CATALOGUE, bus, HANDLERS), Readiness()
    background(Relay(anew, bus, locks, unready, log="facts").run())
    await eventually(lambda: anew.halted)
    assert "position 20 holds another event than was mirrored" in unready.missing()["mirror of shop facts"]


async def test_activity_below_the_floor_moves_the_stream_on(
    store: EventStore, bus: Bus, relay: MakeRelay, mirrored: Mirrored
) -> None:
    await some(store, 1)
    for _ in range(30):
        await store.execute(SellGood("t", "1"), ANYBODY)
    async with store.database.transaction() as rows:
        await rows.execute("DELETE FROM activity WHERE pos <= 10")
    relay("activity")
    await mirrored("activity")
    state = await Streams(bus).state(ACTIVITY)
    assert state is not None
    assert (state.first, state.last) == (11, 30)
