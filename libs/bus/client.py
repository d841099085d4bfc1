"""nats-py's client with a short way in and out for the messages of the hottest paths: requests, answers, events.

nats-py makes an object of each message, reads its headers, and brings it through a queue to a task, and checks each
subject of ours anew: about a tenth of what a token costs. Here a message is handed over where it is parsed, and one is
sent as one piece. Connecting, reconnecting, pinging and requests with headers stay nats-py's own.
"""

from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import BadSubjectError, ConnectionClosedError

Take = Callable[[bytes, bytes, bytes], None]
"""Takes subject, reply address and payload of one message, in the read loop: it must neither raise nor block."""


class ShortClient(Client):
    """A client some of whose subscriptions take their messages at once."""

    def __init__(self) -> None:
        super().__init__()
        self._takers: dict[int, Take] = {}
        self._readers: dict[int, Take] = {}

    async def subscribe_short(
        self, subject: str, take: Take, other: Callable[[Msg], Awaitable[None]], *, queue: str = ""
    ) -> Subscription:
        """Have `take` called with each message of `subject`, and `other` with those that bear headers."""
        subscription = await self.subscribe(subject, queue=queue, cb=other)
        self._takers[subscription._id] = take  # noqa: SLF001 - the number by which messages name it
        return subscription

    async def subscribe_whole(self, subject: str, take: Take) -> Subscription:
        """Have `take` called with each message of `subject`, in place of the subject with its block of headers.

        The block is as the server sends it, its first line the version with a status or none; empty without headers.
        Nobody counts what waits: ask for no more than there is room for.
        """
        subscription = await self.subscribe(subject, cb=_unheard)
        self._readers[subscription._id] = take  # noqa: SLF001 - the number by which messages name it
        return subscription

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        # `headers` is None where there are none, whatever nats-py declares.
        if sid not in self._subs:
            return
        if (read := self._readers.get(sid)) is not None:
            read(headers or b"", reply, data)
        elif not headers and (take := self._takers.get(sid)) is not None:
            take(subject, reply, data)
        else:
            await super()._process_msg(sid, subject, reply, data, headers)

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        super()._remove_sub(sid, max_msgs)
        self._takers.pop(sid, None)
        self._readers.pop(sid, None)

    async def publish_short(self, subject: str, payload: bytes, reply: str) -> None:
        """Send a message without headers whose size was checked; sending waits while too much waits to be sent.

        Raises:
            BadSubjectError, ConnectionClosedError: nothing was sent.
        """
        if self.is_closed:
            raise ConnectionClosedError
        addresses = f"{_checked(subject)} {_checked(reply)}" if reply else _checked(subject)
        await self._send_command(b"PUB %b %d\r\n%b\r\n" % (addresses.encode(), len(payload), payload))
        if self._flush_queue is not None and self._flush_queue.empty():
            await self._flush_pending()


async def _unheard(message: Msg) -> None:
    raise AssertionError(f"{message.subject} was not taken where it was parsed")


def _checked(subject: str) -> str:
    """A subject that cannot become another command of the protocol."""
    if not subject or not subject.isprintable() or " " in subject:
        raise BadSubjectError
    return subject
