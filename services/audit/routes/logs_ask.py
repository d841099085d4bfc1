"""What `login` asks of `audit`: the entries of a tenant's log that concern a person.

It is an ask because only `login` knows whose `user_id` is which opaque id, and the log has the opaque ids alone.
"""

from libs.bus import Bus, Serving
from libs.edge.asks import answer_asks
from libs.postgres import Database
from services.audit.commands import MOST_FOUND, SERVICE, LogsAnswer, LogsOf
from services.audit.queries import logs as queries
from services.audit.queries.logs import Slice
from services.audit.routes.log_entry import entry
from services.audit.rules.log_ids import log_id_of


class LogsAsk:
    """Answers `svc.v1.audit.logs_of` from the feed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def serve(self, bus: Bus) -> Serving:
        """Answer from now on."""
        return await answer_asks(bus, SERVICE, "logs_of", LogsOf, self.answer)

    async def answer(self, asked: LogsOf) -> LogsAnswer:
        """A part of a person's entries; nothing behind the thousandth."""
        start = min(asked.start, MOST_FOUND)
        part = Slice(start, asked.limit, asked.is_newest_first, asked.counts)
        known = await queries.epochs(self._database)
        what = queries.of_person(asked.tenant, asked.person)
        rows, total = await queries.log_found(self._database, what, part)
        entries = [entry(row, log_id_of(known.at(row.pos)), asked.tenant) for row in rows]
        return LogsAnswer(entries=entries, total=total)
