import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.jose import base64url


@given(st.binary())
def test_what_is_encoded_decodes_to_itself(data: bytes) -> None:
    assert base64url.decode(base64url.encode(data).decode()) == data


@given(st.text())
def test_a_value_has_one_spelling_and_a_wrong_one_is_a_value_error(text: str) -> None:
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(data).decode() == text


@pytest.mark.security("JO-09")
@pytest.mark.parametrize("text", ["YQ==", "YQ=", "Y Q", "YQ\n", "+_8", "/w", "YR", "Y", "ÿw", "YQ\0"])
def test_padding_whitespace_the_other_alphabet_and_trailing_bits_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        base64url.decode(text)
