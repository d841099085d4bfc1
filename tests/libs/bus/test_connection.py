"""One NATS connection: bounded, quick to notice, and back by itself."""

from libs.bus import Bus


async def test_a_request_is_answered(bus: Bus) -> None:
    async def twice(payload: bytes) -> bytes:
        return payload * 2

    serving = await bus.serve("edge.v1.shop", twice, queue="shop")
    assert await bus.request("edge.v1.shop", b"ab", timeout=1) == b"abab"
    await serving.drain(within=1)
