"""The tenant's log by the Management API: walked, paged, searched, and of one tenant alone."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import auth0.management.types as sdk
import pytest

from libs.bus import Bus
from libs.edge.asks import answer_asks
from services.audit.rules.log_ids import Place, log_id_of
from services.login.commands import UserAnswer, UserOf
from tests.services.audit.journal import Journal

REQUIRED: Final[dict[str, list[str]]] = json.loads(
    (Path(__file__).parents[2] / "data" / "auth0" / "log_members.json").read_text()
)
"""By code, the members that Auth0's log always has."""


def named(*positions: int, epoch: int = 1) -> list[str]:
    return [log_id_of(Place(epoch, pos)) for pos in positions]


async def some(journal: Journal, count: int, *, tenant: str = "acme") -> None:
    for _ in range(count):
        await journal.happened(tenant=tenant)


async def walk(journal: Journal, query: str) -> list[str]:
    """Follow the link of each answer until nothing new comes."""
    seen: list[str] = []
    while ids := (answer := await journal.ask(query)).log_ids:
        seen += ids
        address, _, relation = answer.headers["link"].partition("; ")
        assert relation == 'rel="next"'
        url = urlsplit(address.strip("<>"))
        assert (url.scheme, url.netloc, url.path) == ("https", "acme.example", "/api/v2/logs")
        query = url.query
    return seen


async def test_a_walk_passes_every_entry_once_the_oldest_first(journal: Journal) -> None:
    for _ in range(4):
        await some(journal, 1)
        await some(journal, 1, tenant="other")
        await journal.happened(None, kind="signing_key.published")
    mine = named(1, 4, 7, 10)
    for take in (1, 2, 3, 4, 5):
        assert await walk(journal, f"take={take}") == mine
    assert (await journal.ask(f"from={mine[1]}")).log_ids == mine[2:]
    last = await journal.ask(f"from={mine[-1]}&take=10")
    assert (last.body, mine[-1] in last.headers["link"]) == ([], True)
    await some(journal, 1)
    assert (await journal.ask(f"from={mine[-1]}&take=10&sort=date:1&page=3&include_totals=true")).log_ids == named(13)
    assert "link" not in (await journal.ask("take=5", tenant="other", scope="read:logs_users")).body


async def test_pages_are_the_newest_first_bare_or_counted(journal: Journal) -> None:
    await some(journal, 5)
    await some(journal, 2, tenant="other")
    assert (await journal.ask()).log_ids == named(5, 4, 3, 2, 1)
    assert (await journal.ask("sort=date:-1&per_page=2")).log_ids == named(5, 4)
    assert (await journal.ask("sort=date:1&per_page=2&page=1")).log_ids == named(3, 4)
    counted = (await journal.ask("page=1&per_page=2&include_totals=true")).body
    assert [each["log_id"] for each in counted.pop("logs")] == named(3, 2)
    assert counted == {"start": 2, "limit": 2, "length": 2, "total": 5}
    assert (await journal.ask("page=9")).body == []


async def test_a_search_has_a_thousand_entries_and_a_walk_has_all(journal: Journal) -> None:
    async with journal.database.connection() as rows:
        await rows.execute(
            """INSERT INTO feed SELECT n, 'acme', gen_random_uuid(), 'token.issued', 1, 'e', 'token', '{}', '{}',
               'seccft', 'app', NULL, now() FROM generate_series(1, 1010) AS n"""
        )
        await rows.execute("UPDATE head SET pos = 1010 WHERE log = 'feed'")
    last = (await journal.ask("page=14&per_page=70&include_totals=true")).body
    assert (last["total"], last["length"]) == (1000, 20)
    for query in ("page=10&per_page=100", "page=1000000", "page=20"):
        refused = await journal.ask(query)
        assert refused.error == (400, "invalid_query_string"), query
        assert "from and take" in refused.body["message"]
    assert len(await walk(journal, "take=100")) == 1010


async def test_what_is_wanted_is_found(journal: Journal) -> None:
    await journal.happened("seccft", client_id="a")
    await journal.happened("feccft", client_id="a")
    await journal.happened("sapi", client_id="b")
    await journal.happened("sapi", client_id="a", tenant="other")
    for wanted, positions in {
        "type:seccft": (1,),
        "type:(seccft OR feccft)": (2, 1),
        "type:(seccft OR feccft) AND client_id:a": (2, 1),
        "type:sapi client_id:a": (),
        'client_id:"b"': (3,),
        "client_id:(a OR b OR c)": (3, 2, 1),
        f"log_id:{named(2)[0]}": (2,),
        f"log_id:({named(2)[0]} OR {named(3)[0]} OR {named(4)[0]} OR {named(1, epoch=2)[0]} OR x)": (3, 2),
        "date:[2026-01-01 TO *]": (3, 2, 1),
        "date:[2026-01-01T12:01 TO 2026-01-01T12:02]": (3, 2),
        "date:{2026-01-01T12:00 TO 2026-01-01T12:02}": (2,),
        "date:2026-01-01T12:00:00.000Z": (1,),
        "date:[* TO 2025-12-31]": (),
        "date:[2026-01-02 TO 2026-01-01]": (),
        "date:[0001-01-01 TO 9999-12-30]": (3, 2, 1),
    }.items():
        for parameter in ("q", "search"):
            query = f"{parameter}={quote(wanted)}"
            assert (await journal.ask(query)).log_ids == named(*positions), wanted
            counted = (await journal.ask(f"{query}&include_totals=true")).body
            assert counted["total"] == len(positions), wanted
    assert (await journal.ask(f"q={quote('client_id:a')}&search=type:feccft")).log_ids == named(2)
    assert (await journal.ask(f"q={quote('client_id:a')}&sort=date:1&per_page=1&page=1")).log_ids == named(2)


