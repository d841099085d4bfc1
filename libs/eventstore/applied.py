"""Who has applied what: followers say how far they are, owners wait for them before they answer a write.

A word is a hint for reading one's own write, never a condition of truth: followers that are silent for some seconds
are taken as gone, and a wait ends after half a second with the names of those who have not come that far.
"""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Final

import msgspec

from libs.bus import Bus, BusError
from libs.eventstore.names import FACTS, applied_of

OFTEN_ENOUGH: Final = 0.01
"""Seconds between two words of a follower that only mentions how far it is: few, and soon enough for a write."""

HEARTBEAT: Final = 1.0
"""Seconds between two words of a follower that has nothing new to say."""

GONE_AFTER: Final = 3.5
"""Seconds of silence after which a follower no longer counts."""

SETTLES_WITHIN: Final = 0.5
"""Seconds a write waits for its followers (DESIGN §4)."""


class Word(msgspec.Struct, frozen=True, array_like=True):
    """`who` has applied everything up to `pos` of `epoch`."""

    who: str
    epoch: int
    pos: int


_WORD = msgspec.msgpack.Decoder(Word)


class Applied:
    """The owner's side: hears the followers of its facts."""

    def __init__(self, bus: Bus, service: str) -> None:
        self._bus = bus
        self._subject = applied_of(service, FACTS)
        self._words: dict[str, tuple[Word, float]] = {}
        self._changed = asyncio.Event()

    async def listen(self) -> None:
        """Begin to hear; followers make themselves known within a heartbeat."""
        await self._bus.listen(self._subject, self._hear)

    def _hear(self, _subject: str, payload: bytes) -> None:
        try:
            word = _WORD.decode(payload)
        except msgspec.MsgspecError:
            return
        self._words[word.who] = (word, monotonic())
        self._changed.set()

    def behind(self, epoch: int, pos: int) -> list[str]:
        """Followers heard of lately that have not applied `pos`."""
        now = monotonic()
        self._words = {who: entry for who, entry in self._words.items() if now - entry[1] < GONE_AFTER}
        return sorted(who for who, (word, _) in self._words.items() if (word.epoch, word.pos) < (epoch, pos))

    async def settled(self, epoch: int, pos: int, *, within: float = SETTLES_WITHIN) -> list[str]:
        """Wait until every follower has applied `pos`; the names of those who have not after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                while self.behind(epoch, pos):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return self.behind(epoch, pos)
        return []


class Saying:
    """The follower's side: says how far it is, at once and again each heartbeat."""

    def __init__(self, bus: Bus, service: str, log: str, who: str) -> None:
        self._bus = bus
        self._subject = applied_of(service, log)
        self._word = Word(who, 0, 0)
        self._sent_at = 0.0
        self._is_due = asyncio.Event()

    async def say(self, epoch: int, pos: int) -> None:
        """It is at `pos` now, and somebody may be waiting for that."""
        self._word = Word(self._word.who, epoch, pos)
        await self._send()

    def mention(self, epoch: int, pos: int) -> None:
        """It is at `pos` now, which is said at once or, right after another word, with the next one."""
        self._word = Word(self._word.who, epoch, pos)
        self._is_due.set()

    async def run(self) -> None:
        """Say what was mentioned, and repeat the last word, for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await self._is_due.wait()
            await asyncio.sleep(max(0.0, self._sent_at + OFTEN_ENOUGH - monotonic()))
            if self._word.epoch:
                await self._send()

    async def _send(self) -> None:
        self._sent_at = monotonic()
        self._is_due.clear()
        try:
            await self._bus.publish(self._subject, msgspec.msgpack.encode(self._word))
        except BusError:
            return  # said again at the next heartbeat
