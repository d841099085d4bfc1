"""Owns one step of reapplying: the command that says again what was lost, and what the operator is told about it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.eventstore import Envelope, EventStore
from libs.eventstore.deciding import HasTenant


@dataclass(frozen=True)
class Step:
    """`says` is told when `command` changed something; `todo` is what only the operator can do then."""

    command: HasTenant
    says: str
    todo: str | None = None


@dataclass(frozen=True)
class Place:
    """Where lost events are reapplied: a service's log, and the environment of its settings."""

    store: EventStore
    environ: Mapping[str, str] = field(repr=False)

    async def state(self, command: HasTenant) -> Any:
        """The state of the aggregate that `command` is about, as its rows say."""
        handler = self.store.handlers[type(command)]
        async with self.store.database.transaction() as rows:
            return (await handler.aggregate.load(rows, command)).state


@dataclass(frozen=True)
class Burn:
    """Rows that count once and may count again after a loss, made worthless; `says` is told with their number."""

    statement: str
    says: str


Reapply = Callable[[Place, Envelope, Any], Awaitable[Step | None]]
"""Gives the step for one lost event, or nothing when it did not restrict or restricted what is gone itself."""


def narrowed(here: list[Any], lost: list[Any]) -> list[Any]:
    """What of `here` the lost event still had, in the order of here."""
    return [each for each in here if each in lost]
