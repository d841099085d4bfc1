import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.sealed import Tampered, associated_data
from libs.sealed.aead import decrypt, encrypt, kek_id_of

KEY = bytes(range(32))
AAD = associated_data(tenant="default", kid="k", alg="RS256", use="sig")
BLOB = encrypt(KEY, "first", b"secret", AAD)


@given(plain=st.binary(), aad=st.binary(), kek_id=st.text("abc_-09", min_size=1, max_size=64))
def test_what_is_wrapped_unwraps_for_the_same_purpose(plain: bytes, aad: bytes, kek_id: str) -> None:
    blob = encrypt(KEY, kek_id, plain, aad)
    assert kek_id_of(blob) == kek_id
    assert decrypt(KEY, blob, aad) == plain


def test_the_blob_is_laid_out_as_written() -> None:
    assert BLOB[:7] == b"\x01\x05first"
    assert len(BLOB) == 7 + 12 + len(b"secret") + 16


@pytest.mark.security("KY-06")
def test_the_plain_text_is_not_in_the_blob_and_no_two_blobs_are_alike() -> None:
    assert b"secret" not in BLOB
    assert len({encrypt(KEY, "first", b"secret", AAD) for _ in range(100)}) == 100


@given(place=st.integers(0, len(BLOB) - 1), bit=st.integers(0, 7))
def test_a_changed_bit_anywhere_is_noticed(place: int, bit: int) -> None:
    changed = bytearray(BLOB)
    changed[place] ^= 1 << bit
    with pytest.raises(Tampered):
        decrypt(KEY, bytes(changed), AAD)


@given(st.binary(max_size=100) | st.integers(0, len(BLOB) - 1).map(lambda end: BLOB[:end]))
def test_what_is_no_blob_is_refused_with_the_declared_error(blob: bytes) -> None:
    with pytest.raises(Tampered):
        decrypt(KEY, blob, AAD)


@pytest.mark.parametrize("part", ["tenant", "kid", "alg", "use"])
def test_a_blob_moved_to_another_place_does_not_open(part: str) -> None:
    parts = {"tenant": "default", "kid": "k", "alg": "RS256", "use": "sig"} | {part: "other"}
    with pytest.raises(Tampered):
        decrypt(KEY, BLOB, associated_data(**parts))


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(Tampered):
        decrypt(bytes(32), BLOB, AAD)


PARTS = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3)


@given(PARTS, PARTS)
def test_different_parts_never_look_alike(one: dict[str, str], other: dict[str, str]) -> None:
    is_same = list(one.items()) == list(other.items())
    assert (associated_data(**one) == associated_data(**other)) is is_same
