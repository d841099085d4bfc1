"""What happened to one application, page by page, as its own stream of facts holds it."""

from collections.abc import Iterator, Sequence
from typing import Final

from libs.eventstore import Envelope
from libs.eventstore.history import facts_of
from libs.postgres import Database
from services.token.queries.lists import After, Found
from services.token.rows.clients import STREAM

MOST_BYTES: Final = 1 << 20
"""A page ends before its facts' data take more than this: what a service answers is bounded, a fact may be large."""


async def client_history(database: Database, tenant: str, client_id: str, window: After) -> Found[Envelope] | None:
    """A page of what happened, the oldest first; `None` when there never was such an application."""
    after = int(window.position or 0)
    async with database.connection() as rows:
        found = await facts_of(rows, tenant, STREAM + client_id, after=after, limit=window.limit + 1)
    if not found and not after:
        return None
    page = tuple(_fitting(found[: window.limit]))
    following = str(page[-1].version) if len(page) < len(found) else None
    return Found(page, 0, following)


def _fitting(facts: Sequence[Envelope]) -> Iterator[Envelope]:
    room = MOST_BYTES
    for number, each in enumerate(facts):
        room -= len(bytes(each.data))
        if room < 0 and number:
            return
        yield each
