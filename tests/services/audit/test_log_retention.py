"""The tenant's log is as old as the setting says, and who walks it goes on from what is there."""

from datetime import timedelta
from typing import Final

from libs.bus import Bus, Streams
from libs.eventstore import EventStore, Relay, Retention
from libs.eventstore.maintenance import one_round
from libs.eventstore.names import FEED, FEED_STREAM
from libs.postgres import Database, Locks
from libs.telemetry.readiness import Readiness
from services.audit.events import CATALOGUE
from services.audit.rules.log_ids import Place, log_id_of
from tests.conftest import Background, eventually
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


async def test_old_entries_go_with_their_partition_and_a_walk_goes_on_from_what_is_there(
    journal: Journal,
    database: Database,
    addresses: Addresses,
    bus: Bus,
    readiness: Readiness,
    background: Background,
) -> None:
    store, locks, streams = (
        EventStore(database, CATALOGUE, bus, {}),
        Locks(addresses.of["audit"], "audit"),
        Streams(bus),
    )
    await one_round(store, bus, KEPT)
    await fill(database, 2 * ROWS + 2, age=timedelta(days=31))
    await fill(database, 3)
    gone = log_id_of(Place(1, 7))
    assert (await journal.ask(f"from={gone}&take=1")).log_ids == [log_id_of(Place(1, 8))]
    await one_round(store, bus, KEPT)
    assert (await journal.ask(path=f"/{gone}")).status == 200, "nothing goes that is not mirrored"

    stop = background(Relay(store, bus, locks, readiness, log=FEED).run())

    async def mirrored() -> bool:
        state = await streams.state(FEED_STREAM)
        return state is not None and state.last == 2 * ROWS + 5

    await eventually(mirrored)
    await one_round(store, bus, KEPT)
    held = [log_id_of(Place(1, pos)) for pos in range(2 * ROWS, 2 * ROWS + 6)]
    assert (await journal.ask("take=100")).log_ids == held
    assert (await journal.ask("sort=date:1&per_page=1")).log_ids == held[:1]
    assert (await journal.ask(path=f"/{gone}")).error == (404, "inexistent_log")
    assert (await journal.ask(f"from={gone}&take=2")).log_ids == held[:2]

    await stop()
    background(Relay(store, bus, locks, readiness, log=FEED).run())

    async def moved_up() -> bool:
        state = await streams.state(FEED_STREAM)
        return state is not None and state.first == 2 * ROWS

    await eventually(moved_up)
    await locks.close()
