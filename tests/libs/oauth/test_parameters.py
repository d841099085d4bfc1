import gzip
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.errors import InvalidRequest
from libs.oauth.parameters import MissingParameter, Parameters, read

FORM = [("content-type", "application/x-www-form-urlencoded")]
JSON = [("content-type", "application/json")]
KNOWN = frozenset({"grant_type", "scope", "client_id", "client_secret", "audience", "organization"})


def form(body: bytes | str) -> Parameters:
    return read(FORM, "", body.encode() if isinstance(body, str) else body, known=KNOWN)


def of_json(body: object) -> Parameters:
    return read(JSON, "", body if isinstance(body, bytes) else json.dumps(body).encode(), known=KNOWN)


def test_a_form_is_read() -> None:
    assert dict(form("grant_type=client_credentials&scope=read%3Aa+b&x=1")) == {
        "grant_type": "client_credentials",
        "scope": "read:a b",
    }


def test_a_json_body_is_read_as_auth0s_sdks_send_it() -> None:
    body = {"grant_type": "client_credentials", "audience": None, "organization": None, "scope": ""}
    assert dict(of_json(body)) == {"grant_type": "client_credentials"}


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/json;"],
)
def test_a_charset_of_utf_8_may_be_named(content_type: str) -> None:
    assert read([("content-type", content_type)], "", b'{"scope":"a"}', known=KNOWN)["scope"] == "a"


@pytest.mark.security("TE-02")
@pytest.mark.parametrize(
    "query",
    [
        "grant_type=client_credentials",
        "x=1&client%5Fsecret=s",
        "client_id",
        "scope=",
        "resource=https://api.example.com",
        "%zz=1&audience=a",
    ],
)
def test_parameters_in_the_query_string_are_refused(query: str) -> None:
    with pytest.raises(InvalidRequest):
        read(FORM, query, b"grant_type=client_credentials", known=KNOWN)


@pytest.mark.parametrize("query", ["client-request-id=01a2", "x=1&&y", "%zz=%ff&\ud800=1", "="])
def test_what_we_do_not_know_in_the_query_string_is_ignored(query: str) -> None:
    assert dict(read(FORM, query, b"scope=a", known=KNOWN)) == {"scope": "a"}


@pytest.mark.security("TE-02")
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("content-type", "")],
        [("content-type", "text/plain")],
        [("content-type", "multipart/form-data; boundary=x")],
        [("content-type", "application/json; charset=utf-16")],
        [("content-type", "application/x-www-form-urlencoded; charset=latin-1")],
        [*FORM, *JSON],
        [*FORM, ("content-encoding", "gzip")],
    ],
)
def test_a_missing_other_or_doubled_content_type_is_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidRequest):
        read(headers, "", b"grant_type=client_credentials", known=KNOWN)


@pytest.mark.security("TE-02")
@pytest.mark.parametrize(
    "body",
    [
        "grant_type=a&grant_type=a",
        "grant_type=a&grant_type=",
        "x=1&x=2",
        "grant%5Ftype=a&grant_type=a",
        "grant_type=a&grant_type",
    ],
)
def test_a_parameter_sent_twice_in_a_form_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequest):
        form(body)


@pytest.mark.security("TE-02")
@pytest.mark.parametrize(
    "body",
    [
        b'{"grant_type":"a","grant_type":"a"}',
        b'{"grant_type":"a","grant\\u005ftype":"a"}',
        b'{"x":{"y":1,"y":1},"grant_type":"a"}',
        b'["grant_type"]',
        b'"grant_type"',
        b"null",
        b"",
        b"grant_type=client_credentials",
        b'{"x":NaN}',
        b'{"scope":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"[" * 60_000,
    ],
)
def test_json_that_is_no_object_with_unique_members_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        of_json(body)


@pytest.mark.parametrize("value", [1, True, False, ["a"], {"a": "b"}, 1.5, []])
def test_a_known_member_must_be_a_string_and_an_unknown_one_may_be_anything(value: object) -> None:
    with pytest.raises(InvalidRequest):
        of_json({"scope": value})
    assert dict(of_json({"x": value, "scope": "a"})) == {"scope": "a"}


@pytest.mark.parametrize("value", ["a\0", "a\n", "\x1b[0m", "a\x7f", "\x85"])
def test_control_characters_are_refused(value: str) -> None:
    with pytest.raises(InvalidRequest):
        form(urlencode({"scope": value}))
    with pytest.raises(InvalidRequest):
        of_json({"scope": value})


@pytest.mark.parametrize(
    "body", [b"scope=%ff", b"scope=\xff", b"scope=%", b"scope=%2", b"scope=%zz", b"scope=%ed%a0%80"]
)
def test_broken_escapes_and_other_encodings_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        form(body)


@pytest.mark.security("DS-01")
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (FORM, b"&".join(b"a%d=1" % number for number in range(101))),
        (FORM, b"a=1&" * 100_000),
        (FORM, b"&" * 5_000),
        (FORM, b"&" * 101 + b"scope=a&scope=b"),
        (JSON, json.dumps({f"a{number}": 1 for number in range(101)}).encode()),
        (JSON, json.dumps({"resource": ["a"] * 101}).encode()),
        (FORM, b"scope=" + b"a" * 70_000),
        ([*FORM, ("content-encoding", "gzip")], gzip.compress(b"a" * 1_000_000)),
    ],
)
def test_too_many_fields_and_too_large_bodies_are_refused(headers: list[tuple[str, str]], body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read(headers, "", body, known=KNOWN)


def test_resource_may_be_sent_several_times() -> None:
    assert form("resource=https%3A%2F%2Fa&scope=x&resource=https%3A%2F%2Fb&resource=").resource == (
        "https://a",
        "https://b",
    )
    assert of_json({"resource": ["https://a", "https://b"]}).resource == ("https://a", "https://b")
    assert of_json({"resource": "https://a"}).resource == ("https://a",)
    with pytest.raises(InvalidRequest):
        of_json({"resource": ["https://a", 1]})


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(MissingParameter, match="Missing required parameter: grant_type"):
        form("").required("grant_type")


def test_values_are_not_in_the_repr() -> None:
    assert "s3cret" not in repr(form("client_secret=s3cret"))


@given(st.binary(max_size=300), st.sampled_from([FORM, JSON]))
def test_any_body_is_read_or_is_an_invalid_request(body: bytes, headers: list[tuple[str, str]]) -> None:
    try:
        parameters = read(headers, "", body, known=KNOWN)
    except InvalidRequest:
        return
    assert all(parameters.values())


@given(
    st.dictionaries(st.sampled_from(sorted(KNOWN)), st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
)
def test_form_and_json_say_the_same(values: dict[str, str]) -> None:
    assert dict(form(urlencode(values))) == dict(of_json(values)) == values
