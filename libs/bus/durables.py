"""Durable consumers for those who may only pull and acknowledge: made, asked and deleted by whoever owns the stream.

Their state is kept in the server's memory alone. After the server died none is there, and its owner makes it anew
behind what was acknowledged: everything after that comes again, in order. A server that had kept the state on disk
would wait for acknowledgements of what was on its way when it died, and meanwhile deliver what came later.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from libs.bus.connection import Bus
from libs.bus.errors import StreamRefused
from libs.bus.streams import ASK_BOUND, NO_MESSAGE, STREAM_NOT_FOUND, accepted

CONSUMER_NOT_FOUND: Final = 10014
ACK_WAIT: Final = timedelta(seconds=10)
"""After which what was not acknowledged is delivered again."""

MOST_UNACKNOWLEDGED: Final = 5_000
"""Deliveries that may wait for their acknowledgement; then no more come."""


@dataclass(frozen=True)
class DurableState:
    """How far a durable consumer has come: everything up to `acked` is acknowledged."""

    acked: int
    pending: int
    """Messages of its subjects that were not delivered yet."""
    unacknowledged: int


class Durables:
    """The durable consumers of one stream."""

    def __init__(self, bus: Bus, stream: str) -> None:
        self._bus = bus
        self._stream = stream

    async def create(self, name: str, *, subjects: str, start: int, ack_wait: timedelta = ACK_WAIT) -> None:
        """Make `name`, which gets what is on `subjects` from sequence `start` on; an equal one may be there.

        Raises:
            StreamRefused: there is no stream, or another consumer of this name.
        """
        config = {
            "durable_name": name,
            "filter_subject": subjects,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": start,
            "ack_policy": "explicit",
            "ack_wait": int(ack_wait.total_seconds() * 1e9),
            "max_deliver": -1,
            "max_ack_pending": MOST_UNACKNOWLEDGED,
            "mem_storage": True,
        }
        await self._ask(f"CREATE.{self._stream}.{name}", {"stream_name": self._stream, "config": config})

    async def state(self, name: str) -> DurableState | None:
        """Where `name` stands, or `None` when it, or the stream, is not there."""
        try:
            answer = await self._ask(f"INFO.{self._stream}.{name}", {})
        except StreamRefused as error:
            if error.code in {CONSUMER_NOT_FOUND, STREAM_NOT_FOUND}:
                return None
            raise
        return DurableState(answer["ack_floor"]["stream_seq"], answer["num_pending"], answer["num_ack_pending"])

    async def delete(self, name: str) -> None:
        """Delete `name`; that it is not there is all the same."""
        try:
            await self._ask(f"DELETE.{self._stream}.{name}", {})
        except StreamRefused as error:
            if error.code not in {CONSUMER_NOT_FOUND, STREAM_NOT_FOUND}:
                raise

    async def next_at(self, *, subjects: str, after: int) -> datetime | None:
        """When the first message on `subjects` behind sequence `after` came; `None` when there is none."""
        body = msgspec.json.encode({"next_by_subj": subjects, "seq": after + 1})
        answer = await self._bus.request(f"$JS.API.STREAM.MSG.GET.{self._stream}", body, timeout=ASK_BOUND)
        try:
            message = accepted(msgspec.json.decode(answer))["message"]
        except StreamRefused as error:
            if error.code in {NO_MESSAGE, STREAM_NOT_FOUND}:
                return None
            raise
        return msgspec.convert(message["time"], datetime)

    async def _ask(self, verb: str, body: dict[str, object]) -> dict[str, Any]:
        payload = msgspec.json.encode(body) if body else b""
        answer = await self._bus.request(f"$JS.API.CONSUMER.{verb}", payload, timeout=ASK_BOUND)
        return accepted(msgspec.json.decode(answer))
