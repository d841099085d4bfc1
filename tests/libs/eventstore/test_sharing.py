"""Commands that come at the same time share a transaction, and nobody notices by what is answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from libs.bus import Bus
from libs.eventstore import Committed, EventStore, EventTooLarge
from libs.postgres import AlreadyThere, Database, OutcomeUnknown
from libs.runtime.errors import Unavailable
from tests.conftest import OpenDatabase
from tests.doubles.wire import wire_to
from tests.libs.eventstore.shop import ANYBODY, CATALOGUE, HANDLERS, Refusal, RegisterGood, head_of, log_of
from tests.servers import Addresses

SHARING = {**HANDLERS, RegisterGood: replace(HANDLERS[RegisterGood], shares=True)}


@pytest.fixture
def sharing(database: Database, bus: Bus) -> EventStore:
    return EventStore(database, CATALOGUE, bus, SHARING)


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
        wire.cut_at(b"moved AS", heard=True)
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
        wire.hold_at(b"moved AS")
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
