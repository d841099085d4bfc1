import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.jose import NotStrictJSON, decode_object
from libs.jose.strict_json import MAX_DEPTH

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBER = st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False)
VALUE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(TEXT, VALUE, max_size=4), st.booleans())
def test_what_a_decent_writer_wrote_is_read(value: dict[str, Any], ascii_only: bool) -> None:  # noqa: FBT001
    assert decode_object(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary() | st.text('{}[]",:\\u0dDeE1-. aN').map(str.encode))
def test_nothing_but_the_declared_error_comes_out(raw: bytes) -> None:
    with contextlib.suppress(NotStrictJSON):
        assert isinstance(decode_object(raw), dict)


@pytest.mark.security("JO-08")
@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', '{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', '{"a":[{"b":1,"b":2}]}', '{"a":1,"\\u0061":2}']
)
def test_a_member_named_twice_at_any_depth_is_refused(text: str) -> None:
    with pytest.raises(NotStrictJSON, match="twice"):
        decode_object(text.encode())


@pytest.mark.security("JO-06")
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 5000])
def test_a_number_that_is_no_finite_number_is_refused(number: str) -> None:
    with pytest.raises(NotStrictJSON):
        decode_object(f'{{"exp":{number}}}'.encode())


@pytest.mark.security("JO-10")
@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_deep_nesting_is_refused_before_it_is_read(opening: str) -> None:
    with pytest.raises(NotStrictJSON, match="deeper"):
        decode_object(('{"a":' + opening * 100_000).encode())


def test_nesting_up_to_the_bound_is_read_and_brackets_in_strings_do_not_count() -> None:
    arrays = MAX_DEPTH - 1
    assert decode_object(('{"a":' + "[" * arrays + "]" * arrays + "}").encode())
    assert decode_object(rb'{"a":"[[[[[[[[[[[[[[[[[[[[\"[[[[[[[[\\"}')


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'"a"',
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b"{\xff}",
        b"{'a':1}",
        b'{"a":1,}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"a":["\\u0000"]}',
        b'{"a":"\n"}',
    ],
)
def test_what_is_not_one_object_of_clean_strings_is_refused(raw: bytes) -> None:
    with pytest.raises(NotStrictJSON):
        decode_object(raw)
