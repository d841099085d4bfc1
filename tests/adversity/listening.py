"""A subscriber with plain nats-py that writes down all it is given, repeats too: a line for each, when it came.

It is a program of its own, as a subscriber is, and goes about it as `examples/subscriber` does.
"""

import asyncio
import json
import sys

import nats
from nats.errors import Error


async def quiet(_: Exception) -> None:
    """Connections that are lost are what this is about."""


async def main() -> None:
    url, stream, consumer = sys.argv[1:4]
    ack_wait = float(sys.argv[4])
    client = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.2, error_cb=quiet)
    events = await client.jetstream().pull_subscribe_bind(consumer, stream)
    delivery: int | None = 0
    while True:
        try:
            batch = await events.fetch(200, timeout=2)
        except (Error, TimeoutError):
            await asyncio.sleep(0.1)
            continue
        for event in batch:
            number = event.metadata.sequence.consumer
            if delivery is not None and number not in {1, delivery + 1}:
                delivery = None  # what was delivered before it never reached us: all of it comes again, in order
                await asyncio.sleep(ack_wait)
                break
            delivery = number
            headers = event.headers or {}
            place = {"epoch": int(headers["ce-epoch"]), "pos": int(headers["ce-sequence"])}
            print(json.dumps({**place, "id": headers["ce-id"], "subject": event.subject}), flush=True)  # noqa: T201
            await event.ack()


if __name__ == "__main__":
    asyncio.run(main())
