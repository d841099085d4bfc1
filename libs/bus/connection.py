"""One NATS connection: patient when connecting, bounded when asking, and quick to notice that the server is gone."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Literal

import nats.errors
from nats.aio.client import Server
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from libs.bus.client import ShortClient, Take
from libs.bus.errors import Disconnected, NoResponders, TimedOut, TooLarge
from libs.bus.serving import Listening, Serving
from libs.runtime.ids import text
from libs.telemetry.logs import log

PENDING: Final = 64 * 1024
"""Bytes that may wait to be sent before sending itself waits."""

HEADROOM: Final = 4096
"""Room left below `max_payload` for the protocol's own headers, which count towards it."""

PULSE: Final = 0.3
"""Seconds between two liveness checks; with `PULSE_BOUND` a hung server is noticed within a second."""

PULSE_BOUND: Final = 0.6
"""Seconds a ping may take before the server counts as hung."""

CLOSES_WITHIN: Final = 3.0
"""Seconds the last bytes may take to leave; a server that reads nothing must not keep a process."""

WRITE: Final = 512 * 1024
"""Bytes of many messages that are written at once."""

AFTER_A_PAUSE: Final = 0.05
"""Seconds more that an answer gets which may be here already, unread."""

NO_RESPONDERS: Final = "503"


