import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.edge import Call, Request
from libs.edge.management_errors import BadRequest
from libs.edge.schema import (
    Anything,
    Array,
    Boolean,
    Dictionary,
    Integer,
    Number,
    Object,
    Property,
    Resource,
    Text,
)
from libs.edge.validation import changed, created, stated

THING = Resource(
    "things",
    Property("id", Text(), "Id of the thing", is_read_only=True),
    Property("identifier", Text(max_length=20), "Its identifier", is_required=True, is_immutable=True),
    Property("name", Text(min_length=1, max_length=10, pattern=r"[^<>]*"), "Name of the thing"),
    Property("kind", Text(enum=("spa", "native")), "Kind of thing", is_nullable=True),
    Property("lifetime", Integer(minimum=0, maximum=100), "Lifetime in seconds", default=10),
    Property("ratio", Number(minimum=0, maximum=1)),
    Property("is_first_party", Boolean()),
    Property("callbacks", Array(Text(format="redirect-uri"), max_items=2, is_unique=True), "Callback URLs"),
    Property("scopes", Array(Object(Property("value", Text(), is_required=True), Property("description", Text())))),
    Property(
        "jwt", Object(Property("alg", Text(enum=("RS256",))), Property("lifetime", Integer(minimum=1), default=5))
    ),
    Property("metadata", Dictionary(Text(max_length=5), max_members=2, max_name_length=4)),
    Property("options", Anything()),
)

ERROR = "Payload validation error: "

Read = Callable[..., dict[str, Any]]


@pytest.fixture
def create(call_of: Callable[[Request], Call], request_of: Callable[..., Request]) -> Read:
    def read(body: Any = None, raw: bytes | None = None, content_type: str = "application/json") -> dict[str, Any]:
        sent = json.dumps(body).encode() if raw is None else raw
        headers = [("content-type", content_type)]
        return created(THING, call_of(request_of("POST", "/api/v2/things", headers=headers, body=sent)))

    return read


@pytest.fixture
def change(call_of: Callable[[Request], Call], request_of: Callable[..., Request]) -> Read:
    def read(body: Any) -> dict[str, Any]:
        headers = [("content-type", "application/json; charset=utf-8")]
        sent = json.dumps(body).encode()
        return changed(THING, call_of(request_of("PATCH", "/api/v2/things/1", headers=headers, body=sent)))

    return read


def test_a_creation_gets_its_defaults(create: Read) -> None:
    assert create({"identifier": "a"}) == {"identifier": "a", "lifetime": 10}


def test_a_change_holds_only_what_was_sent(change: Read) -> None:
    assert change({}) == {}
    assert change({"name": "b", "kind": None}) == {"name": "b", "kind": None}


@pytest.mark.parametrize("raw", [b"", b"null", b"null\n", b"{}"])
def test_a_body_that_may_be_left_away_may_be_null(
    call_of: Callable[[Request], Call], request_of: Callable[..., Request], raw: bytes
) -> None:
    headers = [("content-type", "application/json")]
    assert stated(THING, call_of(request_of("POST", "/api/v2/things/1/turn", headers=headers, body=raw))) == {}


@pytest.mark.parametrize("raw", [b"[]", b'""', b"0", b"false", b'{"id": "x"}'])
def test_a_body_that_may_be_left_away_is_checked_when_it_is_there(
    call_of: Callable[[Request], Call], request_of: Callable[..., Request], raw: bytes
) -> None:
    headers = [("content-type", "application/json")]
    with pytest.raises(BadRequest):
        stated(THING, call_of(request_of("POST", "/api/v2/things/1/turn", headers=headers, body=raw)))


