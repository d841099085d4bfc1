"""How far a follower has come: read, moved only from where it was, halted, cleared."""

from dataclasses import dataclass

from libs.postgres import Connection


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


async def halt(rows: Connection, name: str, reason: str) -> None:
    """Note why the follower stands."""
    await rows.execute("UPDATE checkpoints SET halted = $2, updated_at = now() WHERE name = $1", name, reason)


async def skip(rows: Connection, name: str) -> int | None:
    """Go past the event a halted follower stands before; its position, or `None` when it is not halted."""
    position: int | None = await rows.fetchval(
        "UPDATE checkpoints SET pos = pos + 1, halted = NULL, updated_at = now() "
        "WHERE name = $1 AND halted IS NOT NULL RETURNING pos",
        name,
    )
    return position
