"""Streams whose sequence is a position, and readers that keep no state on the server."""

import asyncio
from contextlib import suppress

import pytest

from libs.bus import (
    Bus,
    BusError,
    Disconnected,
    NoResponders,
    Outgoing,
    Reader,
    StreamRefused,
    Streams,
    StreamState,
    WrongLastSequence,
)
from tests.conftest import OpenBus, eventually
from tests.servers import NatsServer

NAME = "EVT_SHOP_0"


@pytest.fixture
async def streams(bus: Bus) -> Streams:
    made = Streams(bus)
    await made.create(NAME, ["evt.shop.>"], first=1)
    return made


def some(first: int, last: int) -> list[Outgoing]:
    return [Outgoing("evt.shop.sold", b"%d" % number, {}) for number in range(first, last + 1)]


async def test_a_stream_that_is_not_there_has_no_state(bus: Bus) -> None:
    assert await Streams(bus).state("EVT_NONE_0") is None


async def test_a_batch_lands_whole_behind_the_sequence_it_expects(streams: Streams) -> None:
    await streams.append(some(1, 500), expected_last=0)
    await streams.append(some(501, 501), expected_last=500)
    assert await streams.state(NAME) == StreamState(1, 501, 501, 0)
    stored = await streams.message(NAME, 77)
    assert stored is not None
    assert (stored.payload, stored.headers["Nats-Expected-Last-Sequence"]) == (b"77", "76")
    assert await streams.message(NAME, 502) is None


@pytest.mark.parametrize("size", [1, 3])
async def test_a_wrong_expectation_appends_nothing(streams: Streams, size: int) -> None:
    await streams.append(some(1, 10), expected_last=0)
    with pytest.raises(WrongLastSequence):
        await streams.append(some(6, 5 + size), expected_last=5)
    assert await streams.state(NAME) == StreamState(1, 10, 10, 0)


async def test_a_batch_of_the_largest_events_is_taken(streams: Streams) -> None:
    await streams.append([Outgoing("evt.shop.sold", bytes(70_000), {})] * 500, expected_last=0)
    state = await streams.state(NAME)
    assert state is not None
    assert state.last == 500


async def test_a_stream_begins_where_it_is_told_and_moves_on_by_purge(bus: Bus) -> None:
    streams = Streams(bus)
    await streams.create("ACT_SHOP_0", ["act.shop.>"], first=100)
    await streams.create("ACT_SHOP_0", ["act.shop.>"], first=100)
    assert await streams.state("ACT_SHOP_0") == StreamState(100, 99, 0, 0)
    await streams.create("EVT_SHOP_1", ["evt.shops.>"], first=1, due=7)
    assert await streams.state("EVT_SHOP_1") == StreamState(1, 0, 0, 0, due=7), "where its log stood is kept with it"
    await streams.append([Outgoing("act.shop.sold", b"100", {})], expected_last=99)
    await streams.purge("ACT_SHOP_0", up_to=200)
    assert await streams.state("ACT_SHOP_0") == StreamState(200, 199, 0, 0)
    await streams.append([Outgoing("act.shop.sold", b"200", {})], expected_last=199)
    stored = await streams.message("ACT_SHOP_0", 200)
    assert stored is not None
    assert stored.payload == b"200"


async def test_appending_to_no_stream_has_no_responders(bus: Bus) -> None:
    with pytest.raises(NoResponders):
        await Streams(bus).append(some(1, 3), expected_last=0)


async def test_a_reader_begins_where_it_is_told_and_waits_for_more(bus: Bus, streams: Streams) -> None:
    await streams.append(some(1, 10), expected_last=0)
    async with Reader(bus, NAME, start=8) as reader:
        heard = await reader.fetch(100, wait=1)
        assert [(each.sequence, each.payload) for each in heard] == [(n, b"%d" % n) for n in (8, 9, 10)]
        waiting = asyncio.ensure_future(reader.fetch(100, wait=60))
        await asyncio.sleep(0.1)
        await streams.append(some(11, 12), expected_last=10)
        assert next(each.sequence for each in await asyncio.wait_for(waiting, 10)) == 11


async def test_a_fetch_takes_no_more_than_it_asked_and_nothing_is_lost(bus: Bus, streams: Streams) -> None:
    await streams.append(some(1, 10), expected_last=0)
    taken: list[int] = []
    async with Reader(bus, NAME, start=1) as reader:
        while len(taken) < 10:
            batch = await reader.fetch(3, wait=0.5)
            assert len(batch) <= 3
            taken += [each.sequence for each in batch]
    assert taken == list(range(1, 11))