@pytest.mark.security("AD-02")
async def test_what_concerns_a_user_is_found_by_the_id_that_auth0_has(journal: Journal, bus: Bus) -> None:
    there = {("acme", "auth0|ada"): "p1", ("acme", "auth0|bob"): "p2", ("other", "auth0|eve"): "p3"}

    async def user(asked: UserOf) -> UserAnswer:
        person = there.get((asked.tenant, asked.user_id or ""))
        return UserAnswer(person=person, user_id=asked.user_id if person else None)

    serving = await answer_asks(bus, "login", "user", UserOf, user)
    await journal.happened("s", kind="login.succeeded", data={"person": "p1"})
    await journal.happened("seacft", data={"sub": "p1"})
    await journal.happened("s", kind="login.succeeded", data={"person": "p2"})
    await journal.happened("seccft", data={"sub": "p1"})
    await journal.happened("s", kind="login.succeeded", data={"person": "p3"}, tenant="other")
    for wanted, positions in {
        'user_id:"auth0|ada"': (2, 1),
        "user_id:auth0|ada AND type:s": (1,),
        'user_id:("auth0|ada" OR "auth0|bob" OR "auth0|eve")': (3, 2, 1),
        "user_id:(auth0|ada OR auth0|bob) date:2026-01-01T12:02": (3,),
        "user_id:auth0|eve": (),
        "user_id:p1": (),
    }.items():
        assert (await journal.ask(f"q={quote(wanted)}")).log_ids == named(*positions), wanted
    counted = (await journal.ask(f"q={quote('user_id:auth0|ada')}&include_totals=true")).body
    assert counted["total"] == 2
    await serving.drain(within=5)
    # Whom is meant is not known while `login` is away; that nothing happened would be a lie.
    assert (await journal.ask(f"q={quote('user_id:auth0|ada')}")).status == 503


async def test_a_moment_is_found_among_many_also_when_the_clock_was_set_back(journal: Journal) -> None:
    async with journal.database.connection() as rows:
        await rows.execute(
            """INSERT INTO feed SELECT n, 'acme', gen_random_uuid(), 'token.issued', 1, 'e', 'token', '{}', '{}',
               'seccft', 'app', NULL,
               '2026-01-01T00:00Z'::timestamptz + n * interval '1 second' - n / 300 * interval '2 minutes'
               FROM generate_series(1, 900) AS n"""
        )
        await rows.execute("UPDATE head SET pos = 900 WHERE log = 'feed'")
        came = await rows.fetch("SELECT pos, at FROM feed")
    for since, until in (
        ("00:00:10", "00:00:20"),
        ("00:02:59", "00:03:01"),
        ("00:04:50", "00:05:10"),
        ("00:00", "00:30"),
    ):
        wanted = quote(f"date:[2026-01-01T{since} TO 2026-01-01T{until}}}")
        expected = {pos for pos, at in came if since <= f"{at:%H:%M:%S}" < until}
        found = (await journal.ask(f"q={wanted}&include_totals=true&per_page=100")).body
        assert found["total"] == len(expected), (since, until)
        assert {int(each["log_id"][-19:]) for each in found["logs"]} <= expected


@pytest.mark.security("AD-06")
async def test_what_cannot_be_searched_is_refused_and_says_what_can(journal: Journal) -> None:
    await some(journal, 1)
    for wanted in (
        "seccft",
        "ip:192.0.2.1",
        "type:s*",
        "*:*",
        "NOT type:a",
        "' OR 1=1 --",
        "type:a OR tenant:other",
        "a" * 600,
    ):
        refused = await journal.ask(f"q={quote(wanted)}")
        assert refused.error == (400, "invalid_query_string"), wanted
        assert "type, client_id, log_id, user_id or date" in refused.body["message"]
    for hostile in ("' OR '1'='1", "%", "_", "'; DROP TABLE feed; --", "$1", "\\", "\ud7ff", "*"):
        value = quote('"{}"'.format(hostile.replace("\\", "\\\\")))
        for field in ("client_id", "type", "log_id"):
            assert (await journal.ask(f"q={field}:{value}")).body == [], (field, hostile)
    for query in ("sort=type:1", "sort=date:2", "sort=date", "per_page=101", "take=101", "take=0", "where=1"):
        assert (await journal.ask(query)).error == (400, "invalid_query_string"), query


