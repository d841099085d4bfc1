"""Nothing that was asked is lost: not while a subscription drains, not with a connection that comes back at once."""

import asyncio

import pytest

from libs.bus import Bus, NoResponders
from tests.conftest import OpenBus, eventually
from tests.doubles.wire import wire_to
from tests.servers import NatsServer


async def echo(payload: bytes) -> bytes:
    return payload


async def ask_for_ever(bus: Bus, subject: str) -> None:
    while True:
        await bus.request(subject, b"x", timeout=0.5)


async def test_no_request_is_lost_while_a_subscription_drains(bus: Bus) -> None:
    for number in range(200):
        serving = await bus.serve(f"edge.v1.{number}", echo, queue="shop")
        draining = asyncio.create_task(serving.drain(within=1))
        with pytest.raises(NoResponders):  # a request that is lost times out instead
            await ask_for_ever(bus, f"edge.v1.{number}")
        await draining


async def test_requests_under_way_are_answered_before_draining_ends(bus: Bus) -> None:
    arrived, go = asyncio.Semaphore(0), asyncio.Event()

    async def slow(payload: bytes) -> bytes:
        arrived.release()
        await go.wait()
        return payload

    serving = await bus.serve("edge.v1.shop", slow, queue="shop")
    asking = [asyncio.create_task(bus.request("edge.v1.shop", b"%d" % n, timeout=2)) for n in range(20)]
    for _ in asking:
        await arrived.acquire()
    draining = asyncio.create_task(serving.drain(within=2))
    await asyncio.sleep(0.05)
    assert not draining.done()
    go.set()
    assert await asyncio.gather(*asking) == [b"%d" % n for n in range(20)]
    await draining


async def test_whoever_serves_is_found_at_once(open_bus: OpenBus) -> None:
    asker, server = await open_bus("asker"), await open_bus("server")
    for number in range(100):
        serving = await server.serve(f"edge.v1.{number}", echo, queue="shop")
        assert await asker.request(f"edge.v1.{number}", b"x", timeout=1) == b"x"
        await serving.drain(within=1)


async def test_an_answer_outlives_a_connection_that_is_away_for_a_moment(open_bus: OpenBus, nats: NatsServer) -> None:
    asker = await open_bus("asker")
    async with wire_to(nats.url) as wire:
        server = await open_bus("server", wire.url(nats.url))

        async def slow(payload: bytes) -> bytes:
            wire.cut()
            await eventually(lambda: not server.is_connected)
            return payload

        await server.serve("edge.v1.shop", slow, queue="shop")
        assert await asker.request("edge.v1.shop", b"x", timeout=3) == b"x"


async def test_a_ping_that_the_last_connection_left_unanswered_ends_none_of_the_next(
    open_bus: OpenBus, nats: NatsServer
) -> None:
    async with wire_to(nats.url) as wire:
        bus = await open_bus("server", wire.url(nats.url))
        back = asyncio.Event()
        bus.on_reconnect(back.set)
        wire.hold()
        await asyncio.sleep(0.5)  # a ping is on its way now, and will be missed in half a second
        wire.cut()
        wire.release()
        await asyncio.wait_for(back.wait(), 2)
        for _ in range(60):
            assert bus.is_connected
            await asyncio.sleep(0.02)
