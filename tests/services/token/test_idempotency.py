"""A POST with an `Idempotency-Key` is done once, whatever becomes of its answer."""

import asyncio
from typing import Any

import pytest

from libs.edge import AnsweredRequests
from libs.sealed import RootKey, derive
from libs.sealed.aead import Tampered
from tests.services.token.office import Office, credential, token_of

KEY = "7f3c-once"
CLIENT = {"name": "Once"}


async def clients(office: Office) -> int:
    return int((await office.ask("GET", "clients", query="include_totals=true")).body["total"])


async def test_a_request_sent_again_is_done_once_and_answered_the_same(office: Office) -> None:
    first = await office.ask("POST", "clients", CLIENT, named=KEY)
    again = await office.ask("POST", "clients", CLIENT, named=KEY)
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert "client_secret" in again.body
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert await clients(office) == 1


async def test_a_key_does_not_name_another_request(office: Office) -> None:
    await office.ask("POST", "clients", CLIENT, named=KEY)
    other = await office.ask("POST", "clients", {"name": "Other"}, named=KEY)
    assert (other.status, other.body["errorCode"]) == (422, "idempotency_key_reused")
    assert await clients(office) == 1


async def test_callers_tenants_and_routes_do_not_share_keys(office: Office) -> None:
    await office.ask("POST", "clients", CLIENT, named=KEY)
    elsewhere = await office.ask("POST", "clients", {"name": "B"}, named=KEY, tenant="other")
    api = await office.ask("POST", "resource-servers", {"identifier": "urn:once"}, named=KEY)
    assert (elsewhere.status, api.status) == (201, 201)
    another = token_of("acme", sub="another@clients", azp="another")
    theirs = await office.ask("POST", "clients", CLIENT, named=KEY, token=another)
    assert (theirs.status, theirs.headers.get("idempotent-replayed")) == (201, None)
    assert await clients(office) == 2


async def test_a_refusal_is_judged_again(office: Office) -> None:
    grant = {"audience": "urn:later", "scope": []}
    client = (await office.ask("POST", "clients", CLIENT)).body["client_id"]
    refused = await office.ask("POST", "client-grants", {"client_id": client, **grant}, named=KEY)
    await office.ask("POST", "resource-servers", {"identifier": "urn:later"})
    done = await office.ask("POST", "client-grants", {"client_id": client, **grant}, named=KEY)
    assert (refused.status, done.status) == (404, 201)


async def test_twenty_at_once_are_one(office: Office) -> None:
    await office.ask("POST", "resource-servers", {"identifier": "urn:once"})
    client = (await office.ask("POST", "clients", CLIENT)).body["client_id"]
    grant = {"client_id": client, "audience": "urn:once", "scope": []}
    asked = (office.ask("POST", "client-grants", grant, named=KEY) for _ in range(20))
    answers = await asyncio.gather(*asked)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1


async def every_post(office: Office) -> list[tuple[str, Any]]:
    await office.ask("POST", "resource-servers", {"identifier": "urn:each"})
    client = (await office.ask("POST", "clients", CLIENT)).body["client_id"]
    return [
        ("clients", {"name": "Each"}),
        ("resource-servers", {"identifier": "urn:other"}),
        ("client-grants", {"client_id": client, "audience": "urn:each", "scope": []}),
        (f"clients/{client}/rotate-secret", None),
        (f"clients/{client}/credentials", credential()),
    ]


async def test_every_post_remembers(office: Office) -> None:
    posts = await every_post(office)
    for path, body in posts:
        first = await office.ask("POST", path, body, named=KEY)
        again = await office.ask("POST", path, body, named=KEY)
        assert first.status in {200, 201}
        assert (again.body, again.headers.get("idempotent-replayed")) == (first.body, "true"), path
    assert len(posts) == sum(route.method == "POST" for route in office.table)


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "a\x7f"])
async def test_a_malformed_key_is_refused_and_nothing_is_done(office: Office, key: str) -> None:
    answer = await office.ask("POST", "clients", CLIENT, named=key)
    assert (answer.status, answer.body["errorCode"]) == (400, "invalid_headers")
    assert await clients(office) == 0


@pytest.mark.security("AD-10")
async def test_kept_answers_are_encrypted_for_their_place(office: Office) -> None:
    secret = (await office.ask("POST", "clients", CLIENT, named=KEY)).body["client_secret"]
    async with office.database.connection() as rows:
        (row,) = await rows.fetch("SELECT tenant, key, answer FROM answered_requests")
        assert secret.encode() not in row["answer"]
        assert KEY.encode() not in row["key"]
        # Moved to another tenant, an answer can be opened by nobody.
        await rows.execute("UPDATE answered_requests SET tenant = 'other'")
    with pytest.raises(Tampered):
        await moved(office, row["key"])


async def moved(office: Office, key: bytes) -> None:
    async with office.database.connection() as rows:
        row = await rows.fetchrow("SELECT key_id, answer FROM answered_requests WHERE key = $1", key)
    assert row is not None
    office.desk.answered._opened("other", key, row["key_id"], row["answer"])


async def test_what_is_older_than_a_day_is_as_if_it_had_never_been(office: Office) -> None:
    first = await office.ask("POST", "clients", CLIENT, named=KEY)
    async with office.database.connection() as rows:
        await rows.execute("UPDATE answered_requests SET expires_at = clock_timestamp()")
    second = await office.ask("POST", "clients", CLIENT, named=KEY)
    assert second.body["client_id"] != first.body["client_id"]
    for key in ("second", "third"):
        await office.ask("POST", "clients", CLIENT, named=key)
    async with office.database.connection() as rows:
        assert await rows.fetchval("SELECT count(*) FROM answered_requests") == 3
        await rows.execute("UPDATE answered_requests SET expires_at = clock_timestamp()")
    await office.desk.answered.forget(most=1)
    async with office.database.connection() as rows:
        assert await rows.fetchval("SELECT count(*) FROM answered_requests") == 0


async def test_an_older_key_opens_and_a_lost_one_does_not_do_it_again(office: Office) -> None:
    await office.ask("POST", "clients", CLIENT, named=KEY)
    new = derive(RootKey("newer", bytes(32)), "idempotency")
    held = office.desk.answered._current
    for keys, status in (([new, held], 201), ([new], 422)):
        office.edge._answered = AnsweredRequests(office.database, keys)
        again = await office.ask("POST", "clients", CLIENT, named=KEY)
        assert again.status == status
    assert await clients(office) == 1
