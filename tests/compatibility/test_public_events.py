"""What subscribers were ever told they are still told: every recorded event is published, with the fields it had."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import msgspec
import pytest

from services.audit.events.public import PUBLIC
from services.cli.docs import schemas
from services.cli.docs.published import becomes, headers, type_of
from tests.compatibility.published import Told, read, recorded, told
from tests.compatibility.record import PUBLIC_FOLDER

RECORDED: Final = recorded()
TOLD: Final = sorted(PUBLIC_FOLDER.glob("*/*.json"))
CLASSES: Final = {type_of(each): each for each in PUBLIC}


def name(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


def now_told(file: Path) -> Told | None:
    return told(*read(file))


def kinds(value: Any) -> Any:
    """What a JSON value is made of; null is whatever else may be there."""
    if isinstance(value, dict):
        return {key: kinds(each) for key, each in value.items()}
    return None if value is None else type(value)


def holds(now: dict[str, Any], then: dict[str, Any]) -> bool:
    """Whether everything that was there is there, and of the same kind."""
    return all(
        key in now and (None in (kinds(now[key]), kinds(value)) or type(now[key]) is type(value))
        for key, value in then.items()
    )


@pytest.mark.parametrize("file", RECORDED, ids=name)
def test_a_recorded_event_is_published_as_the_catalogue_says(file: Path) -> None:
    found, becoming = now_told(file), becomes(type(read(file)[1]))
    if found is None:
        assert not isinstance(becoming, list)
    else:
        assert isinstance(becoming, list)
        assert f"auth.v1.{found.public.type}" in map(type_of, becoming)


@pytest.mark.parametrize("file", RECORDED, ids=name)
def test_a_recorded_event_is_published_with_the_fields_subscribers_were_told(file: Path) -> None:
    found = now_told(file)
    if found is None:
        return
    then = PUBLIC_FOLDER / file.parent.name / f"auth.v1.{found.public.type}.json"
    if not then.exists():
        assert file.parent.name in {"0.1.0", "0.2.0"}, "the versions that published nothing"
        return
    before = json.loads(then.read_text())
    assert holds(found.structured["data"], before["data"])
    assert before.keys() - found.structured.keys() <= {"actor", "traceparent", "requestid"}, "who and why vary"


@pytest.mark.parametrize("file", TOLD, ids=name)
def test_what_subscribers_were_told_is_still_an_event_of_the_catalogue(file: Path) -> None:
    event = json.loads(file.read_text())
    assert event["type"] == file.stem
    again = msgspec.to_builtins(msgspec.convert(event["data"], CLASSES[file.stem]))
    assert event["data"].items() <= again.items(), "no field is lost or changed, and a new one may be absent"


@pytest.mark.parametrize("file", TOLD, ids=name)
def test_what_subscribers_were_told_is_what_the_schemas_describe(file: Path) -> None:
    event = json.loads(file.read_text())
    data = event.pop("data")
    around = {attribute if attribute == "traceparent" else f"ce-{attribute}": said for attribute, said in event.items()}
    schema = schemas.schema(CLASSES[file.stem])
    assert [each.message for each in validator(schema).iter_errors(data)] == []
    around["content-type"] = "application/json"  # which stands nowhere in an event of one JSON object
    assert [each.message for each in validator(headers()).iter_errors(around)] == []
    assert data.keys() <= schema["properties"].keys()
    assert around.keys() <= headers()["properties"].keys()


def validator(schema: Any) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def test_every_public_event_of_this_version_is_recorded() -> None:
    folder = PUBLIC_FOLDER / metadata.version("limen")
    assert {file.stem for file in folder.glob("*.json")} == CLASSES.keys()


def test_a_field_that_is_gone_or_of_another_kind_is_noticed() -> None:
    assert holds({"a": 1, "b": None, "c": ["x"]}, {"a": 2, "b": "x"})
    assert not holds({"a": 1}, {"a": 1, "b": None})
    assert not holds({"a": "1"}, {"a": 1})
