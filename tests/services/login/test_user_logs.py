"""The Management API of a user's log: who that is said here, what happened is asked of `audit`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import pytest
from auth0.management.types.log import Log
from auth0.management.types.user_list_log_offset_paginated_response_content import (
    UserListLogOffsetPaginatedResponseContent,
)
from msgspec.structs import replace

from libs.bus import Bus
from libs.edge.asks import answer_asks
from libs.runtime.errors import Unavailable
from services.audit.commands import LogsAnswer, LogsOf
from tests.services.login.front import Answer, Front

ENTRY: Final = {"log_id": "0" * 29, "date": "2026-01-01T12:00:00.000Z", "type": "s", "details": {"event": "x"}}


@dataclass
class Audit:
    """Plays `audit`'s answer, and remembers what it was asked."""

    asked: list[LogsOf] = field(default_factory=list)
    is_away: bool = False

    async def answer(self, asked: LogsOf) -> LogsAnswer:
        self.asked.append(asked)
        if self.is_away:
            raise Unavailable("audit is away")
        return LogsAnswer(entries=[dict(ENTRY)], total=7 if asked.counts else 0)


@pytest.fixture
async def audit(bus: Bus) -> AsyncIterator[Audit]:
    played = Audit()
    serving = await answer_asks(bus, "audit", "logs_of", LogsOf, played.answer)
    yield played
    await serving.drain(within=5)


async def read(front: Front, query: str = "", *, user: str = "auth0%7Cada", scope: str = "read:logs") -> Answer:
    return await front.api("GET", f"users/{user}/logs", scope, query)


async def test_a_users_log_is_asked_for_by_the_opaque_id(front: Front, audit: Audit) -> None:
    answer = await read(front)
    assert (answer.status, answer.json) == (200, [ENTRY | {"user_id": "auth0|ada"}])
    assert Log(**answer.json[0]).user_id == "auth0|ada"
    assert audit.asked == [LogsOf(tenant="acme", person="p1", start=0, limit=50)]
    assert (await read(front, user="auth0%7Cbob", scope="read:logs_users")).json[0]["user_id"] == "auth0|bob"
    assert audit.asked[1].person == "p2"


async def test_pages_are_the_newest_first_bare_or_counted(front: Front, audit: Audit) -> None:
    counted = (await read(front, "page=2&per_page=3&include_totals=true&sort=date:1")).json
    assert {name: value for name, value in counted.items() if name != "logs"} == {
        "start": 6,
        "limit": 3,
        "length": 1,
        "total": 7,
    }
    assert UserListLogOffsetPaginatedResponseContent(**counted).logs
    asked = LogsOf(tenant="acme", person="p1", start=6, limit=3, is_newest_first=False, counts=True)
    assert audit.asked == [asked]
    await read(front, "page=19&sort=date:-1")
    assert audit.asked[1] == replace(asked, start=950, limit=50, is_newest_first=True, counts=False)


@pytest.mark.security("AD-06")
async def test_what_is_asked_wrongly_is_refused(front: Front, audit: Audit) -> None:
    for query in ("page=20", "page=1000000", "page=10&per_page=100"):
        refused = await read(front, query)
        assert (refused.status, refused.json["errorCode"]) == (400, "invalid_query_string"), query
        assert "first 1000" in refused.json["message"]
    for query in ("sort=type:1", "sort=date", "sort=", "per_page=101", "take=5", "from=1", "q=type:s", "page=-1"):
        refused = await read(front, query)
        assert (refused.status, refused.json["errorCode"]) == (400, "invalid_query_string"), query
    assert audit.asked == []


@pytest.mark.security("AD-01", "AD-02")
async def test_a_user_who_is_not_here_has_no_log(front: Front, audit: Audit) -> None:
    del front.people.known["p1"]
    for nobody in ("auth0%7Cada", "p2", "nobody", "auth0%7Cad", "%25"):
        refused = await read(front, user=nobody)
        assert (refused.status, refused.json["errorCode"]) == (404, "inexistent_user"), nobody
    assert (await read(front, user="auth0%7Cbob", scope="read:users")).status == 403
    assert audit.asked == []


async def test_without_audit_it_is_told_to_come_back(front: Front, audit: Audit) -> None:
    audit.is_away = True
    answer = await read(front)
    assert (answer.status, answer.header("retry-after")) == (503, "1")
