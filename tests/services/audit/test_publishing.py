"""The table of what is public is complete, and what it publishes names nobody and tells no secret."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from services.audit.events.kinds import PublicEvent
from services.audit.events.public import PUBLIC, name_of
from services.audit.rules.publishing import PUBLISHED, UNKNOWN, entity_of
from services.audit.rules.said import Private
from services.audit.sinks.feed import SOURCES
from services.cli.docs.published import becomes
from services.token.events import ClientSecretIssued, TokenRefused
from tests.compatibility.published import Told, read, recorded, told
from tests.compatibility.record import CATALOGUES, FOLDER

RECORDED: Final = recorded()


def listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


WORDS: Final = listed("""
    access acr active added alg amr annotated app at audience auth authentication authorization blocked branding by
    changed client connection consent created credential deleted delivered delivery disabled domain email enabled
    ended erased error everywhere expired expires failed first from given grant id identifier is issued jti key kid
    kind locked login logout mail name offline opened party password person previous prompts protection published
    reason refused registered removed renewed requested reset resource revoked rotated scheduled scheme scope secret
    sent server session settings signing signup silent started strategy sub succeeded system tenant throttled time
    token type unblocked undelivered unlocked user verification verified
""")
"""Every word of a public name, read letter by letter by whoever adds one: a name is for ever, and so is its mistake."""

SECRETS: Final = listed("""
    assertion code cookie hash jwk password pem private proof salt secret token verifier
""")
"""What no field is called at its end: an id or a time of a secret may be told."""

PERSONAL: Final = listed("""
    address agent birthdate city country email family gender given host ip latitude locale longitude login nickname
    phone picture profile street surname timezone user username zip
""")
"""What no word of a field is; `person` is the opaque id of one."""

MARKS: Final = {
    "address": "203.0.113.7",
    "user_agent": "Marked/1.0",
    "host": "marked.example",
    "client_name": "Marked",
    "error_description": "Marked words.",
}
"""Put into an event where the tenant's log has something that subscribers have not."""


def words(name: str) -> list[str]:
    return re.split("[._]", name)


def marked(file: Path) -> Told | None:
    """A recorded event of which something is kept back, with marks where that is."""
    envelope, event = read(file)
    names = MARKS.keys() & set(event.__struct_fields__)
    return told(envelope, replace(event, **{name: MARKS[name] for name in names})) if names else None


KEPT_BACK: Final = [file for file in RECORDED if marked(file) is not None]


def test_every_event_is_in_the_table_and_nothing_else_is() -> None:
    assert PUBLISHED.keys() == {event for catalogue in CATALOGUES for _, event in catalogue}


def test_what_is_private_says_why() -> None:
    assert [event for event, says in PUBLISHED.items() if isinstance(says, Private) and len(says.why) < 10] == []


def test_every_service_of_which_something_is_public_is_heard() -> None:
    public = {each.service for each in CATALOGUES if any(isinstance(becomes(event), list) for _, event in each)}
    assert public == {each.service for each in SOURCES}


def test_every_public_event_is_made_of_something() -> None:
    made: list[list[type[PublicEvent]]] = [each for each in map(becomes, PUBLISHED) if isinstance(each, list)]
    assert all(made), "a public row of the table makes something"
    assert {event for each in made for event in each} == set(PUBLIC)


@pytest.mark.parametrize("event", PUBLIC, ids=name_of)
def test_a_public_name_is_in_snake_case_and_well_spelt(event: type[PublicEvent]) -> None:
    for name in (*name_of(event).split("."), *event.__struct_fields__):
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name), name
        assert [word for word in words(name) if word not in WORDS] == [], name


@pytest.mark.parametrize("event", PUBLIC, ids=name_of)
def test_a_public_event_says_what_happened_and_to_whom(event: type[PublicEvent]) -> None:
    assert (event.__doc__ or "").endswith(".")
    assert event.key in event.__struct_fields__


