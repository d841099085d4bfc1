"""Whoever is erased is in no row of any service and in no event of any stream: all are read (DESIGN §8)."""

import json
from typing import Final

from libs.bus import Bus, Reader, Streams
from libs.eventstore.names import logs_of, stream_of
from services.cli.stack import STORES
from tests.adversity.record import on_bus, rows
from tests.mailbox import mail, mails
from tests.relying_party import account
from tests.security.conftest import MakeJourney
from tests.stack import Stack, until

TABLES: Final = """
SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname = ANY ($1) AND tablename <> 'migrations'
"""
NAME: Final = "Augusta Byron-King"
EMAIL: Final = "augusta.byron.king@example.com"
STREAMS: Final = [stream_of(service, log) for service in STORES for log in logs_of(service)]


def traces_in_rows(stack: Stack, *said: str) -> set[str]:
    """Tables in which one of the words stands, also as bytes."""
    wanted = [*said, *(each.encode().hex() for each in said)]
    holds = "EXISTS (SELECT FROM unnest($1::text[]) AS word WHERE strpos(lower(t::text), lower(word)) > 0)"
    tables = [row["name"] for row in rows(stack, TABLES, list(STORES))]
    return {name for name in tables if rows(stack, f"SELECT 1 FROM {name} t WHERE {holds} LIMIT 1", wanted)}


def traces_in_streams(stack: Stack, *said: str) -> set[str]:
    """Streams in which one of the words stands."""

    async def read(bus: Bus) -> set[str]:
        return {stream for stream in STREAMS if any(await _in_stream(bus, stream, said))}

    return on_bus(stack, read)


async def _in_stream(bus: Bus, stream: str, said: tuple[str, ...]) -> list[str]:
    state = await Streams(bus).state(stream)
    if state is None or not state.messages:
        return []
    found, reached = [], state.first - 1
    async with Reader(bus, stream, start=state.first) as reader:
        while reached < state.last:
            batch = await reader.fetch(1000, wait=5)
            assert batch, (stream, reached, state)
            texts = [each.payload.decode() + json.dumps(dict(each.headers)) for each in batch]
            found += [word for word in said for text in texts if word.lower() in text.lower()]
            reached = batch[-1].sequence
    return found


def test_whoever_is_erased_is_nowhere(stack: Stack, begin: MakeJourney) -> None:
    person = account(stack, email=EMAIL, name=NAME)
    bare = person.user_id.partition("|")[2]
    said = (EMAIL, NAME, bare)
    go = begin(person=person)
    go.tokens(scope="openid profile email")
    body = {"connection": "Username-Password-Authentication", "email": EMAIL, "client_id": go.client_id}
    assert stack.request("POST", "/dbconnections/change_password", json=body).status == 200
    mail(stack, EMAIL, "reset_email")
    assert "login.people" in traces_in_rows(stack, *said)

    assert stack.management("DELETE", f"users/{person.user_id.replace('|', '%7C')}").status == 204

    until(lambda: not mails(stack, EMAIL), 10)
    until(lambda: not traces_in_rows(stack, *said), 10, lambda: str(traces_in_rows(stack, *said)))
    assert traces_in_streams(stack, *said) == set()
    assert not go.is_known()
