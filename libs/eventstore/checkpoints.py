"""How far a follower has come: read, moved only from where it was, halted, cleared."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from libs.eventstore.append import append_script, entries
from libs.eventstore.envelope import Actor, Context
from libs.eventstore.events import ActivityMissed, Catalogue, ProjectionSkipped
from libs.postgres import NOT_AWAITED, Connection, Database, DatabaseAway
from libs.postgres.database import commit

GONE: Final = "facts are gone"
"""How the reason of a follower begins that lacks facts; it goes on by itself when they are there again."""

TENANT: Final = "default"
"""Whose facts those about followers are: of the operator's own tenant."""


@dataclass(frozen=True)
class Checkpoint:
    """The last position applied; `halted` says why it goes no further."""

    epoch: int
    pos: int
    handles: tuple[str, ...]
    halted: str | None


class CheckpointMoved(Exception):
    """Somebody else moved the checkpoint: nothing of this attempt is kept."""


async def read_checkpoint(rows: Connection, name: str) -> Checkpoint:
    """The checkpoint called `name`."""
    row = await rows.fetchrow("SELECT epoch, pos, handles, halted FROM checkpoints WHERE name = $1", name)
    if row is None:
        raise LookupError(name)
    return Checkpoint(row["epoch"], row["pos"], tuple(row["handles"]), row["halted"])


async def set_checkpoint(rows: Connection, name: str, was: Checkpoint, is_now: Checkpoint) -> None:
    """Move the checkpoint from `was`, in the transaction of what was applied.

    Raises:
        CheckpointMoved: it is not at `was` any more.
    """
    moved = await rows.fetchval(
        "UPDATE checkpoints SET epoch = $2, pos = $3, handles = $4, halted = NULL, updated_at = now() "
        "WHERE name = $1 AND epoch = $5 AND pos = $6 RETURNING pos",
        name,
        is_now.epoch,
        is_now.pos,
        list(is_now.handles),
        was.epoch,
        was.pos,
    )
    if moved is None:
        raise CheckpointMoved(name)


class Progress:
    """How far one follower has come while it reads: what is written down, and what it only passed since.

    An event that does not concern it is passed without a commit of its own: after a crash it is passed again. What was
    passed is written down with the next event that does concern it, or within `KEEPS_WITHIN` seconds.
    """

    def __init__(self, database: Database, name: str, kept: Checkpoint) -> None:
        self._database = database
        self._name = name
        self._kept = kept
        self.reached = kept
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def moving(self, reached: Checkpoint) -> AsyncIterator[Checkpoint]:
        """Move to `reached`: the block writes it in the place of what it is given, together with what it applies."""
        async with self._turn:
            yield self._kept
            self._kept = self.reached = reached

    def passed(self, reached: Checkpoint) -> None:
        """It is at `reached`, and had nothing to do on the way."""
        self.reached = reached

    async def keep(self) -> None:
        """Write down what was passed.

        Raises:
            CheckpointMoved: somebody else follows too.
            DatabaseAway: it is kept later.
        """
        async with self._turn:
            was, reached = self._kept, self.reached
            if was == reached:
                return
            async with self._database.transaction(NOT_AWAITED) as rows:
                await set_checkpoint(rows, self._name, was, reached)
            self._kept = reached


async def keep_passed(progress: Callable[[], Progress | None]) -> None:
    """Write down what was passed, for ever, beside the reading; `progress` is that of the stream as it is open now."""
    while True:
        await asyncio.sleep(KEEPS_WITHIN)
        now = progress()
        if now is not None:
            with suppress(CheckpointMoved, DatabaseAway):
                await now.keep()


KEEPS_WITHIN: Final = 0.5
"""Seconds after which a position that was only passed is written down."""


async def halt(rows: Connection, name: str, reason: str) -> None:
    """Note why the follower stands."""
    await rows.execute("UPDATE checkpoints SET halted = $2, updated_at = now() WHERE name = $1", name, reason)


async def skip(rows: Connection, service: str, name: str) -> ProjectionSkipped | None:
    """Go past the event a halted follower of `service` stands before, and record it as a fact, in this transaction.

    `None` when it is not halted, or when it misses facts that are gone: those are not skipped, they are restored.
    """
    row = await rows.fetchrow("SELECT source, epoch, pos, halted FROM checkpoints WHERE name = $1 FOR UPDATE", name)
    if row is None or row["halted"] is None or row["halted"].startswith(GONE):
        return None
    await rows.execute("UPDATE checkpoints SET pos = pos + 1, halted = NULL, updated_at = now() WHERE name = $1", name)
    skipped = ProjectionSkipped(
        name=name, source=row["source"], epoch=row["epoch"], pos=row["pos"] + 1, reason=row["halted"]
    )
    await record(rows, service, name, skipped, Context(actor=Actor("operator", "limen")))
    return skipped


async def record(
    rows: Connection, service: str, name: str, fact: ProjectionSkipped | ActivityMissed, context: Context | None = None
) -> None:
    """Append a fact about the follower `name` to its own service's log, and commit."""
    stream = f"projection-{name}"
    version = await rows.fetchval(
        "SELECT coalesce(max(version), 0) FROM facts WHERE tenant = $1 AND stream = $2", TENANT, stream
    )
    now = await rows.fetchval("SELECT clock_timestamp()")
    context = context or Context(actor=Actor("service", service))
    await commit(rows, append_script(entries(Catalogue(service), TENANT, stream, version, [fact], context, now)))
