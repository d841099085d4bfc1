"""The tenant's log is as old as the setting says, and who walks it goes on from what is there."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import pytest

from libs.bus import Bus, Streams
from libs.eventstore import EventStore, Relay, Retention
from libs.eventstore.maintenance import one_round
from libs.eventstore.names import FEED, FEED_STREAM
from libs.postgres import Database, Locks
from libs.telemetry.readiness import Readiness
from services.audit.events import CATALOGUE
from services.audit.rules.log_ids import Place, log_id_of
from tests.conftest import Background, Stop, eventually
from tests.servers import Addresses
from tests.services.audit.journal import Journal

ROWS: Final = 10
KEPT: Final = Retention(rows=ROWS, keep=timedelta(days=30), log=FEED)

FILL: Final = """
WITH moved AS (UPDATE head SET pos = pos + $1 WHERE log = 'feed' RETURNING pos)
INSERT INTO feed
SELECT moved.pos - $1 + n, 'acme', gen_random_uuid(), 'client.changed', 1, 'app', 'token', '{}', '{}', 'sapi', 'app',
       NULL, clock_timestamp() - $2::interval
FROM moved, generate_series(1, $1) AS n
"""


async def fill(database: Database, count: int, *, age: timedelta = timedelta(0)) -> None:
    async with database.connection() as rows:
        await rows.execute(FILL, count, age)


class Feed:
    """The feed with its mirror and its partitions, as `audit` keeps them."""

    def __init__(self, store: EventStore, bus: Bus, locks: Locks, readiness: Readiness, background: Background) -> None:
        self.streams = Streams(bus)
        self._store, self._bus, self._locks, self._readiness, self._background = (
            store,
            bus,
            locks,
            readiness,
            background,
        )

    def relay(self) -> Stop:
        return self._background(Relay(self._store, self._bus, self._locks, self._readiness, log=FEED).run())

    async def keep(self) -> None:
        await one_round(self._store, self._bus, KEPT)

    async def mirrors(self, first: int, last: int) -> None:
        async def so() -> bool:
            state = await self.streams.state(FEED_STREAM)
            return state is not None and (state.first, state.last) == (first, last)

        await eventually(so)


@pytest.fixture
async def feed(
    database: Database, addresses: Addresses, bus: Bus, readiness: Readiness, background: Background
) -> AsyncIterator[Feed]:
    locks = Locks(addresses.of["audit"], "audit")
    yield Feed(EventStore(database, CATALOGUE, bus, {}), bus, locks, readiness, background)
    await locks.close()


def named(*positions: int) -> list[str]:
    return [log_id_of(Place(1, pos)) for pos in positions]


async def test_old_entries_go_with_their_partition_and_a_walk_goes_on_from_what_is_there(
    journal: Journal, database: Database, feed: Feed
) -> None:
    await feed.keep()
    await fill(database, 2 * ROWS + 2, age=timedelta(days=31))
    await fill(database, 3)
    (gone,) = named(7)
    assert (await journal.ask(f"from={gone}&take=1")).log_ids == named(8)
    await feed.keep()
    assert (await journal.ask(path=f"/{gone}")).status == 200, "nothing goes that is not mirrored"
    stop = feed.relay()
    await feed.mirrors(1, 25)
    await feed.keep()
    held = named(*range(20, 26))
    assert (await journal.ask("take=100")).log_ids == held
    assert (await journal.ask("sort=date:1&per_page=1")).log_ids == held[:1]
    assert len((await journal.ask("q=date:[2026-01-01%20TO%20*]")).log_ids) == 6
    assert (await journal.ask(path=f"/{gone}")).error == (404, "inexistent_log")
    assert (await journal.ask(f"from={gone}&take=2")).log_ids == held[:2]
    await stop()
    await feed.streams.delete(FEED_STREAM)
    feed.relay()
    await feed.mirrors(20, 25)


async def test_what_was_dropped_before_it_was_mirrored_is_passed_over(
    journal: Journal, database: Database, feed: Feed
) -> None:
    await feed.keep()
    await fill(database, 5)
    stop = feed.relay()
    await feed.mirrors(1, 5)
    await stop()
    await fill(database, ROWS)
    async with database.transaction() as rows:  # by hand: the disk was full
        await rows.execute("UPDATE head SET floor = $1 WHERE log = 'feed'", ROWS)
        await rows.execute("DROP TABLE feed_0")
    feed.relay()
    await feed.mirrors(ROWS, 15)
    assert (await journal.ask(f"from={named(3)[0]}")).log_ids == named(*range(ROWS, 16))
