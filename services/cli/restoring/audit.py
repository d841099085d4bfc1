"""What of `audit` must not come back: subscribers that were removed.

What the feed itself lost is published anew from the logs it is made of, as far as they have it.
"""

from collections.abc import Mapping
from typing import Final

from libs.eventstore import Envelope
from services.audit.commands import RemoveSubscriber
from services.audit.events import SubscriberRemoved
from services.cli.restoring.steps import Place, Reapply, Step


async def subscriber_removed(place: Place, _lost: Envelope, event: SubscriberRemoved) -> Step | None:
    """The subscriber is removed again, and its consumer with it."""
    asked = RemoveSubscriber(name=event.name)
    subscriber = (await place.state(asked)).subscriber
    if subscriber is None or subscriber.is_removed:
        return None
    return Step(asked, f"subscriber {event.name} is removed again")


REAPPLY: Final[Mapping[type, Reapply]] = {SubscriberRemoved: subscriber_removed}
"""Every fact of `audit` that restricted something."""
