"""What may be asked of `audit` on the bus, by the operator alone; every ask can be repeated."""

from typing import Any, Final

from msgspec.structs import replace

from libs.bus import Bus, BusError, Serving
from libs.edge.asks import answer_asks
from libs.eventstore import Actor, Context, EventStore
from libs.eventstore.names import FEED_STREAM
from services.audit import queries
from services.audit.commands import (
    SERVICE,
    AddSubscriber,
    ListSubscribers,
    RemoveSubscriber,
    SubscriberAnswer,
    SubscribersAnswer,
)
from services.audit.queries import SubscriberRow
from services.audit.rules.subscriber import Refused
from services.audit.sinks.subscriptions import Subscriptions

OPERATOR: Final = Context(actor=Actor("operator", "limen"))


class Asks:
    """The handlers, and their table."""

    def __init__(self, store: EventStore, subscriptions: Subscriptions) -> None:
        self._store = store
        self._subscriptions = subscriptions

    async def serve(self, bus: Bus) -> list[Serving]:
        """Answer from now on."""
        verbs: dict[str, tuple[Any, Any]] = {
            "add": (AddSubscriber, self.change),
            "remove": (RemoveSubscriber, self.change),
            "list": (ListSubscribers, self.listing),
        }
        return [
            await answer_asks(bus, SERVICE, verb, kind, handler, refusals=(Refused,))
            for verb, (kind, handler) in verbs.items()
        ]

    async def change(self, command: AddSubscriber | RemoveSubscriber) -> SubscriberAnswer:
        """Run the command, and have the consumer be as it says."""
        await self._store.execute(command, OPERATOR)
        row = await queries.subscriber(self._store.database, command.name)
        assert row is not None, "it was just added, or there to be removed"
        return await self._answer(row)

    async def listing(self, _question: ListSubscribers) -> SubscribersAnswer:
        """Every subscriber."""
        found = [each for each in await queries.subscribers(self._store.database) if not each.is_removed]
        head = await queries.feed_head(self._store.database)
        return SubscribersAnswer(subscribers=[await self._answer(each) for each in found], head=head)

    async def _answer(self, row: SubscriberRow) -> SubscriberAnswer:
        answer = SubscriberAnswer(
            name=row.name,
            events=row.events,
            acked=row.acked,
            acked_at=row.acked_at,
            stream=FEED_STREAM,
            is_removed=row.is_removed,
        )
        try:
            state = await self._subscriptions.tend(row)
            lag = None if state is None else await self._subscriptions.lag(row, state)
        except BusError:
            return answer
        if state is None:
            return answer
        return replace(
            answer,
            acked=max(row.acked, state.acked),
            pending=state.pending,
            unacknowledged=state.unacknowledged,
            lag_seconds=lag,
        )
