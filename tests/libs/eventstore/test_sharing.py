"""Commands that come at the same time share a transaction, and nobody notices by what is answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from libs.bus import Bus
from libs.eventstore import Committed, EventStore, EventTooLarge
from libs.eventstore.deciding import Wanted
from libs.postgres import AlreadyThere, Connection, Database, OutcomeUnknown
from libs.runtime.errors import Unavailable
from tests.conftest import OpenDatabase
from tests.doubles.wire import wire_to
from tests.libs.eventstore.shop import (
    ANYBODY,
    CATALOGUE,
    HANDLERS,
    Good,
    ManyGoods,
    Refusal,
    RegisterGood,
    RenameGood,
    Unknown,
    head_of,
    log_of,
)
from tests.servers import Addresses

SHARING = {**HANDLERS, RegisterGood: replace(HANDLERS[RegisterGood], shares=True)}
AT_ONCE = {**SHARING, RegisterGood: replace(SHARING[RegisterGood], several=ManyGoods())}


@pytest.fixture(params=[SHARING, AT_ONCE], ids=["one by one", "at once"])
def sharing(database: Database, bus: Bus, request: pytest.FixtureRequest) -> EventStore:
    return EventStore(database, CATALOGUE, bus, request.param)


async def at_once(store: EventStore, commands: Sequence[RegisterGood]) -> list[Any]:
    return await asyncio.gather(*(store.execute(each, ANYBODY) for each in commands), return_exceptions=True)


def goods(count: int) -> list[RegisterGood]:
    return [RegisterGood("t", str(number), f"good {number}") for number in range(count)]


async def transactions(store: EventStore) -> int:
    async with store.database.connection() as rows:
        count: int = await rows.fetchval("SELECT count(DISTINCT xmin::text) FROM facts")
    return count


async def test_many_share_a_transaction_and_each_is_told_its_own_position(sharing: EventStore) -> None:
    answers = await at_once(sharing, goods(40))
    told = {answer.events[0].id: answer.pos for answer in answers}
    async with sharing.database.connection() as rows:
        found = {row["id"]: row["pos"] for row in await rows.fetch("SELECT data->>'id' AS id, pos FROM facts")}
    assert told == found
    assert sorted(found.values()) == list(range(1, 41))
    assert await transactions(sharing) < 10


async def test_who_is_refused_is_refused_alone(sharing: EventStore) -> None:
    commands = goods(9)
    commands[0] = replace(commands[0], fails=True)
    commands[4] = replace(commands[4], name="x" * 300_000)
    commands[8] = replace(commands[8], fails=True)
    answers = await at_once(sharing, commands)
    assert [type(answer) for answer in answers] == [
        Refusal, *[Committed] * 3, EventTooLarge, *[Committed] * 3, Refusal
    ]  # fmt: skip
    assert await head_of(sharing) == 6
    assert [answer.pos for answer in answers if isinstance(answer, Committed)] == [1, 2, 3, 4, 5, 6]


async def test_who_meets_a_unique_index_meets_it_alone(sharing: EventStore) -> None:
    commands = goods(8)
    commands[5] = replace(commands[5], name="good 2")
    answers = await at_once(sharing, commands)
    losers = [number for number, answer in enumerate(answers) if isinstance(answer, AlreadyThere)]
    assert losers in ([2], [5])
    positions = [pos for pos, _, _ in await log_of(sharing, "facts")]
    assert positions == list(range(1, 8))


async def test_what_another_of_the_batch_did_is_seen(sharing: EventStore) -> None:
    answers = await at_once(sharing, [RegisterGood("t", "1", "lamp"), *[RegisterGood("t", "1", "lamp")] * 3])
    assert [len(answer.events) for answer in answers] == [1, 0, 0, 0]
    assert [answer.pos for answer in answers] == [1, 0, 0, 0]


async def test_a_batch_cut_at_its_commit_is_unknown_to_all_and_not_run_again(
    addresses: Addresses, open_database: OpenDatabase, store: EventStore, bus: Bus
) -> None:
    async with wire_to(addresses.of["shop"]) as wire:
        cut = EventStore(await open_database(wire.url(addresses.of["shop"])), CATALOGUE, bus, SHARING)
        wire.cut_at(b"append_facts", heard=True)
        answers = await at_once(cut, goods(5))
        assert [type(answer) for answer in answers] == [OutcomeUnknown] * 5
        assert wire.cuts == 1
    assert await head_of(store) == 5


async def test_a_batch_whose_positions_are_not_to_be_had_is_committed_all_the_same(
    addresses: Addresses, open_database: OpenDatabase, store: EventStore, bus: Bus
) -> None:
    async with wire_to(addresses.of["shop"]) as wire:
        cut = EventStore(await open_database(wire.url(addresses.of["shop"])), CATALOGUE, bus, SHARING)
        wire.cut_at(b"head.epoch, facts.pos")
        answers = await at_once(cut, goods(3))
        assert [(len(answer.events), answer.pos) for answer in answers] == [(1, 0)] * 3
    assert await head_of(store) == 3


async def test_who_waited_for_others_until_it_was_too_late_is_not_run(
    addresses: Addresses, open_database: OpenDatabase, store: EventStore, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.eventstore.execute.WAITS_FOR_OTHERS", 0.2)
    async with wire_to(addresses.of["shop"]) as wire:
        held = EventStore(await open_database(wire.url(addresses.of["shop"])), CATALOGUE, bus, SHARING)
        wire.hold_at(b"append_facts")
        first, second = goods(2)
        running = asyncio.ensure_future(held.execute(first, ANYBODY))
        await asyncio.wait_for(wire.held.wait(), 2)
        late = asyncio.ensure_future(held.execute(second, ANYBODY))
        await asyncio.sleep(0.3)
        wire.release()
        assert (await running).pos == 1
        with pytest.raises(Unavailable):
            await late
    assert await head_of(store) == 1


async def test_commands_of_one_stream_are_read_and_written_once_and_each_finds_what_the_one_before_it_left(
    database: Database, bus: Bus
) -> None:
    many = ManyGoods()
    store = EventStore(database, CATALOGUE, bus, {**HANDLERS, RenameGood: replace(HANDLERS[RenameGood], several=many)})
    for number in ("1", "2"):
        await store.execute(RegisterGood("t", number, f"good {number}"), ANYBODY)
    left: list[object] = []

    async def also(_rows: Connection, state: object) -> None:
        left.append(state)

    renamed = [RenameGood("t", "1", "bulb"), RenameGood("t", "2", "desk"), RenameGood("t", "1", "bulb")]
    commands = [*renamed, RenameGood("t", "1", "tube")]
    await store.execute_together([Wanted(each, ANYBODY) for each in commands], also=also)
    assert (many.loads, many.saves, left) == (1, 1, [Good("tube")])
    async with database.connection() as rows:
        facts = await rows.fetch("SELECT stream, version, data->>'name' AS name FROM facts WHERE pos > 2 ORDER BY pos")
        goods = await rows.fetch("SELECT id, name, version FROM goods ORDER BY id")
    assert [tuple(each) for each in facts] == [
        ("good-1", 2, "bulb"), ("good-2", 2, "desk"), ("good-1", 3, "tube")
    ]  # fmt: skip
    assert [tuple(each) for each in goods] == [("1", "tube", 3), ("2", "desk", 2)]


async def test_one_refusal_among_those_that_go_together_undoes_all_of_them(database: Database, bus: Bus) -> None:
    handlers = {**HANDLERS, RenameGood: replace(HANDLERS[RenameGood], several=ManyGoods())}
    store = EventStore(database, CATALOGUE, bus, handlers)
    await store.execute(RegisterGood("t", "1", "lamp"), ANYBODY)

    async def also(_rows: Connection, _state: object) -> None:
        raise AssertionError("nothing is written beside what was refused")

    commands = [RenameGood("t", "1", "bulb"), RenameGood("t", "9", "nothing")]
    with pytest.raises(Unknown):
        await store.execute_together([Wanted(each, ANYBODY) for each in commands], also=also)
    assert await head_of(store) == 1
