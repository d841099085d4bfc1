"""The row of a subscriber: loaded and locked, saved.

Folded: all columns but `acked` and `acked_at`, which are authoritative. How far a subscriber has come is told by the
bus, and kept for the day when the bus has forgotten it.
"""

from collections.abc import Sequence
from typing import Any, Final

from libs.eventstore import Event, Loaded
from libs.eventstore.verify import FoldCheck, Key
from libs.postgres import Connection, Record
from services.audit.commands import OPERATORS_TENANT
from services.audit.rules import subscriber as rules
from services.audit.rules.subscriber import Entry, Subscriber

PREFIX: Final = "subscriber-"


class SubscriberAggregate:
    """A subscriber as `execute` sees it."""

    def stream(self, command: Any) -> str:
        """Each name is a stream of its own."""
        return f"{PREFIX}{command.name}"

    async def load(self, rows: Connection, command: Any) -> Loaded[Entry]:
        """Lock the subscriber's row, and look where the feed is."""
        row = await rows.fetchrow(
            "SELECT version, events, start, is_removed FROM subscribers WHERE name = $1 FOR NO KEY UPDATE", command.name
        )
        head = await rows.fetchval("SELECT pos FROM head WHERE log = 'feed'")
        return Loaded(Entry(_subscriber(row) if row else None, head), row["version"] if row else 0)

    def evolve(self, state: Entry, event: Event) -> Entry:
        """See `rules.subscriber.evolve`."""
        return rules.evolve(state, event)

    async def save(self, rows: Connection, command: Any, before: Loaded[Entry], after: Loaded[Entry]) -> None:  # noqa: ARG002
        """Write the subscriber's row; one that is added anew begins at its start again."""
        subscriber = after.state.subscriber
        assert subscriber is not None, "an event makes a subscriber or changes one"
        await rows.execute(
            "INSERT INTO subscribers (name, version, events, start, is_removed, acked) VALUES ($1, $2, $3, $4, $5, $6) "
            "ON CONFLICT (name) DO UPDATE SET version = $2, events = $3, start = $4, is_removed = $5, "
            "acked = CASE WHEN $5 THEN subscribers.acked ELSE $6 END, acked_at = clock_timestamp()",
            command.name,
            after.version,
            subscriber.events,
            subscriber.start,
            subscriber.is_removed,
            subscriber.start - 1,
        )


def _subscriber(row: Record) -> Subscriber:
    return Subscriber(row["events"], row["start"], is_removed=row["is_removed"])


async def _stored(rows: Connection, _tenants: Sequence[str], streams: Sequence[str]) -> dict[Key, object]:
    names = [stream.removeprefix(PREFIX) for stream in streams]
    found = await rows.fetch("SELECT name, events, start, is_removed FROM subscribers WHERE name = ANY ($1)", names)
    return {(OPERATORS_TENANT, PREFIX + row["name"]): _subscriber(row) for row in found}


FOLD: Final = FoldCheck(
    name="subscribers",
    streams=PREFIX,
    initial=Entry(),
    evolve=rules.evolve,
    shape=lambda entry: entry.subscriber,
    read=_stored,
    keys=f"SELECT '{OPERATORS_TENANT}' AS tenant, '{PREFIX}' || name AS stream FROM subscribers",  # noqa: S608
)
"""How `limen verify` compares subscribers with their facts."""