class Bus:
    """A connection that is either good or says at once that it is not.

    nats-py buffers what is published while it is disconnected and sends it minutes later. A request whose asker has
    given up must not be done, so nothing is sent unless the last pulse came back.
    """

    def __init__(self, client: ShortClient, name: str) -> None:
        self._client = client
        self._name = name
        self._inbox = f"_INBOX_{name}.{random.randbytes(8).hex()}"  # noqa: S311  # an address, not a secret
        self._waiting: dict[bytes, asyncio.Future[bytes | None]] = {}
        """The answers that are waited for, by their address; `None` says that nobody serves the subject."""
        self._asked = 0
        self._is_live = False
        self._is_closing = False
        self._connections = 0
        self._closed = asyncio.Event()
        self._pulse: asyncio.Task[None] | None = None
        self._on_reconnect: list[Callable[[], None]] = []
        self._on_lost: set[Callable[[], None]] = set()

    @classmethod
    async def connect(cls, url: str, *, name: str) -> "Bus":
        """Connect to `url` as `name`, waiting with jittered patience until the server is there."""
        bus = cls(ShortClient(), name)
        await bus._open(url)
        return bus

    async def _open(self, url: str) -> None:
        # While a first connection fails, nats-py raises although told to try for ever: try again here.
        while True:
            try:
                await self._client.connect(
                    url,
                    name=self._name,
                    inbox_prefix=f"_INBOX_{self._name}",
                    max_reconnect_attempts=-1,
                    reconnect_to_server_handler=_any_after_a_moment,
                    allow_reconnect=True,
                    connect_timeout=2,
                    ping_interval=20,
                    pending_size=PENDING,
                    disconnected_cb=self._disconnected,
                    reconnected_cb=self._reconnected,
                    closed_cb=self._ended,
                    error_cb=self._failed,
                )
                break
            except (OSError, nats.errors.Error, TimeoutError) as error:
                log.info("waiting for NATS", reason=repr(error))
                self._client = ShortClient()
                await asyncio.sleep(random.uniform(0.1, 0.4))  # noqa: S311  # jitter
        self._is_live = True
        await self._client.subscribe_short(f"{self._inbox}.*", self._answered, self._answered_with_headers)
        self._pulse = asyncio.create_task(self._beat(), name=f"bus pulse of {self._name}")

    @property
    def is_connected(self) -> bool:
        """Whether the last pulse came back."""
        return self._is_live and self._client.is_connected

    @property
    def is_closed(self) -> bool:
        """Whether the connection ended for good; the process must then end too."""
        return self._client.is_closed

    @property
    def name(self) -> str:
        """The name this connection bears, which is also its inbox's."""
        return self._name

    @property
    def max_bytes(self) -> int:
        """The largest payload this connection will send, in bytes."""
        return int(self._client.max_payload) - HEADROOM

    def on_reconnect(self, call: Callable[[], None]) -> None:
        """Have `call` called each time the connection came back."""
        self._on_reconnect.append(call)

    async def watch(self) -> None:
        """Return never; raise when the connection has ended for good (a background task of the process)."""
        await self._closed.wait()
        raise Disconnected("the connection to NATS ended for good")

    async def request(
        self,
        subject: str,
        payload: bytes,
        *,
        timeout: float,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        """Ask `subject` and return the answer's payload.

        Raises:
            Disconnected: at once while the connection is away, or as soon as it goes.
            NoResponders: nobody serves the subject.
            TimedOut: no answer within `timeout` seconds.
            TooLarge: the payload is over `max_bytes`; nothing was sent.
        """
        self._asked += 1
        reply = f"{self._inbox}.{self._asked:x}"
        address = reply.encode()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes | None] = loop.create_future()
        self._waiting[address] = answer
        # A timer that fails the future costs an eighth of `asyncio.timeout`, on the hottest path there is.
        timer = loop.call_later(timeout, _late, answer, subject)
        try:
            await self._sent(subject, payload, reply, headers, timeout)
            said = await answer
        finally:
            timer.cancel()
            self._waiting.pop(address, None)
        if said is None:
            raise NoResponders(subject)
        return said

    async def _sent(
        self, subject: str, payload: bytes, reply: str, headers: dict[str, str] | None, timeout: float
    ) -> None:
        """Publish a request; sending waits while the server reads nothing, and then it has a bound of its own."""
        if self._client.pending_data_size + len(payload) < PENDING // 2:
            await self.publish(subject, payload, reply=reply, headers=headers)
            return
        try:
            async with asyncio.timeout(timeout):
                await self.publish(subject, payload, reply=reply, headers=headers)
        except TimeoutError as error:
            raise TimedOut(subject) from error

    async def publish(
        self, subject: str, payload: bytes, *, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Send `payload` on core NATS; delivery is not acknowledged.

        `headers` belong to this call alone: nats-py may change them.
        """
        if len(payload) > self.max_bytes:
            raise TooLarge(f"{len(payload)} bytes for {subject}")
        if not self.is_connected:
            raise Disconnected(subject)
        try:
            if headers is None:
                await self._client.publish_short(subject, payload, reply)
            else:
                await self._client.publish(subject, payload, reply, headers)
        except (nats.errors.Error, OSError) as error:
            raise Disconnected(subject) from error

    async def publish_many(self, messages: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Send `(subject, header block, payload)` one after another, in few writes: a relay's batch is hundreds.

        A header block is `NATS/1.0`, its lines and an empty one, each with its line end.
        """
        if not self.is_connected:
            raise Disconnected("publish_many")
        pending = bytearray()
        for subject, headers, payload in messages:
            if len(payload) > self.max_bytes:
                raise TooLarge(f"{len(payload)} bytes for {subject}")
            sizes = (subject.encode(), len(headers), len(headers) + len(payload))
            pending += b"HPUB %b %d %d\r\n%b%b\r\n" % (*sizes, headers, payload)
            if len(pending) > WRITE:
                await self._write(bytes(pending))
                pending.clear()
        if pending:
            await self._write(bytes(pending))

    async def _write(self, commands: bytes) -> None:
        try:
            # nats-py's `publish` checks and counts and may wait at each message, which is half of a relay's work.
            await self._client._send_command(commands)  # noqa: SLF001  # see above
            await self._client._flush_pending()  # noqa: SLF001  # see above
        except (nats.errors.Error, OSError) as error:
            raise Disconnected("publish_many") from error

    async def serve(self, subject: str, handler: Callable[[bytes], Awaitable[bytes | None]], *, queue: str) -> Serving:
        """Answer requests on `subject`, sharing them with others of the same `queue`.

        Each message gets a task of its own; `None` from the handler sends no reply.
        """
        serving = Serving(self, handler)
        serving.subscription = await self._client.subscribe_short(
            subject, serving.spawn, serving.spawn_with_headers, queue=queue
        )
        await self.flush()
        return serving

    async def listen(self, subject: str, handler: Callable[[str, bytes], None]) -> Listening:
        """Hand every message on `subject` to `handler(subject, payload)`, which must neither raise nor block."""
        listening = Listening(handler)
        listening.subscription = await self._client.subscribe_short(subject, listening.take, listening.heard)
        return listening

    async def inbox(self, take: Take, lost: Callable[[], None]) -> tuple[str, Listening]:
        """An address of this connection's own whose messages go to `take`; `lost` is called when the connection is.

        `take` gets the block of headers, the reply address and the payload, and must neither raise nor block.
        """
        address = f"{self._inbox}-{text(8)}"
        listening = Listening(None, ended=lambda: self._on_lost.discard(lost))
        listening.subscription = await self._client.subscribe_whole(address, take)
        self._on_lost.add(lost)
        return address, listening

    async def mute(self, subscription: Subscription) -> None:
        """Have the server send no more of `subscription`, and wait until what it had sent is with the handler."""
        await self._client._send_unsubscribe(subscription._id)  # noqa: SLF001  # nats-py's own drain loses messages
        await self.flush()
        await subscription._pending_queue.join()  # noqa: SLF001  # the same
        await subscription.unsubscribe()

    async def flush(self) -> None:
        """Wait until the server has seen everything sent so far."""
        if not await self._ping(2):
            raise Disconnected("flush")

    async def close(self) -> None:
        """Send what is pending and close. Drain what you serve before: this alone loses replies of running handlers."""
        self._is_closing = True
        if self._pulse:
            self._pulse.cancel()
        self._fail_waiting()
        with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
            if self._client.is_connected:
                await self._ping(1)
        with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(CLOSES_WITHIN):
                await self._client.close()

    def _answered(self, address: bytes, _reply: bytes, payload: bytes | None) -> None:
        answer = self._waiting.get(address)
        if answer is not None and not answer.done():
            answer.set_result(payload)

    async def _answered_with_headers(self, message: Msg) -> None:
        is_nobody = not message.data and (message.headers or {}).get("Status") == NO_RESPONDERS
        self._answered(message.subject.encode(), b"", None if is_nobody else message.data)

    async def _beat(self) -> None:
        # nats-py can be "connected" with a dead read loop; only a round trip tells.
        while True:
            await asyncio.sleep(PULSE)
            if not self._client.is_connected:
                self._lost()
                continue
            asked_of = self._connections
            is_seen = await self._ping(PULSE_BOUND)
            if asked_of == self._connections:  # what another connection left unanswered says nothing about this one
                self._is_live = is_seen or self._lost()

    async def _ping(self, within: float) -> bool:
        """Whether the server answers within so many seconds, and has thereby seen all that was sent before.

        nats-py's `flush` cancels its future when it is late; the answer that comes after all, as from a server that
        was paused, then ends the read loop for ever. So the future is left alone. And its ping goes straight to the
        transport, past a SUB or UNSUB that still waits to be written; ours goes when they are written. Sending has a
        task of its own, because nats-py swallows the cancellation by which a bound would end it.
        """
        pong: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        sending = asyncio.create_task(self._send_ping(pong))
        both: set[asyncio.Future[Any]] = {pong, sending}
        await asyncio.wait(both, timeout=within, return_when=asyncio.FIRST_EXCEPTION)
        if not pong.done() and not sending.done():
            sending.cancel()
        elif not pong.done():
            # A process that was paused finds its timers due before it reads what has come meanwhile.
            await asyncio.wait({pong}, timeout=AFTER_A_PAUSE)
        return pong.done()

    async def _send_ping(self, pong: "asyncio.Future[bool]") -> None:
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._client._flush_pending(force_flush=True)  # noqa: SLF001  # see above
            await self._client._send_ping(pong)  # noqa: SLF001  # see above

    def _lost(self) -> Literal[False]:
        if self._is_live:
            for call in tuple(self._on_lost):
                call()
        self._is_live = False
        self._fail_waiting()
        return False

    def _fail_waiting(self) -> None:
        for answer in list(self._waiting.values()):
            if not answer.done():
                answer.set_exception(Disconnected("the answer is lost with the connection"))

    async def _disconnected(self) -> None:
        self._lost()
        if not self._is_closing:
            log.warning("NATS is away", connection=self._name)

    async def _reconnected(self) -> None:
        self._connections += 1
        self._is_live = True
        log.info("NATS is back", connection=self._name)
        for call in self._on_reconnect:
            call()

    async def _ended(self) -> None:
        if not self._is_closing:
            self._closed.set()

    async def _failed(self, error: Exception) -> None:
        log.warning("NATS reports", connection=self._name, reason=repr(error))


def _any_after_a_moment(servers: list[Server], _info: dict[str, object]) -> tuple[Server, float]:
    """Choose where to reconnect, after a jittered moment so that a herd does not arrive as one."""
    return random.choice(servers), random.uniform(0.05, 0.25)  # noqa: S311  # jitter


def _late(answer: "asyncio.Future[bytes | None]", subject: str) -> None:
    if not answer.done():
        answer.set_exception(TimedOut(subject))
