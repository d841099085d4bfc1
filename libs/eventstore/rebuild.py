"""Rebuilding a following projection beside the live one: replay, compare at the same position, swap.

The live table goes on serving. Only for the last few events and the swap is its checkpoint's row locked, so that both
tables are compared where they claim to stand.
"""

from dataclasses import dataclass

from libs.bus import Bus, Reader, Streams
from libs.eventstore.checkpoints import Checkpoint, read_checkpoint
from libs.eventstore.envelope import from_wire
from libs.eventstore.following import Projection
from libs.postgres import Connection, Database

FETCH = 1000
PATIENCE = 5.0


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild found: events replayed, rows that differ, and whether the new table took the old one's place."""

    events: int
    differences: int
    is_swapped: bool


async def rebuild(projection: Projection, database: Database, bus: Bus, *, accept_difference: bool = False) -> Rebuilt:
    """Rebuild `projection`; swap if both tables are equal, or if a difference is accepted."""
    beside = f"{projection.name}_rebuilt"
    async with database.transaction() as rows:
        await rows.execute(f"DROP TABLE IF EXISTS {beside}")
        await rows.execute(projection.ddl.format(table=beside))
        checkpoint = await read_checkpoint(rows, projection.name)
    replayed = await _replay(projection, database, bus, beside, 1, checkpoint.pos)
    async with database.transaction() as rows:
        await rows.execute("SELECT 1 FROM checkpoints WHERE name = $1 FOR UPDATE", projection.name)
        reached = await read_checkpoint(rows, projection.name)
        replayed += await _catch_up(projection, rows, bus, beside, checkpoint.pos + 1, reached.pos)
        differences = await _differences(rows, projection.name, beside)
        is_swapped = differences == 0 or accept_difference
        await _finish(rows, projection, beside, reached, is_swapped=is_swapped)
    return Rebuilt(replayed, differences, is_swapped)


async def _replay(projection: Projection, database: Database, bus: Bus, table: str, start: int, end: int) -> int:
    if start > end:
        return 0
    async with Reader(bus, projection.stream, start=start) as reader:
        pos = start - 1
        while pos < end:
            batch = [each for each in await reader.fetch(FETCH, wait=PATIENCE) if each.sequence <= end]
            async with database.transaction() as rows:
                for each in batch:
                    await projection.apply(rows, table, from_wire(each.payload))
            pos = batch[-1].sequence if batch else pos
    return end - start + 1


async def _catch_up(projection: Projection, rows: Connection, bus: Bus, table: str, start: int, end: int) -> int:
    streams = Streams(bus)
    for pos in range(start, end + 1):
        payload = await streams.message(projection.stream, pos)
        if payload is not None:
            await projection.apply(rows, table, from_wire(payload))
    return max(0, end - start + 1)


async def _differences(rows: Connection, live: str, beside: str) -> int:
    found: int = await rows.fetchval(
        f"SELECT count(*) FROM ((SELECT * FROM {live} EXCEPT ALL SELECT * FROM {beside}) "  # noqa: S608
        f"UNION ALL (SELECT * FROM {beside} EXCEPT ALL SELECT * FROM {live})) AS different"
    )
    return found


async def _finish(rows: Connection, projection: Projection, beside: str, at: Checkpoint, *, is_swapped: bool) -> None:
    if not is_swapped:
        await rows.execute(f"DROP TABLE {beside}")
        return
    await rows.execute(f"DROP TABLE {projection.name}")
    await rows.execute(f"ALTER TABLE {beside} RENAME TO {projection.name}")
    await rows.execute(
        "UPDATE checkpoints SET handles = $2, updated_at = now() WHERE name = $1 AND pos = $3",
        projection.name,
        projection.types,
        at.pos,
    )