async def test_a_walk_is_not_searched_and_does_not_go_backwards(journal: Journal) -> None:
    await some(journal, 2)
    for query in ("take=5&q=type:sapi", "take=5&search=type:sapi", "take=5&q=no search at all"):
        assert (await journal.ask(query)).log_ids == named(1, 2), "as in Auth0, which ignores it"
    assert (await journal.ask(f"from={named(1)[0]}&q=type:sapi")).log_ids == named(2)
    assert (await journal.ask("take=5&sort=date:-1")).error == (400, "invalid_query_string")


@pytest.mark.security("AD-02")
async def test_another_tenants_entry_does_not_exist(journal: Journal) -> None:
    await some(journal, 1)
    await some(journal, 1, tenant="other")
    await journal.happened(None)
    assert (await journal.ask(path=f"/{named(1)[0]}")).body["tenant_name"] == "acme"
    for nobodys in (*named(2, 3, 4), *named(1, epoch=2), *named(0), "0" * 29, "9" * 29, "1", "x"):
        refused = await journal.ask(path=f"/{nobodys}")
        assert refused.error == (404, "inexistent_log"), nobodys
    assert (await journal.ask(path=f"/{named(1)[0]}", tenant="other")).error == (404, "inexistent_log")
    assert (await journal.ask(f"q=log_id:{named(1)[0]}", tenant="other")).body == []


@pytest.mark.security("AD-06")
async def test_a_walk_begins_behind_an_entry_of_its_tenant_alone(journal: Journal) -> None:
    await some(journal, 2)
    await some(journal, 1, tenant="other")
    await journal.happened(None)
    for forged in (*named(3, 4, 5), *named(1, epoch=2), *named(1, epoch=0), "9" * 29, "0" * 29, named(1)[0][:-1], "x"):
        refused = await journal.ask(f"from={forged}&take=1")
        assert refused.error == (400, "invalid_query_string"), forged


async def test_an_entry_has_auth0s_members(journal: Journal) -> None:
    seen = {"address": "192.0.2.9", "user_agent": "Phone Mobile", "host": "id.example", "client_name": "App"}
    meta = {"actor": {"kind": "client", "id": "admin"}, "request_id": "r", "occurred_at": "2026-01-01T11:59:59.5Z"}
    issued = {"audience": "urn:api", "scope": "read write", "jti": "j"}
    await journal.happened("seccft", data=issued, meta=meta, private=seen)
    refused = {**seen, "description": "Unauthorized", "audience": None}
    await journal.happened("feccft", kind="client.authentication_failed", client_id=None, private=refused)
    await journal.happened("sapi", kind="client_grant.created", data={"scope": ["read"]}, meta=meta)
    operation, failure, success = (await journal.ask()).body
    for each in (operation, failure, success):
        assert set(REQUIRED[each["type"]]) <= set(each), each["type"]
        assert (await journal.ask(path=f"/{each['log_id']}")).body == each
        read = sdk.Log.model_validate(each).model_dump(exclude_unset=True, by_alias=True)
        assert set(read) <= set(each)
    assert success["date"] == "2026-01-01T11:59:59.500Z"
    assert (success["audience"], success["scope"], success["isMobile"]) == ("urn:api", "read write", True)
    assert (success["ip"], success["hostname"], success["client_name"]) == ("192.0.2.9", "id.example", "App")
    assert (failure["description"], failure["audience"], "client_id" in failure) == ("Unauthorized", "", False)
    assert failure["date"] == "2026-01-01T12:01:00.000Z"
    assert (operation["description"], "scope" in operation, operation["ip"]) == ("Create client grant", False, "")
    assert operation["details"]["actor"] == {"kind": "client", "id": "admin"}
    assert (await journal.ask("fields=log_id,type&per_page=1")).body == [{"log_id": named(3)[0], "type": "sapi"}]
    others: Any = (await journal.ask("fields=details&include_fields=false&take=1")).body[0]
    assert set(others) == set(success) - {"details"}


async def test_an_entry_keeps_its_name_and_a_walk_its_place_when_the_feed_went_back(journal: Journal) -> None:
    await some(journal, 6)
    await journal.restored(2, after=4)
    await some(journal, 3)
    now = [*named(1, 2, 3, 4), *named(5, 6, 7, epoch=2)]
    assert await walk(journal, "take=2") == now
    for behind in named(5, 6):
        assert (await journal.ask(f"from={behind}")).log_ids == now[4:]
        assert (await journal.ask(path=f"/{behind}")).error == (404, "inexistent_log")
        assert (await journal.ask(f"q=log_id:{behind}")).body == []
    assert (await journal.ask(f"from={named(3)[0]}")).log_ids == now[3:]
    assert (await journal.ask(path=f"/{now[5]}")).body["log_id"] == now[5]


async def test_many_may_read_at_once(journal: Journal) -> None:
    await some(journal, 3)
    answers = await asyncio.gather(*(journal.ask("include_totals=true") for _ in range(20)))
    assert {each.body["total"] for each in answers} == {3}
