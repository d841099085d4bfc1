"""The asks that `connections` answers: deliver a mail, tell an application of a logout; each once per id."""

from typing import Final

import msgspec

from libs.bus import Bus, Serving
from libs.edge.asks import answer_asks
from services.connections.commands import SERVICE, Accepted, DeliverLogout, DeliverMail
from services.connections.providers.backchannel import Telling
from services.connections.providers.letters import TEMPLATES
from services.connections.providers.queue import Deliveries

LONGEST: Final = 65_536
"""Characters of all variables of a mail together."""


class NotDeliverable(Exception):
    """What was asked can never be delivered, so nobody shall ask again."""


class Asks:
    """The handlers."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    async def serve(self, bus: Bus) -> list[Serving]:
        """Answer from now on."""
        return [
            await answer_asks(bus, SERVICE, "deliver_mail", DeliverMail, self.mail, refusals=(NotDeliverable,)),
            await answer_asks(bus, SERVICE, "deliver_logout", DeliverLogout, self.logout),
        ]

    async def mail(self, asked: DeliverMail) -> Accepted:
        """Write a mail down.

        Raises:
            NotDeliverable: there is no such template, or too much to say.
        """
        if asked.template not in TEMPLATES:
            raise NotDeliverable("there is no such template")
        if sum(map(len, asked.variables.values())) > LONGEST:
            raise NotDeliverable("the variables are too long")
        about = ("mail", asked.template, asked.person, None)
        await self._deliveries.accept(asked.tenant, asked.id, about, msgspec.msgpack.encode(asked))
        return Accepted(id=asked.id)

    async def logout(self, asked: DeliverLogout) -> Accepted:
        """Write a logout down."""
        about = ("logout", asked.client_id, None, asked.session_id)
        await self._deliveries.accept(asked.tenant, asked.id, about, msgspec.msgpack.encode(Telling(asked)))
        return Accepted(id=asked.id)
