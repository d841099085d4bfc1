import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.sealed import hash_of_secret, is_secret_of

SECRET = "s" * 64
HASH = hashlib.sha256(SECRET.encode()).digest()


def test_a_secret_is_stored_as_its_sha256() -> None:
    assert hash_of_secret(SECRET) == HASH


@pytest.mark.security("TE-12")
def test_each_of_several_secrets_fits_in_any_order() -> None:
    other = hash_of_secret("o" * 64)
    assert is_secret_of(SECRET, [HASH, other])
    assert is_secret_of(SECRET, [other, HASH])
    assert is_secret_of(SECRET, iter([HASH]))
    assert not is_secret_of(SECRET, [other])


@pytest.mark.security("TE-04")
def test_nothing_fits_a_client_without_secrets() -> None:
    assert not is_secret_of(SECRET, [])
    assert not is_secret_of("", [])
    assert not is_secret_of("", [b""])


@given(st.text(), st.lists(st.binary(max_size=40), max_size=3))
def test_any_text_gets_an_answer(secret: str, hashes: list[bytes]) -> None:
    assert is_secret_of(secret, hashes) is (hash_of_secret(secret) in hashes)
    assert is_secret_of(secret + "\ud800", [hash_of_secret(secret)]) is False
