"""The queue: what is due is leased, tried, and finished, tried again later, or given up.

A process that dies leaves a lease behind, which ends; another one begins again then. So a delivery is lost by no kill,
and is made twice only when a process dies between the other side's yes and our commit.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from libs.eventstore import Actor, Context, EventStore
from libs.runtime.errors import Unavailable
from libs.telemetry.logs import log
from libs.telemetry.metrics import Counter, Gauge
from services.connections.commands import FinishDelivery
from services.connections.providers.outcome import Later, Never, Provider
from services.connections.providers.sealing import Sealing
from services.connections.rows import deliveries
from services.connections.rows.deliveries import Leased

KINDS: Final = ("mail", "logout")
LEASE: Final = timedelta(seconds=60)
WITHIN: Final = 40.0
"""Seconds a try may take; well within its lease, so that nobody else begins meanwhile."""

LOOK: Final = 0.5
"""Seconds between two looks for what became due."""

COUNT: Final = 5.0
FORGET: Final = 600.0
LONGEST_WAIT: Final = timedelta(hours=1)

WAITING: Final = Gauge("limen_deliveries_waiting", "Mails and logouts that are not delivered yet.", kind=KINDS)
OLDEST: Final = Gauge(
    "limen_deliveries_oldest_seconds", "Age of the oldest mail or logout that is not delivered yet.", kind=KINDS
)
ENDED: Final = Counter(
    "limen_deliveries_tries", "Tries of deliveries.", kind=KINDS, outcome=("delivered", "again", "given_up")
)


@dataclass(frozen=True)
class Patience:
    """How long a delivery is tried."""

    attempts: int
    backoff: timedelta

    def after(self, attempt: int) -> timedelta:
        """How long to wait behind a try: twice as long as before, and not all at the same moment."""
        longest = min(self.backoff * 2 ** min(attempt - 1, 30), LONGEST_WAIT)
        wait: timedelta = longest * random.uniform(0.75, 1.25)  # noqa: S311  # jitter
        return wait


class Deliveries:
    """The deliveries of one process; `providers` and `slots` are by kind."""

    def __init__(
        self,
        store: EventStore,
        sealing: Sealing,
        providers: Mapping[str, Provider],
        slots: Mapping[str, int],
        patience: Patience,
        *,
        most: int,
    ) -> None:
        self._store = store
        self._sealing = sealing
        self._providers = providers
        self._slots = {kind: asyncio.Semaphore(slots[kind]) for kind in providers}
        self._patience = patience
        self._most = most
        self._waiting = 0
        self._wake = {kind: asyncio.Event() for kind in providers}
        self._trying: set[asyncio.Task[None]] = set()

    async def accept(
        self, tenant: str, delivery_id: str, about: tuple[str, str, str | None, str | None], payload: bytes
    ) -> None:
        """Write it down, once per id; it is tried soon.

        Raises:
            Unavailable: too many wait already, or the database is away.
        """
        if self._waiting >= self._most:
            raise Unavailable("too many deliveries wait")
        kind = about[0]
        sealed = self._sealing.seal(payload, tenant=tenant, delivery_id=delivery_id, what=kind)
        await deliveries.accept(self._store.database, tenant, delivery_id, about, sealed)
        self._waiting += 1
        self._wake[kind].set()

    async def run(self, kind: str) -> None:
        """Try what is due, for ever (a background task)."""
        while True:
            await self._slots[kind].acquire()
            try:
                leased = await deliveries.lease(self._store.database, kind, LEASE)
            except Unavailable as error:
                log.info("deliveries wait", kind=kind, reason=repr(error))
                leased = None
            except BaseException:
                self._slots[kind].release()
                raise
            if leased is None:
                self._slots[kind].release()
                await self._pause(kind)
            else:
                self._begin(kind, leased)

    async def _pause(self, kind: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await self._wake[kind].wait()
        self._wake[kind].clear()

    def _begin(self, kind: str, leased: Leased) -> None:
        task = asyncio.create_task(self._try(kind, leased))
        self._trying.add(task)
        task.add_done_callback(self._trying.discard)
        task.add_done_callback(lambda _: self._slots[kind].release())

    async def drain(self) -> None:
        """Await the tries under way, for as long as a try may take."""
        if self._trying:
            await asyncio.wait(self._trying, timeout=WITHIN / 4)
        for task in self._trying:
            task.cancel()

    async def _try(self, kind: str, leased: Leased) -> None:
        about = {"kind": kind, "delivery": leased.delivery_id, "tenant": leased.tenant, "attempt": leased.attempt}
        try:
            refused = await self._tried(kind, leased)
            if refused is None:
                await self._finish(kind, leased, "delivered")
            elif isinstance(refused, Later) and leased.attempt < self._patience.attempts:
                log.info("a delivery is tried again", **about, reason=str(refused))
                await self._again(kind, leased, refused.payload)
            else:
                log.error("a delivery is given up", **about, reason=str(refused))
                await self._finish(kind, leased, "given_up", str(refused))
        except Unavailable as error:
            # The lease ends, and somebody begins again.
            log.warning("a delivery was not finished", **about, reason=repr(error))

    async def _tried(self, kind: str, leased: Leased) -> Later | Never | None:
        """Why it was not delivered, if it was not."""
        try:
            payload = self._opened(kind, leased)
            async with asyncio.timeout(WITHIN):
                await self._providers[kind].deliver(leased, payload)
        except (Later, Never) as refused:
            return refused
        except TimeoutError:
            return Later("no answer in time")
        except Exception as error:  # noqa: BLE001  # a fault in one delivery must not end the others'
            log.error("a delivery broke", kind=kind, delivery=leased.delivery_id, exc_info=error)
            return Later("it broke")
        return None

    def _opened(self, kind: str, leased: Leased) -> bytes:
        return self._sealing.open(leased.payload, tenant=leased.tenant, delivery_id=leased.delivery_id, what=kind)

    async def _again(self, kind: str, leased: Leased, left: bytes | None) -> None:
        """`left` is what is still to do, when that is less than before."""
        sealed = leased.payload
        if left is not None:
            sealed = self._sealing.seal(left, tenant=leased.tenant, delivery_id=leased.delivery_id, what=kind)
        await deliveries.again(self._store.database, leased, self._patience.after(leased.attempt), sealed)
        ENDED.count(kind, "again")

    async def _finish(
        self, kind: str, leased: Leased, outcome: Literal["delivered", "given_up"], reason: str = ""
    ) -> None:
        command = FinishDelivery(
            tenant=leased.tenant,
            delivery_id=leased.delivery_id,
            attempt=leased.attempt,
            outcome=outcome,
            reason=reason,
        )
        await self._store.execute(command, Context(actor=Actor("service", self._store.catalogue.service)))
        self._waiting = max(0, self._waiting - 1)
        ENDED.count(kind, outcome)

    async def tend(self) -> None:
        """Count what waits and forget what was done long ago, for ever (a background task)."""
        rounds = 0
        while True:
            try:
                await self._count()
                if rounds % int(FORGET / COUNT) == 0:
                    await deliveries.forget(self._store.database)
            except Unavailable as error:
                log.info("counting deliveries waits", reason=repr(error))
            rounds += 1
            await asyncio.sleep(COUNT)

    async def _count(self) -> None:
        found = await deliveries.waiting(self._store.database)
        self._waiting = sum(depth for depth, _ in found.values())
        for kind in KINDS:
            depth, age = found.get(kind, (0, 0.0))
            WAITING.set(depth, kind)
            OLDEST.set(age, kind)
