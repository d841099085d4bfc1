"""One made-up service through every part of the log, once."""

import asyncio
import time

from libs.bus import Bus
from libs.eventstore import (
    Actor,
    BatchWriter,
    Context,
    Envelope,
    Event,
    EventStore,
    Follower,
    MemoryFollower,
    Reaction,
    Reactor,
    Refused,
    Written,
)
from libs.eventstore.deciding import HasTenant
from libs.postgres import Locks
from libs.telemetry.readiness import Readiness
from tests.conftest import Background, eventually
from tests.libs.eventstore.conftest import MakeRelay, Mirrored
from tests.libs.eventstore.shop import (
    ANYBODY,
    CATALOGUE,
    SELL,
    SHELF,
    GoodRegistered,
    GoodRenamed,
    RegisterGood,
    RenameGood,
    Sale,
    SellGood,
    head_of,
    log_of,
    sale_arguments,
)


async def test_a_command_becomes_rows_and_facts_in_one_transaction(store: EventStore) -> None:
    committed = await store.execute(RegisterGood("t", "1", "it's"), ANYBODY)
    assert (committed.epoch, committed.pos) == (1, 1)
    await store.execute(RenameGood("t", "1", "lamp"), ANYBODY)
    await store.execute(SellGood("t", "1"), ANYBODY)
    assert await log_of(store) == [
        (1, "shop.good_registered", {"id": "1", "name": "it's"}),
        (2, "shop.good_renamed", {"id": "1", "name": "lamp"}),
    ]
    assert await log_of(store, "activity") == [(1, "shop.good_sold", {"good": "1", "note": ""})]
    async with store.database.connection() as rows:
        assert [tuple(row) for row in await rows.fetch("SELECT name, version FROM goods")] == [("lamp", 2)]


async def test_facts_go_by_relay_to_memory_rows_and_commands(
    store: EventStore, bus: Bus, locks: Locks, relay: MakeRelay, background: Background, readiness: Readiness
) -> None:
    relay()
    relay("activity")
    names: dict[str, str] = {}

    def remember(_envelope: Envelope, event: Event) -> None:
        match event:
            case GoodRegistered() | GoodRenamed():
                names[event.id] = event.name
            case _:
                pass

    async def suffix(envelope: Envelope, event: GoodRegistered) -> HasTenant:
        return RenameGood(envelope.tenant, event.id, f"{event.name}!")

    memory = MemoryFollower(bus, CATALOGUE, remember, name="tests", readiness=readiness)
    background(memory.run())
    follower = Follower(SHELF, store.database, bus, locks, readiness)
    await follower.prepare()
    background(follower.run())
    reactor = Reactor(Reaction("suffixes", CATALOGUE, {GoodRegistered: suffix}), store, bus, locks, readiness)
    await reactor.prepare()
    background(reactor.run())
    who = Context(actor=Actor("client", "c1"), correlation_id="c")
    for number in range(20):
        await store.execute(RegisterGood("t", str(number), f"lamp {number}"), who)
    wanted = {str(number): f"lamp {number}!" for number in range(20)}
    await eventually(lambda: names == wanted)

    async def is_on_the_shelf() -> bool:
        async with store.database.connection() as rows:
            found = {row["id"]: row["name"] for row in await rows.fetch("SELECT id, name FROM shelf_v1")}
        return found == wanted

    await eventually(is_on_the_shelf)
    await eventually(lambda: readiness.is_ready)
    assert memory.silent_for < 3
    async with store.database.connection() as rows:
        renamed = await rows.fetch("SELECT meta->>'causation_id' AS cause FROM facts WHERE type = 'shop.good_renamed'")
        assert {row["cause"] for row in renamed} == {
            str(row["id"]) for row in await rows.fetch("SELECT id FROM facts WHERE type = 'shop.good_registered'")
        }


async def test_a_batch_is_one_commit_and_leaves_the_stale_out(
    store: EventStore, background: Background, relay: MakeRelay, mirrored: Mirrored
) -> None:
    relay("activity")
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)
    writer = BatchWriter(store, SELL, sale_arguments)
    background(writer.run())
    soon = time.monotonic() + 5
    answers = await asyncio.gather(
        *(writer.write(Sale("1", 1 if number % 10 else 7), deadline=soon) for number in range(100))
    )
    assert sum(isinstance(answer, Written) for answer in answers) == 90
    assert {answer.reason for answer in answers if isinstance(answer, Refused)} == {"stale"}
    assert await head_of(store, "activity") == 90
    assert [pos for pos, _, _ in await log_of(store, "activity")] == list(range(1, 91))
    await mirrored("activity")
