"""Hears what happens in Limen, from where it stopped, each event once. Needs nats-py and the three variables below."""

import asyncio
import os
from pathlib import Path

import nats
from nats.errors import Error, TimeoutError as NothingNew

DONE = Path(os.environ.get("SUBSCRIBER_STATE", "subscriber.state"))  # the place of the last event that was dealt with


def place(headers: dict[str, str]) -> tuple[int, int]:
    """Where an event stands in the feed; what comes again stands in the same place."""
    return int(headers["ce-epoch"]), int(headers["ce-sequence"])


async def main() -> None:
    client = await nats.connect(os.environ["LIMEN_SUBSCRIBER_URL"], max_reconnect_attempts=-1)
    consumer, stream = os.environ["LIMEN_SUBSCRIBER_CONSUMER"], os.environ["LIMEN_SUBSCRIBER_STREAM"]
    events = await client.jetstream().pull_subscribe_bind(consumer, stream)
    done = tuple(map(int, DONE.read_text().split())) if DONE.exists() else (0, 0)
    while True:
        try:
            batch = await events.fetch(100, timeout=10)
        except NothingNew:
            continue
        except Error:  # NATS, or our consumer in it, is away for a moment
            await asyncio.sleep(1)
            continue
        for event in batch:
            if place(event.headers) > done:
                print(event.headers["ce-time"], event.headers["ce-type"], event.data.decode(), flush=True)
                done = place(event.headers)
        DONE.write_text("{} {}".format(*done))  # kept before it is acknowledged: what was seen is not shown again
        await asyncio.gather(*(event.ack() for event in batch))


if __name__ == "__main__":
    asyncio.run(main())
