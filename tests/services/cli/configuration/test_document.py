"""A file means one thing: what is written is read again, what JSON cannot say is refused, and nothing costs more."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cli.configuration import document, keywords
from services.cli.errors import Refused

UNHURRIED = settings(deadline=None)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["yes", "no", "null", "~", "", "010", "1e5", "0x1f", "12:30", "2026-11-26", "<<", "=", " a", "a\n b\n", "##A##B##"]
)
NUMBER = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@UNHURRIED
@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_what_is_written_is_read_again_and_asks_nothing_of_the_environment(members: dict[str, Any]) -> None:
    text = document.written(members)
    assert keywords.replaced(text, {}) == text
    assert document.read(text) == members


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "010", "0x1f", "12:30", "2026-11-26", "1_000", "=", ".inf"])
def test_what_only_old_yaml_takes_for_more_is_a_text(word: str) -> None:
    assert document.read(f"a: {word}") == {"a": word}


def test_numbers_booleans_and_null_are_what_they_are_in_json() -> None:
    text = "a: 0\nb: -12\nc: 1.5\nd: 1e3\ne: true\nf: null\ng: ~\nh:\ni: '1'\n"
    read = document.read(text)
    assert read == {"a": 0, "b": -12, "c": 1.5, "d": 1e3, "e": True, "f": None, "g": None, "h": None, "i": "1"}
    assert math.copysign(1, read["b"]) == -1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\na: 2", "line 2, column 1: 'a' is said twice"),
        ("a: &x [1]\nb: *x", "anchors and aliases"),
        ("a: !!python/object/apply:os.system [id]", "tags"),
        ("a: !!binary aGk=", "tags"),
        ("1: a", "a key must be a text"),
        ("? [a]\n: b", "a key must be a text"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a: " + "[" * 100 + "]" * 100, "nested more than 32 deep"),
        ("a: " + "{b: " * 5000, "nested more than 32 deep"),
        ("a: 1e999", "a number is too large"),
        ("a: " + "9" * 5000, "cannot be read"),
        ("a: [1", "expected ',' or ']'"),
        ("a: \x07", "special characters are not allowed"),
        ("- a", "must be a mapping"),
        ("", "must be a mapping"),
        ("a: " + "x" * document.LARGEST, "too large"),
    ],
)
def test_a_file_that_could_mean_two_things_is_refused(text: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        document.read(text)
    assert why in str(refused.value)
    assert refused.value.exit_code == 2


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
    with pytest.raises(Refused, match="anchors"):
        document.read("\n".join(lines))


def test_a_merge_key_is_a_key_like_any_other() -> None:
    assert document.read("a:\n  <<: {b: 1}\n") == {"a": {"<<": {"b": 1}}}


def test_markers_stand_for_the_environment() -> None:
    environ = {"STAGE": "dev", "URLS": '["https://a", "https://b"]', "WORD": "it's", "PAGE": "a\nb"}
    text = 'a: "##STAGE## tenant"\nb: @@URLS@@\nc: @@WORD@@\nd: @@PAGE@@\ne: @@config@@x'
    read = document.read(keywords.replaced(text.replace("e: @@config@@x", "e: 'a@@config@@'"), environ))
    assert read == {
        "a": "dev tenant",
        "b": ["https://a", "https://b"],
        "c": "it's",
        "d": "a\nb",
        "e": "a@@config@@",
    }


@pytest.mark.parametrize(
    ("marker", "why"),
    [
        ("##MISSING##", "MISSING is not set"),
        ("@@LIMEN_MANAGEMENT_CLIENT_SECRET@@", "cannot name Limen's own"),
        ("##TWO_LINES##", "has a line end"),
    ],
)
def test_a_marker_that_cannot_be_replaced_refuses_the_file(marker: str, why: str) -> None:
    environ = {"LIMEN_MANAGEMENT_CLIENT_SECRET": "hidden", "TWO_LINES": "a: 1\nclients: []"}
    with pytest.raises(Refused) as refused:
        keywords.replaced(f"a: {marker}", environ)
    assert why in str(refused.value)
    assert "hidden" not in str(refused.value)


@pytest.mark.security("AD-10")
def test_a_marker_in_a_name_does_not_ask_for_the_environment_when_an_export_is_applied() -> None:
    members = {
        "clients": [{"name": "##DATABASE_PASSWORD##", "description": "@@DATABASE_PASSWORD@@##DATABASE_PASSWORD##"}]
    }
    text = document.written(members)
    assert document.read(keywords.replaced(text, {"DATABASE_PASSWORD": "s3cret"})) == members
