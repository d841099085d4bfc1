import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from libs.sealed import LABELS, RootKey, UnregisteredLabel, associated_data, derive

ROOT = RootKey("r1", bytes(range(32)))
RFC = Path(__file__).parents[2] / "data" / "rfc"


def test_each_label_context_and_root_has_its_own_key() -> None:
    other = RootKey("r2", bytes(range(1, 33)))
    keys = [
        derive(root, label, **context).key
        for root in (ROOT, other)
        for label in LABELS
        for context in ({}, {"tenant": "a"}, {"tenant": "b"}, {"person": "a"})
    ]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}


def test_a_derived_key_is_the_same_each_time_and_for_ever() -> None:
    again = derive(ROOT, "refresh", tenant="default").key
    assert again == derive(ROOT, "refresh", tenant="default").key
    assert again.hex() == "b4c23a4a447c06ffbf079b983f5b154a2af99dcdc9e3bd4994b77aa1f8a6a4df"


def test_every_output_names_its_root_and_label() -> None:
    key = derive(ROOT, "cursor")
    assert (key.key_id, key.label) == ("r1", "cursor")


@pytest.mark.parametrize("label", ["", "Refresh", "refresh ", "session"])
def test_an_unregistered_label_is_refused(label: str) -> None:
    with pytest.raises(UnregisteredLabel, match="register"):
        derive(ROOT, label)


@pytest.mark.security("JO-13")
@pytest.mark.parametrize("key", [b"", bytes(31)])
def test_a_short_root_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="shorter"):
        RootKey("r1", key)


def test_keys_are_hidden_from_repr() -> None:
    assert repr(ROOT) == "RootKey(id='r1')"
    assert repr(derive(ROOT, "csrf")) == "DerivedKey(key_id='r1', label='csrf')"


def test_hkdf_is_that_of_rfc_5869() -> None:
    vector = json.loads((RFC / "5869.json").read_text())
    hkdf = HKDF(algorithm=hashes.SHA256(), length=vector["length"], salt=None, info=b"")
    assert hkdf.derive(bytes.fromhex(vector["ikm"])).hex() == vector["okm"]
    info = associated_data(product="limen", label="csrf")
    ours = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(ROOT.key)
    assert derive(ROOT, "csrf").key == ours