async def test_an_empty_wait_gives_nothing_and_the_next_goes_on(bus: Bus, streams: Streams) -> None:
    async with Reader(bus, NAME, start=1) as reader:
        for _ in range(3):
            assert await reader.fetch(10, wait=0.1) == []
        await streams.append(some(1, 2), expected_last=0)
        assert [each.sequence for each in await reader.fetch(10, wait=1)] == [1, 2]


async def test_who_saw_where_it_begins_learns_that_the_stream_is_another_by_now(bus: Bus, streams: Streams) -> None:
    await streams.append(some(1, 5), expected_last=0)
    async with Reader(bus, NAME, start=10) as reader:
        assert await reader.fetch(10, wait=0.1) == [], "it may be the next that is to come"
    async with Reader(bus, NAME, start=10, holds_start=True) as reader:
        with pytest.raises(StreamRefused):
            await reader.fetch(10, wait=0.1)
    async with Reader(bus, NAME, start=5, holds_start=True) as reader:
        assert [each.sequence for each in await reader.fetch(10, wait=1)] == [5]
        assert await reader.fetch(10, wait=0.1) == []


async def test_reading_no_stream_is_refused(bus: Bus) -> None:
    with pytest.raises(StreamRefused):
        async with Reader(bus, "EVT_NONE_0", start=1):
            pass


async def test_a_reader_learns_at_once_that_its_stream_is_deleted(bus: Bus, streams: Streams) -> None:
    async with Reader(bus, NAME, start=1) as reader:
        waiting = asyncio.ensure_future(reader.fetch(10, wait=10))
        await asyncio.sleep(0.1)
        await streams.delete(NAME)
        with pytest.raises(StreamRefused):
            await asyncio.wait_for(waiting, 2)


async def test_a_reader_learns_at_once_that_the_server_died(open_bus: OpenBus, nats: NatsServer) -> None:
    bus = await open_bus()
    await Streams(bus).create(NAME, ["evt.shop.>"], first=1)
    async with Reader(bus, NAME, start=1) as reader:
        waiting = asyncio.ensure_future(reader.fetch(10, wait=10))
        await asyncio.sleep(0.1)
        nats.kill()
        await nats.back()
        with pytest.raises((Disconnected, StreamRefused)):
            await asyncio.wait_for(waiting, 2)


async def test_two_that_append_at_once_append_everything_once(open_bus: OpenBus) -> None:
    one, two = Streams(await open_bus("a")), Streams(await open_bus("b"))
    await one.create(NAME, ["evt.shop.>"], first=1)

    async def append(streams: Streams) -> None:
        while (state := await streams.state(NAME)) is not None and state.last < 200:
            with suppress(WrongLastSequence):  # the other one was quicker, perhaps in the middle of it
                await streams.append(some(state.last + 1, min(state.last + 5, 200)), expected_last=state.last)

    await asyncio.gather(append(one), append(two))
    assert await one.state(NAME) == StreamState(1, 200, 200, 0)
    async with Reader(await open_bus("c"), NAME, start=1) as reader:
        read = await reader.fetch(500, wait=1)
    assert [each.payload for each in read] == [b"%d" % number for number in range(1, 201)]


async def test_an_append_that_breaks_off_leaves_its_beginning_and_the_next_goes_on_from_there(streams: Streams) -> None:
    with pytest.raises(BusError):
        await streams.append([*some(1, 3), Outgoing("evt.shop.sold", bytes(5_000_000), {})], expected_last=0)

    async def is_begun() -> bool:
        return await streams.state(NAME) == StreamState(1, 3, 3, 0)

    await eventually(is_begun)
    await streams.append(some(4, 6), expected_last=3)
    assert await streams.state(NAME) == StreamState(1, 6, 6, 0)


async def test_headers_of_ones_own_arrive_with_every_message(streams: Streams, bus: Bus) -> None:
    given = [Outgoing("evt.shop.sold", b"x", {"ce-id": f"{number}"}) for number in range(1, 4)]
    await streams.append(given, expected_last=0)
    async with Reader(bus, NAME, start=1) as reader:
        heard = await reader.fetch(3, wait=5)
    assert [each.headers["ce-id"] for each in heard] == ["1", "2", "3"]
    stored = await streams.message(NAME, 3)
    assert stored is not None
    assert stored.headers["ce-id"] == "3"
