"""Draining loses nothing: what the server had sent is answered, what comes later finds nobody."""

import asyncio

import pytest

from libs.bus import Bus, NoResponders
from tests.conftest import OpenBus


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