def test_nested_values_are_validated_and_completed(create: Read, change: Read) -> None:
    body = {
        "identifier": "a",
        "scopes": [{"value": "read:a"}],
        "jwt": {"alg": "RS256"},
        "metadata": {"k": "v", "gone": None},
        "options": {"any": [1, None]},
        "ratio": 1,
        "callbacks": ["https://a.example/cb"],
    }
    read = create(body)
    assert read == {**body, "lifetime": 10, "jwt": {"alg": "RS256", "lifetime": 5}}
    assert change({"jwt": {}}) == {"jwt": {"lifetime": 5}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "'Missing required property: identifier'."),
        ([], "'Expected type object but found type array'."),
        (None, "'Expected type object but found type null'."),
        ({"identifier": "a", "foo": 1, "bar": 2}, "'Additional properties not allowed: foo, bar'."),
        ({"identifier": "a", "id": "x"}, "'Additional properties not allowed: id'."),
        ({"identifier": 1}, "'Expected type string but found type integer' on property identifier (Its identifier)."),
        ({"identifier": None}, "'Expected type string but found type null' on property identifier (Its identifier)."),
        (
            {"identifier": "a" * 21},
            "'String is too long (21 chars), maximum 20' on property identifier (Its identifier).",
        ),
        ({"name": ""}, "'String is too short (0 chars), minimum 1' on property name (Name of the thing)."),
        ({"name": "<b>"}, "'String does not match pattern: [^<>]*' on property name (Name of the thing)."),
        ({"kind": "x"}, "'No enum match for: x' on property kind (Kind of thing)."),
        ({"lifetime": 101}, "'Value 101 is greater than maximum 100' on property lifetime (Lifetime in seconds)."),
        ({"lifetime": -1}, "'Value -1 is less than minimum 0' on property lifetime (Lifetime in seconds)."),
        (
            {"lifetime": 1.5},
            "'Expected type integer but found type number' on property lifetime (Lifetime in seconds).",
        ),
        (
            {"lifetime": True},
            "'Expected type integer but found type boolean' on property lifetime (Lifetime in seconds).",
        ),
        ({"is_first_party": "true"}, "'Expected type boolean but found type string' on property is_first_party."),
        ({"ratio": 2.5}, "'Value 2.5 is greater than maximum 1' on property ratio."),
        (
            {"callbacks": ["https://a.example"] * 3},
            "'Array is too long (3), maximum 2' on property callbacks (Callback URLs).",
        ),
        (
            {"callbacks": ["https://a.example/", "https://a.example/"]},
            "'Array items are not unique (indexes 0 and 1)' on property callbacks (Callback URLs).",
        ),
        (
            {"callbacks": ["javascript:alert(1)"]},
            (
                "'Object didn't pass validation for format redirect-uri: javascript:alert(1)' "
                "on property callbacks[0] (Callback URLs)."
            ),
        ),
        ({"scopes": [{"value": "a"}, {}]}, "'Missing required property: value' on property scopes[1]."),
        ({"scopes": [{"value": 1}]}, "'Expected type string but found type integer' on property scopes[0].value."),
        ({"jwt": {"alg": "none"}}, "'No enum match for: none' on property jwt.alg."),
        ({"jwt": {"x": 1}}, "'Additional properties not allowed: x' on property jwt."),
        (
            {"metadata": {"a": "1", "b": "2", "c": "3"}},
            "'Too many properties defined (3), maximum 2' on property metadata.",
        ),
        ({"metadata": {"abcde": "1"}}, "'Property name is too long (5 chars), maximum 4' on property metadata."),
        ({"metadata": {"a": "123456"}}, "'String is too long (6 chars), maximum 5' on property metadata.a."),
    ],
)
def test_what_is_wrong_is_said_in_auth0s_words(create: Read, body: Any, message: str) -> None:
    if isinstance(body, dict) and body:
        body = {"identifier": "a", **body}
    with pytest.raises(BadRequest) as caught:
        create(body)
    assert caught.value.body() == {
        "statusCode": 400,
        "error": "Bad Request",
        "message": ERROR + message,
        "errorCode": "invalid_body",
    }


def test_a_change_refuses_what_is_immutable_or_read_only(change: Read) -> None:
    for name in ("identifier", "id"):
        with pytest.raises(BadRequest, match=f"Additional properties not allowed: {name}"):
            change({name: "x"})


@pytest.mark.security("DS-08")
@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"identifier":"a","identifier":"a"}', b"[" * 100_000, b"\xef\xbb\xbf{}", b'{"identifier":"\\ud800"}'],
)
def test_a_body_that_is_not_strict_json_is_refused(create: Read, raw: bytes) -> None:
    with pytest.raises(BadRequest, match="Invalid request payload JSON format"):
        create(raw=raw)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(create: Read, content_type: str) -> None:
    with pytest.raises(BadRequest):
        create({"identifier": "a"}, content_type=content_type)


def test_a_table_that_names_an_unknown_format_does_not_start() -> None:
    with pytest.raises(ValueError, match="unknown format"):
        Text(format="nothing")


def test_any_json_is_accepted_or_a_bad_request(create: Read, change: Read) -> None:
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "alg", "k"]), inner),
        max_leaves=8,
    )

    @given(st.dictionaries(st.sampled_from([each.name for each in THING.properties]), values))
    def judged(body: dict[str, Any]) -> None:
        for read in (create, change):
            try:
                read(body)
            except BadRequest:
                continue

    judged()
