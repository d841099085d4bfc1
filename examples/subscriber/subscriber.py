"""Hears what happens in Limen, from where it stopped, in order, each event once. Needs nats-py and three variables."""

import asyncio
import os
from pathlib import Path
from typing import Any

import nats
from nats.errors import Error

STATE = Path(os.environ.get("SUBSCRIBER_STATE", "subscriber.state"))
ACK_WAIT = 11  # seconds, and one more, after which what was not acknowledged is delivered again


def place(event: Any) -> list[int]:
    """Where an event stands in the feed; one that comes again stands in the same place."""
    return [int(event.headers["ce-epoch"]), int(event.headers["ce-sequence"])]


def tell(event: Any) -> None:
    """What this program does about an event: yours does something better."""
    print(event.headers["ce-time"], event.headers["ce-type"], event.data.decode(), flush=True)


async def main() -> None:
    """Until it is interrupted."""
    client = await nats.connect(os.environ["LIMEN_SUBSCRIBER_URL"], max_reconnect_attempts=-1)
    consumer, stream = os.environ["LIMEN_SUBSCRIBER_CONSUMER"], os.environ["LIMEN_SUBSCRIBER_STREAM"]
    events = await client.jetstream().pull_subscribe_bind(consumer, stream)
    # The place of the last event that was dealt with, and the number of its delivery.
    *done, last = map(int, STATE.read_text().split()) if STATE.exists() else (0, 0, 0)
    delivery: int | None = last
    while True:
        try:
            batch = await events.fetch(100, timeout=10)
        except (Error, TimeoutError):  # nothing for a while; or NATS, or our consumer there, is away for a moment
            await asyncio.sleep(0.2)
            continue
        for event in batch:
            number = event.metadata.sequence.consumer
            if delivery is not None and number not in {1, delivery + 1}:
                delivery = None  # what was delivered before it never reached us: all of it comes again, in order
                await asyncio.sleep(ACK_WAIT)
                break
            if place(event) > done:
                tell(event)
                done = place(event)
            delivery = number
            STATE.write_text(f"{done[0]} {done[1]} {delivery}")  # before it is acknowledged: it is not shown again
            await event.ack()


if __name__ == "__main__":
    asyncio.run(main())
