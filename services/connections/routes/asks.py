"""The asks that `connections` answers: deliver mails and logouts; say which connections an application has."""

from itertools import accumulate
from typing import Any, Final

import msgspec

from libs.bus import Bus, Serving
from libs.edge.asks import answer_asks
from libs.postgres import Database
from services.connections import queries
from services.connections.commands import (
    SERVICE,
    Accepted,
    ConnectionsAnswer,
    ConnectionsOf,
    DeliverLogout,
    DeliverMail,
)
from services.connections.providers.backchannel import Telling
from services.connections.providers.letters import TEMPLATES
from services.connections.providers.queue import Deliveries
from services.connections.queries import Filter
from services.connections.routes.connections import listed

LONGEST: Final = 65_536
"""Characters of all variables of a mail together."""

MOST: Final = 100
LARGEST: Final = 1 << 19
"""Bytes after which an answer names no further connection; a reply may have four times as many."""


class NotDeliverable(Exception):
    """What was asked can never be delivered, so nobody shall ask again."""


class Asks:
    """The handlers."""

    def __init__(self, deliveries: Deliveries, database: Database) -> None:
        self._deliveries, self._database = deliveries, database

    async def serve(self, bus: Bus) -> list[Serving]:
        """Answer from now on."""
        return [
            await answer_asks(bus, SERVICE, "deliver_mail", DeliverMail, self.mail, refusals=(NotDeliverable,)),
            await answer_asks(bus, SERVICE, "deliver_logout", DeliverLogout, self.logout),
            await answer_asks(bus, SERVICE, "connections_of", ConnectionsOf, self.connections_of),
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

    async def connections_of(self, asked: ConnectionsOf) -> ConnectionsAnswer:
        """A page of an application's connections, as many as fit."""
        take = max(1, min(asked.take, MOST))
        strategies = None if asked.strategies is None else tuple(asked.strategies)
        wanted = Filter(strategies=strategies, client_id=asked.client_id, after=asked.after)
        found = await queries.connections(self._database, asked.tenant, wanted, 0, take + 1)
        fitting = _fitting([listed(each) for each in found[:take]])
        return ConnectionsAnswer(connections=fitting, has_more=len(found) > len(fitting))


def _fitting(connections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of them, at least one."""
    sizes = accumulate(len(msgspec.msgpack.encode(each)) for each in connections)
    return [
        each
        for number, (each, size) in enumerate(zip(connections, sizes, strict=True))
        if not number or size <= LARGEST
    ]
