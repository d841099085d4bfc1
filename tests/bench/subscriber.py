"""A subscriber that hurries: it prints how many events a second it was given and acknowledged."""

import asyncio
import sys
import time
from typing import Final

import nats

BATCH: Final = 500


async def main() -> None:
    url, consumer, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
    client = await nats.connect(url)
    events = await client.jetstream().pull_subscribe_bind(consumer, "AUTH")
    began = last = time.monotonic()
    count = 0
    while count < most:
        try:
            batch = await events.fetch(BATCH, timeout=1)
        except TimeoutError:
            break
        for event in batch:
            await event.ack()
        count += len(batch)
        last = time.monotonic()
    await client.flush()
    print(count / (last - began))  # noqa: T201
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
