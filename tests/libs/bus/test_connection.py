"""One NATS connection: bounded, quick to notice, and back by itself."""

import asyncio
import time

import pytest

from libs.bus import Bus, BusError, Disconnected, NoResponders, TimedOut, TooLarge
from tests.conftest import Background, OpenBus, eventually
from tests.servers import NatsServer


async def twice(payload: bytes) -> bytes:
    return payload * 2


async def test_a_request_is_answered(bus: Bus) -> None:
    await bus.serve("edge.v1.shop", twice, queue="shop")
    assert await bus.request("edge.v1.shop", b"ab", timeout=1) == b"abab"


async def test_nobody_there_is_said_at_once(bus: Bus) -> None:
    with pytest.raises(NoResponders):
        await asyncio.wait_for(bus.request("edge.v1.nobody", b"", timeout=60), 10)


async def test_a_silent_service_is_waited_for_no_longer_than_asked(bus: Bus) -> None:
    async def silent(_payload: bytes) -> None:
        return None

    await bus.serve("edge.v1.shop", silent, queue="shop")
    with pytest.raises(TimedOut):
        await bus.request("edge.v1.shop", b"", timeout=0.2)


async def test_a_failing_handler_tells_its_asker_nothing(bus: Bus) -> None:
    async def broken(_payload: bytes) -> bytes:
        raise ZeroDivisionError("a secret")

    serving = await bus.serve("edge.v1.shop", broken, queue="shop")
    with pytest.raises(TimedOut):
        await bus.request("edge.v1.shop", b"", timeout=0.2)
    await serving.drain(within=1)


async def test_an_over_size_message_is_refused_before_it_is_sent_and_the_client_lives(bus: Bus) -> None:
    await bus.serve("edge.v1.shop", twice, queue="shop")
    with pytest.raises(TooLarge):
        await bus.request("edge.v1.shop", bytes(bus.max_bytes + 1), timeout=1)
    with pytest.raises(TooLarge):
        await bus.publish("edge.v1.shop", bytes(5 * 1024 * 1024))
    assert await bus.request("edge.v1.shop", b"a", timeout=1) == b"aa"
    half = bytes(bus.max_bytes // 2)
    assert len(await bus.request("edge.v1.shop", half, timeout=2)) == len(half) * 2


async def test_an_over_size_answer_is_not_sent_and_the_client_lives(bus: Bus) -> None:
    await bus.serve("edge.v1.shop", twice, queue="shop")
    with pytest.raises(TimedOut):
        await bus.request("edge.v1.shop", bytes(bus.max_bytes), timeout=0.3)
    assert await bus.request("edge.v1.shop", b"a", timeout=1) == b"aa"


async def test_draining_answers_what_is_under_way(open_bus: OpenBus) -> None:
    asker, server = await open_bus("asker"), await open_bus("server")
    began = asyncio.Event()

    async def slow(payload: bytes) -> bytes:
        began.set()
        await asyncio.sleep(0.3)
        return payload

    serving = await server.serve("edge.v1.shop", slow, queue="shop")
    asked = [asyncio.ensure_future(asker.request("edge.v1.shop", b"%d" % n, timeout=3)) for n in range(20)]
    await began.wait()
    await asker.flush()
    await serving.drain(within=5)
    await server.close()
    assert await asyncio.gather(*asked) == [b"%d" % n for n in range(20)]


async def test_a_paused_server_is_noticed_within_a_second_and_waiting_requests_fail(
    open_bus: OpenBus, nats: NatsServer
) -> None:
    bus = await open_bus()

    async def never(_payload: bytes) -> None:
        return None

    await bus.serve("edge.v1.shop", never, queue="shop")
    asked = asyncio.ensure_future(bus.request("edge.v1.shop", b"", timeout=30))
    await asyncio.sleep(0.35)
    began = time.monotonic()
    nats.pause()
    with pytest.raises(Disconnected):
        await asked
    assert time.monotonic() - began < 1.2
    assert not bus.is_connected
    with pytest.raises(Disconnected):
        await bus.request("edge.v1.shop", b"", timeout=30)


async def test_a_server_that_was_paused_is_used_again(open_bus: OpenBus, nats: NatsServer) -> None:
    bus = await open_bus()
    await bus.serve("edge.v1.shop", twice, queue="shop")
    nats.pause()
    await eventually(lambda: not bus.is_connected, within=2)
    await asyncio.sleep(1)
    nats.resume()
    await eventually(lambda: bus.is_connected, within=3)
    assert await bus.request("edge.v1.shop", b"a", timeout=1) == b"aa"


async def test_sending_to_a_server_that_reads_nothing_is_bounded_too(open_bus: OpenBus, nats: NatsServer) -> None:
    bus = await open_bus()
    nats.pause()
    began = time.monotonic()
    big = bytes(3 * 1024 * 1024)
    results = await asyncio.gather(
        *(bus.request("edge.v1.shop", big, timeout=0.5) for _ in range(20)), return_exceptions=True
    )
    assert all(isinstance(result, BusError) for result in results)
    assert time.monotonic() - began < 2
    nats.resume()


async def test_a_killed_server_fails_what_waits_and_is_found_again(open_bus: OpenBus, nats: NatsServer) -> None:
    bus = await open_bus()
    returned: list[float] = []
    bus.on_reconnect(lambda: returned.append(time.monotonic()))

    async def never(_payload: bytes) -> None:
        return None

    await bus.serve("edge.v1.never", never, queue="shop")
    await bus.serve("edge.v1.shop", twice, queue="shop")
    asked = asyncio.ensure_future(bus.request("edge.v1.never", b"", timeout=30))
    await asyncio.sleep(0.1)
    nats.kill()
    nats.empty()
    with pytest.raises(Disconnected):
        await asked
    with pytest.raises(Disconnected):
        await bus.publish("edge.v1.shop", b"kept for later by the client, were it sent")
    await asyncio.sleep(0.5)
    await nats.back()
    await eventually(lambda: bus.is_connected, within=2)
    assert await bus.request("edge.v1.shop", b"a", timeout=1) == b"aa"
    assert len(returned) == 1


async def test_connecting_waits_for_a_server_that_comes_late(
    open_bus: OpenBus, nats: NatsServer, background: Background
) -> None:
    nats.kill()

    async def come_late() -> None:
        await asyncio.sleep(0.7)
        await nats.back()

    background(come_late())
    bus = await asyncio.wait_for(open_bus(), 5)
    assert bus.is_connected


async def test_watching_ends_in_an_error_only_when_the_connection_ended_for_good(open_bus: OpenBus) -> None:
    bus = await open_bus()
    watching = asyncio.ensure_future(bus.watch())
    await bus.close()
    await asyncio.sleep(0.1)
    assert not watching.done(), "closing it ourselves is no accident"
    watching.cancel()
    other = await open_bus()
    watching = asyncio.ensure_future(other.watch())
    await other._client.close()
    with pytest.raises(Disconnected):
        await asyncio.wait_for(watching, 1)


async def test_ears_hear_and_stop(bus: Bus) -> None:
    heard: list[tuple[str, bytes]] = []
    listening = await bus.listen("nudge.v1.>", lambda subject, payload: heard.append((subject, payload)))
    await bus.publish("nudge.v1.shop.facts", b"1")
    await eventually(lambda: heard == [("nudge.v1.shop.facts", b"1")])
    await listening.stop()
    await bus.publish("nudge.v1.shop.facts", b"2")
    await bus.flush()
    assert len(heard) == 1
