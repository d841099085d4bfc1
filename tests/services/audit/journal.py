"""The tenant's log behind its door: real rows of the feed, real tokens, and no gateway before it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from libs.bus import Bus
from libs.edge import Edge
from libs.edge.guard import guard
from libs.edge.wire import VERSION, Request, decode_reply, encode
from libs.postgres import Database
from libs.runtime.clock import Clock, wall
from libs.runtime.ids import text
from services.audit.routes import table
from services.audit.routes.logs import Logs
from tests.services.token.office import DOMAINS, _issuer, _key_of, token_of

BEGAN: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When the first event came; each later one comes a minute after the one before."""

APPEND: Final = """
WITH moved AS (UPDATE head SET pos = pos + 1 WHERE log = 'feed' RETURNING pos)
INSERT INTO feed (pos, tenant, id, type, v, entity, source, data, meta, code, client_id, private, at)
SELECT pos, $1, gen_random_uuid(), $2, 1, 'e', 'token', $3, $4, $5, $6, $7, $8::timestamptz + pos * interval '1 minute'
FROM moved RETURNING pos
"""
RESTORED: Final = """
INSERT INTO facts (pos, tenant, stream, version, id, type, v, data, meta, at)
SELECT count(*) + 1, 'default', 'log-feed', count(*) + 1, gen_random_uuid(), 'audit.log_restored', 1, $1, '{}', now()
FROM facts
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def error(self) -> tuple[int, str]:
        assert self.body["statusCode"] == self.status
        return self.status, self.body["errorCode"]

    @property
    def log_ids(self) -> list[str]:
        assert self.status == 200, self.body
        return [each["log_id"] for each in self.body]


@dataclass
class Journal:
    """What a test writes into the feed, and reads by the Management API."""

    database: Database
    edge: Edge

    @classmethod
    def opened(cls, database: Database, bus: Bus) -> "Journal":
        authorise = guard(_key_of, _issuer)
        routes = table(Logs(database, bus))
        return cls(database, Edge(bus, "audit", routes, slots={"management": 50}, clock=Clock(), authorise=authorise))

    async def happened(
        self,
        code: str | None = "seccft",
        *,
        tenant: str = "acme",
        kind: str = "token.issued",
        client_id: str | None = "app",
        data: Any = None,
        meta: Any = None,
        private: Any = None,
    ) -> int:
        """An event came into the feed; its position."""
        said = [json.dumps(data or {}), json.dumps(meta or {}), code, client_id, json.dumps(private or {})]
        async with self.database.connection() as rows:
            pos: int = await rows.fetchval(APPEND, tenant, kind, *said, BEGAN - timedelta(minutes=1))
        return pos

    async def restored(self, epoch: int, after: int) -> None:
        """The feed went back to a backup, and goes on behind `after`."""
        async with self.database.transaction() as rows:
            await rows.execute("DELETE FROM feed WHERE pos > $1", after)
            await rows.execute("UPDATE head SET epoch = $1, pos = $2 WHERE log = 'feed'", epoch, after)
            fact = {"log": "feed", "epoch": epoch, "after": after, "until": 0, "lost": 0}
            await rows.execute(RESTORED, json.dumps(fact))

    async def ask(self, query: str = "", *, path: str = "", tenant: str = "acme", scope: str = "read:logs") -> Answer:
        """A request as the gateway passes it on."""
        headers = [("authorization", f"Bearer {token_of(tenant, scope)}")]
        target = ("GET", "https", DOMAINS[tenant], f"/api/v2/logs{path}", query, headers, b"", "192.0.2.1", None)
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        request = Request(VERSION, *target, tenant, text(8), trace, wall() + 5)
        answered = await self.edge.answer(encode(request))
        assert answered is not None
        reply = decode_reply(answered)
        return Answer(reply.status, dict(reply.headers), json.loads(reply.body))
