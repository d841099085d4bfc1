import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.runtime.strict_json import MAX_DEPTH, MAX_MEMBERS, MalformedJSON, load_object, loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.security("DS-08")
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 65 + b"]" * 65,
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b"[" + b"[]," * 300_000 + b"[]]",
        b"{" + b",".join(b'"%d":1' % number for number in range(MAX_MEMBERS + 1)) + b"}",
        b"1e400",
        b"-1e400",
        b"[NaN]",
        b"Infinity",
        b"-Infinity",
        b"9" * 5000,
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":1}',
        b'{"b":[{"a":1,"a":2}]}',
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b'["\\ud83dx"]',
        b'"\xed\xa0\x80"',
        b'"\\u0000"',
        b'{"a\\u0000":1}',
        b'"\x00"',
        b'"\n"',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-16-le"),
        '"é"'.encode("latin-1"),
        b"",
        b" ",
        b"{}{}",
        b"{'a':1}",
        b'{"a":1,}',
        b"01",
        b"+1",
        b"1.",
        b"// x\n1",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_two_readers_could_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedJSON):
        loads(body)


def test_the_bounds_themselves_are_accepted() -> None:
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert len(loads(b"[" + b"1," * (MAX_MEMBERS - 1) + b"1]")) == MAX_MEMBERS


def test_brackets_and_commas_inside_strings_do_not_count() -> None:
    text = "[{," * 10_000
    assert loads(json.dumps(text).encode()) == text


def test_escaped_pairs_of_surrogates_are_one_character() -> None:
    assert loads(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


@given(VALUES)
def test_what_was_written_is_read_back(value: Any) -> None:
    body = json.dumps(value).encode()
    if "\\u0000" in json.dumps(value):
        return
    assert loads(body) == value


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0123456789aeE.-+ \n', max_size=60).map(str.encode))
def test_no_bytes_cause_another_exception_and_what_is_read_another_reader_reads_too(body: bytes) -> None:
    try:
        value = loads(body)
    except MalformedJSON:
        return
    assert value == msgspec.json.decode(body)


@pytest.mark.security("JO-08")
@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', '{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', '{"a":[{"b":1,"b":2}]}', '{"a":1,"\\u0061":2}']
)
def test_a_member_named_twice_at_any_depth_is_refused(text: str) -> None:
    with pytest.raises(MalformedJSON, match="twice"):
        load_object(text.encode())


@pytest.mark.security("JO-06")
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 5000])
def test_a_number_that_is_no_finite_number_is_refused(number: str) -> None:
    with pytest.raises(MalformedJSON):
        load_object(f'{{"exp":{number}}}'.encode())


@pytest.mark.security("JO-10")
@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_deep_nesting_is_refused_before_it_is_read(opening: str) -> None:
    with pytest.raises(MalformedJSON, match="deep"):
        load_object(('{"a":' + opening * 100_000).encode(), depth=16)


def test_nesting_up_to_the_asked_bound_is_read_and_brackets_in_strings_do_not_count() -> None:
    assert load_object(('{"a":' + "[" * 15 + "]" * 15 + "}").encode(), depth=16)
    assert load_object(rb'{"a":"[[[[[[[[[[[[[[[[[[[[\"[[[[[[[[\\"}', depth=16)
    with pytest.raises(MalformedJSON, match="deep"):
        load_object(('{"a":' + "[" * 16 + "]" * 16 + "}").encode(), depth=16)


@pytest.mark.parametrize("body", [b"[]", b"null", b'"a"', b"1", b"{} {}"])
def test_what_is_not_one_object_is_refused_where_one_is_wanted(body: bytes) -> None:
    with pytest.raises(MalformedJSON):
        load_object(body)
