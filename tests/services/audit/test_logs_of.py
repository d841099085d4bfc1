"""The log of one person, as `login` asks for it: what concerns them, and nothing of anybody else."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from libs.bus import Bus
from libs.edge.asks import ask
from services.audit.commands import SERVICE, LogsAnswer, LogsOf
from services.audit.events.people import PEOPLE, LoginFailed
from services.audit.events.public import PUBLIC, TokenIssued
from services.audit.queries import logs
from services.audit.routes.logs_ask import LogsAsk
from services.audit.rules.codes import CLIENT_CREDENTIALS, ISSUED
from services.audit.rules.log_ids import Place, log_id_of
from tests.services.audit.journal import Journal

MACHINES: Final = ISSUED[CLIENT_CREDENTIALS]
SIZE: Final = "SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('feed_person') WHERE isleaf"
MANY: Final = """
INSERT INTO feed SELECT n, 'acme', gen_random_uuid(), $1, 1, 'e', 'login', $2, '{}', $3, 'app', NULL, now()
FROM generate_series($4::int, $5::int) AS n
"""


def named(*positions: int) -> list[str]:
    return [log_id_of(Place(1, pos)) for pos in positions]


class Person:
    """Asks for a person's log, as `login` does."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def log(self, person: str = "p1", *, tenant: str = "acme", start: int = 0, **more: Any) -> LogsAnswer:
        asked = LogsOf(**{"tenant": tenant, "person": person, "start": start, "limit": 50, **more})
        return await ask(self._bus, SERVICE, "logs_of", asked, LogsAnswer)

    async def ids(self, person: str = "p1", **more: Any) -> list[str]:
        return [each["log_id"] for each in (await self.log(person, **more)).entries]


@pytest.fixture
async def person(journal: Journal, bus: Bus) -> AsyncIterator[Person]:
    serving = await LogsAsk(journal.database).serve(bus)
    yield Person(bus)
    await serving.drain(within=5)


async def many(journal: Journal, first: int, last: int, code: str, kind: str, data: dict[str, Any]) -> None:
    async with journal.database.connection() as rows:
        await rows.execute(MANY, kind, json.dumps(data), code, first, last)
        await rows.execute("UPDATE head SET pos = $1 WHERE log = 'feed'", last)
        await rows.execute("ANALYZE feed")


@pytest.mark.security("AD-02")
async def test_what_concerns_a_person_is_found_and_nothing_else(journal: Journal, person: Person) -> None:
    await journal.happened("ss", kind="user.registered", data={"person": "p1"})
    await journal.happened("seacft", data={"sub": "p1", "grant_type": "authorization_code"})
    await journal.happened("s", kind="login.succeeded", data={"person": "p2"})
    await journal.happened("seccft", data={"sub": "p1", "grant_type": "client_credentials"})
    await journal.happened("s", kind="login.succeeded", data={"person": "p1"}, tenant="other")
    await journal.happened(None, kind="session.started", data={"person": "p1"})
    await journal.happened("fu", kind="login.failed", data={"person": None})
    await journal.happened("fn", kind="mail.failed", data={"person": "p1", "kind": "welcome"})
    await journal.happened("sapi", kind="client.changed", data={"client_id": "p1"})
    assert await person.ids() == named(8, 2, 1)
    assert await person.ids(is_newest_first=False) == named(1, 2, 8)
    assert await person.ids("p2") == named(3)
    assert await person.ids(tenant="other") == named(5)
    for nobody in ("p", "P1", "", "%", "null", "p1' OR '1'='1"):
        assert await person.log(nobody, counts=True) == LogsAnswer(entries=[], total=0), nobody


async def test_entries_are_those_of_the_tenants_log(journal: Journal, person: Person) -> None:
    seen = {"address": "192.0.2.9", "user_agent": "Phone Mobile", "host": "id.example"}
    await journal.happened("s", kind="login.succeeded", data={"person": "p1", "connection": "db"}, private=seen)
    assert (await person.log()).entries == (await journal.ask()).body


async def test_pages_are_counted_up_to_the_thousandth(journal: Journal, person: Person) -> None:
    for _ in range(3):
        await journal.happened("s", kind="login.succeeded", data={"person": "p1"})
    assert (await person.log(start=1, limit=1, counts=True)).total == 3
    assert (await person.log(start=1, limit=1)).total == 0
    assert await person.ids(start=1, limit=1) == named(2)
    assert await person.ids(start=3) == []
    await many(journal, 4, 1010, "s", "login.succeeded", {"person": "p1"})
    assert (await person.log(counts=True)).total == 1000
    assert len(await person.ids(start=980, limit=100)) == 20
    for beyond in (1000, 10**9):
        assert await person.ids(start=beyond) == []


async def test_a_person_is_found_by_an_index_that_machines_are_not_in(journal: Journal, person: Person) -> None:
    async with journal.database.connection() as rows:
        empty = await rows.fetchval(SIZE)
    await many(journal, 1, 5000, MACHINES, "token.issued", {"sub": "app@clients", "grant_type": CLIENT_CREDENTIALS})
    async with journal.database.connection() as rows:
        assert await rows.fetchval(SIZE) == empty
    await many(journal, 5001, 6000, "s", "login.succeeded", {"person": "p2"})
    what = logs.of_person("acme", "p1")
    query = f"EXPLAIN SELECT pos, data FROM feed WHERE {what.condition} ORDER BY pos DESC LIMIT 50"
    async with journal.database.connection() as rows:
        plan = "\n".join(each[0] for each in await rows.fetch(query, *what.values))
        assert await rows.fetchval(SIZE) > empty
    assert "Index Scan" in plan, plan
    assert "Filter" not in plan, plan
    assert "Sort Key" not in plan.replace("Merge", ""), plan
    assert await person.ids() == []


async def test_an_escaped_nul_does_not_halt_the_feed(journal: Journal, person: Person) -> None:
    await journal.happened("fn", kind="mail.failed", data={"person": "p1", "reason": "550 \0"})
    await journal.happened("fn", kind="mail.failed", data={"person": "p1", "reason": "550"})
    assert await person.ids() == named(2), "what Postgres cannot read concerns nobody"
    assert (await journal.ask()).log_ids == named(2, 1)


def test_a_public_event_names_a_person_by_those_two_members() -> None:
    """Another name for a person would be found by nobody; a `sub` of a machine has a code that is not looked into."""
    assert {event for event in PUBLIC if "sub" in event.__struct_fields__} == {TokenIssued}
    named_person = {event for event in PUBLIC if "person" in event.__struct_fields__}
    assert named_person <= set(PEOPLE)
    assert LoginFailed in named_person
    assert [grant for grant, code in ISSUED.items() if code == MACHINES] == [CLIENT_CREDENTIALS]
