"""Every event any version ever wrote is still read: names on the wire are for ever, fields are only added."""

import json
from importlib import metadata
from pathlib import Path

import msgspec
import pytest

from libs.eventstore.envelope import from_wire, to_wire
from services.token.events import CATALOGUE as TOKEN
from services.token.events import ClientCredentialAdded
from tests.compatibility.published import recorded
from tests.compatibility.record import CATALOGUES, FOLDER

RECORDED = recorded()


def names() -> set[str]:
    return {name for catalogue in CATALOGUES for name, _ in catalogue}


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_recorded_event_is_still_read_in_full(file: Path) -> None:
    envelope = from_wire(file.read_bytes())
    assert envelope.type == file.stem
    catalogue = next(each for each in CATALOGUES if each.knows(envelope.type))
    event = catalogue.decode(envelope.type, bytes(envelope.data))
    recorded = json.loads(bytes(envelope.data))
    assert event is not None
    assert recorded.items() <= msgspec.to_builtins(event).items(), "no recorded field is lost or changed"


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_an_envelope_goes_over_the_wire_and_back(file: Path) -> None:
    envelope = from_wire(file.read_bytes())
    assert json.loads(to_wire(envelope)) == json.loads(to_wire(from_wire(to_wire(envelope))))


def test_a_public_key_that_0_1_0_recorded_counts() -> None:
    envelope = from_wire((FOLDER / "0.1.0" / "token.client_credential_added.json").read_bytes())
    assert "counts" not in json.loads(bytes(envelope.data))
    event = TOKEN.decode(envelope.type, bytes(envelope.data))
    assert isinstance(event, ClientCredentialAdded)
    assert event.counts


def test_every_event_of_this_version_is_recorded() -> None:
    folder = FOLDER / metadata.version("limen")
    assert names() <= {file.stem for file in folder.glob("*.json")}


def test_no_recorded_event_was_renamed_or_removed() -> None:
    assert {file.stem for file in RECORDED} <= names()
