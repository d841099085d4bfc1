import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.sealed import (
    KeyEncryptionKey,
    Keyring,
    MalformedKeyring,
    Tampered,
    UnknownKeyEncryptionKey,
    associated_data,
    keyring_from_text,
    keyring_text,
)
from libs.sealed.aead import kek_id_of

AAD = associated_data(tenant="default", kid="k")
OLD = KeyEncryptionKey("old", bytes(range(32)))
NEW = KeyEncryptionKey("new", bytes(range(32, 64)))


def test_the_first_key_wraps_and_any_unwraps() -> None:
    before, after = Keyring([OLD]), Keyring([NEW, OLD])
    blob = before.wrap(b"secret", aad=AAD)
    assert after.unwrap(blob, aad=AAD) == b"secret"
    assert kek_id_of(after.wrap(b"secret", aad=AAD)) == "new"
    assert after.ids == ("new", "old")


def test_a_missing_key_is_named_in_a_sentence() -> None:
    blob = Keyring([OLD]).wrap(b"secret", aad=AAD)
    with pytest.raises(UnknownKeyEncryptionKey, match=r"'old', which is not loaded \(loaded: new\)"):
        Keyring([NEW]).unwrap(blob, aad=AAD)


def test_another_key_under_the_same_id_is_noticed() -> None:
    blob = Keyring([OLD]).wrap(b"secret", aad=AAD)
    with pytest.raises(Tampered):
        Keyring([KeyEncryptionKey("old", NEW.key)]).unwrap(blob, aad=AAD)
    with pytest.raises(Tampered):
        Keyring([OLD]).unwrap(blob, aad=b"")


def test_a_keyring_reads_what_it_writes() -> None:
    ring = keyring_from_text(f" {keyring_text([NEW])} ,\n{keyring_text([OLD])}\n")
    assert ring.ids == ("new", "old")
    assert ring.unwrap(Keyring([OLD]).wrap(b"s", aad=AAD), aad=AAD) == b"s"
    padded = "old:" + base64.urlsafe_b64encode(OLD.key).decode()
    assert keyring_from_text(padded).unwrap(Keyring([OLD]).wrap(b"s", aad=AAD), aad=AAD) == b"s"


@pytest.mark.security("KY-06")
@pytest.mark.parametrize(
    "text",
    [
        *("", " , ", "old", "old:", ":" + "A" * 43, "old:" + "A" * 42, "old:" + "A" * 44, "old:" + "*" * 43),
        *("o d:" + "A" * 43, "é:" + "A" * 43, "a" * 65 + ":" + "A" * 43, "old:" + "é" * 43),
        "old:" + "A" * 43 + ",old:" + "B" * 42 + "A",
    ],
)
def test_a_malformed_keyring_is_refused_in_a_sentence_without_the_key(text: str) -> None:
    with pytest.raises(MalformedKeyring) as refused:
        keyring_from_text(text)
    assert "AAAA" not in str(refused.value)
    assert refused.value.__cause__ is None


@given(st.text() | st.text("ab:,=A-_\n"))
def test_any_other_text_is_refused_with_the_declared_error(text: str) -> None:
    with pytest.raises(MalformedKeyring):
        keyring_from_text(text)


@pytest.mark.security("KY-06")
def test_the_repr_of_a_key_hides_it() -> None:
    assert repr(OLD) == "KeyEncryptionKey(id='old')"
    assert "x01" not in repr(Keyring([OLD]))