@pytest.mark.parametrize("event", PUBLIC, ids=name_of)
def test_a_public_event_has_no_field_for_a_secret_or_for_a_person(event: type[PublicEvent]) -> None:
    for name in event.__struct_fields__:
        assert words(name)[-1] not in SECRETS, name
        assert PERSONAL.isdisjoint(words(name)), name


@pytest.mark.parametrize("file", KEPT_BACK, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_what_the_tenants_log_says_besides_is_not_published(file: Path) -> None:
    found = marked(file)
    assert found is not None
    assert found.public.private is not None
    kept, (_, event) = json.loads(found.public.private), read(file)
    said = {"address", "user_agent", "host", "client_name"} & set(event.__struct_fields__)
    assert {MARKS[name] for name in said} <= set(kept.values())
    text = f"{found.message.subject} {dict(found.message.headers)} {found.message.payload.decode()}"
    assert [mark for mark in MARKS.values() if mark in text] == []
    assert MARKS.keys().isdisjoint(json.loads(found.message.payload))


def test_what_is_kept_back_is_so_in_every_version() -> None:
    versions = {file.parent.name for file in RECORDED}
    found = {(file.parent.name, file.stem) for file in KEPT_BACK}
    assert {(each, f"token.token_{end}") for each in versions for end in ("issued", "refused")} <= found


def test_what_a_stranger_claims_to_be_is_in_no_message() -> None:
    envelope, event = read(FOLDER / "0.2.0" / "token.token_refused.json")
    assert isinstance(event, TokenRefused)
    for claim in ("ada@example.com", "*", "a.b.>", "../..", 'x"y'):
        found = told(envelope, replace(event, client_id=claim, client_name=None, audience=claim))
        assert found is not None
        assert found.message.subject == f"auth.v1.default.client.{UNKNOWN}.authentication_failed"
        assert json.dumps(claim).encode() not in found.message.payload
        assert json.loads(found.message.payload)["client_id"] is None


@pytest.mark.parametrize("key", ["a", "A-z_09", "x" * 64])
def test_an_id_that_may_be_a_token_of_a_subject_is_one(key: str) -> None:
    assert entity_of(key) == key


@pytest.mark.parametrize("key", ["", "a.b", "a b", "*", ">", "x" * 65, "é", "a\n"])
def test_any_other_id_is_hashed(key: str) -> None:
    assert re.fullmatch("x-[0-9a-f]{32}", entity_of(key))
    assert entity_of(key) == entity_of(key)
    assert entity_of(key) != entity_of(f"{key}x")


def test_nobody_is_unknown() -> None:
    assert entity_of(None) == UNKNOWN


def test_the_first_secret_is_issued_and_every_other_is_rotated() -> None:
    envelope, event = read(FOLDER / "0.2.0" / "token.client_secret_issued.json")
    assert isinstance(event, ClientSecretIssued)
    named: list[str] = []
    for version in (2, 3, 9):
        found = told(replace(envelope, version=version), event)
        assert found is not None
        named.append(found.public.type)
    assert named == ["client.secret_issued", "client.secret_rotated", "client.secret_rotated"]


def test_an_event_in_the_feed_keeps_its_id_and_its_time() -> None:
    for file in RECORDED:
        envelope, event = read(file)
        found = told(replace(envelope, at=envelope.at + timedelta(days=1)), event)
        if found is not None:
            assert found.message.headers["ce-id"] == str(envelope.id)
            assert found.structured["time"] == envelope.occurred_at.isoformat().replace("+00:00", "Z")


def test_the_key_tells_which_one_it_is_about() -> None:
    for file in RECORDED:
        found = told(*read(file))
        if found is not None:
            (kind,) = (each for each in PUBLIC if name_of(each) == found.public.type)
            data = json.loads(found.public.data)
            assert found.public.entity == entity_of(data[kind.key])
