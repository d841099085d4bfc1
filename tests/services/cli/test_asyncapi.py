"""The AsyncAPI document keeps the specification's rules, and describes the messages that subscribers get.

The rules are those of AsyncAPI 3.0.0 for the objects this document has; each test is one of them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest

from libs.bus import Outgoing
from services.cli.docs.asyncapi import document
from tests.compatibility.published import read, recorded, told

DOCUMENT: Final = document()
KEY: Final = re.compile(r"[A-Za-z0-9._-]+")

MEMBERS: Final = {
    "servers": ({"host", "protocol"}, {"description", "variables", "security"}),
    "channels": ({"address", "messages", "parameters"}, {"title", "description", "servers"}),
    "operations": ({"action", "channel", "messages"}, {"summary"}),
    "messages": ({"name", "contentType", "headers", "payload"}, {"title", "summary"}),
    "parameters": (set(), {"description", "enum"}),
    "securitySchemes": ({"type"}, {"description"}),
}
"""Per kind of object what each says, and what it may say besides; the specification has all of these members."""


def resolved(reference: str) -> Any:
    """What a reference of this document leads to."""
    assert reference.startswith("#/")
    found: Any = DOCUMENT
    for part in reference[2:].split("/"):
        found = found[part]
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (each for key, each in value.items() if key == "$ref")
        yield from (found for each in value.values() for found in references(each))
    elif isinstance(value, list):
        yield from (found for each in value for found in references(each))


def objects(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT.get(kind) or DOCUMENT["components"][kind]
    return found


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft7Validator:
    """Of a schema that refers to others of the document."""
    whole = {"allOf": [schema], "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft7Validator(whole, validate_formats=True)


def channel_of(message: Outgoing) -> dict[str, Any]:
    """The one channel whose address a message has."""
    (found,) = (each for each in objects("channels").values() if addressed(each, message.subject))
    assert isinstance(found, dict)
    return found


def addressed(channel: dict[str, Any], subject: str) -> bool:
    pattern = re.sub(r"\\{\w+\\}", "[A-Za-z0-9_-]{1,64}", re.escape(channel["address"]))
    event = subject.rpartition(".")[2]
    return bool(re.fullmatch(pattern, subject)) and event in channel["parameters"]["event"]["enum"]


def test_the_document_says_its_version_and_what_it_is_about() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"].keys() >= {"title", "version"}
    assert re.fullmatch(r"urn:[a-z]+:[a-z]+", DOCUMENT["id"])


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > 50
    for each in found:
        assert isinstance(resolved(each), dict), each


@pytest.mark.parametrize("kind", MEMBERS)
def test_objects_have_the_members_they_must_have_and_no_others(kind: str) -> None:
    needed, allowed = MEMBERS[kind]
    for name, each in objects(kind).items():
        assert KEY.fullmatch(name)
        assert needed <= each.keys() <= needed | allowed, name


def test_every_variable_of_a_server_is_described() -> None:
    for server in objects("servers").values():
        assert set(re.findall(r"\{(\w+)\}", server["host"])) == server["variables"].keys()
        assert all(isinstance(each["default"], str) for each in server["variables"].values())


def test_every_parameter_of_an_address_is_described() -> None:
    for channel in objects("channels").values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == channel["parameters"].keys()


def test_an_operation_is_about_messages_of_its_own_channel() -> None:
    channels = set[str]()
    for operation in objects("operations").values():
        channel = operation["channel"]["$ref"]
        assert operation["action"] == "receive"
        names = [f"{channel}/messages/{name}" for name in resolved(channel)["messages"]]
        assert [each["$ref"] for each in operation["messages"]] == names
        channels.add(channel)
    assert channels == {f"#/channels/{name}" for name in objects("channels")}


def test_every_message_is_of_one_channel_and_has_a_name_of_its_own() -> None:
    used = [each["$ref"] for channel in objects("channels").values() for each in channel["messages"].values()]
    assert sorted(used) == sorted(f"#/components/messages/{name}" for name in objects("messages"))
    assert len({each["name"] for each in objects("messages").values()}) == len(objects("messages"))


def test_every_schema_is_one_and_says_what_it_is_about() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema_rs.meta.validate({"$schema": "http://json-schema.org/draft-07/schema#", **schema})
        assert schema["description"].endswith("."), name
        assert schema.keys().isdisjoint({"additionalProperties"}), "more fields may come"


@pytest.mark.parametrize("file", recorded(), ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_what_subscribers_get_is_what_the_document_describes(file: Path) -> None:
    found = told(*read(file))
    if found is None:
        return
    message = found.message
    (described,) = (
        resolved(each["$ref"])
        for each in channel_of(message)["messages"].values()
        if resolved(each["$ref"])["name"] == message.headers["ce-type"]
    )
    payload = json.loads(message.payload)
    assert [each.message for each in validator(described["headers"]).iter_errors(dict(message.headers))] == []
    assert [each.message for each in validator(described["payload"]).iter_errors(payload)] == []
    assert message.headers.keys() <= DOCUMENT["components"]["schemas"]["Headers"]["properties"].keys()
    assert payload.keys() == resolved(described["payload"]["$ref"])["properties"].keys()


def test_every_header_that_is_described_is_sent() -> None:
    sent = set[str]()
    for file in recorded():
        envelope, event = read(file)
        found = told(envelope, event)
        sent |= found.message.headers.keys() if found else set()
    described = DOCUMENT["components"]["schemas"]["Headers"]["properties"].keys()
    assert described - sent <= {"ce-correlationid"}, "no recorded event belongs to others"


def test_what_is_not_as_described_would_be_noticed() -> None:
    envelope, event = read(next(file for file in recorded() if file.stem == "token.token_issued"))
    found = told(envelope, event)
    assert found is not None
    described = objects("messages")["TokenIssued"]
    headers, payload = dict(found.message.headers), json.loads(found.message.payload)
    assert not validator(described["headers"]).is_valid(headers | {"ce-type": "auth.v1.client.registered"})
    assert not validator(described["headers"]).is_valid(headers | {"ce-time": "yesterday"})
    assert not validator(described["payload"]).is_valid(payload | {"jti": 1})
    assert not validator(described["payload"]).is_valid({})
