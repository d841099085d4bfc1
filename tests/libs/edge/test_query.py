import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.edge import Query
from libs.edge.management_errors import InvalidQuery


def test_parameters_are_decoded_and_empty_ones_are_absent() -> None:
    query = Query.read("name=a+b%20c&empty=&bare&x=%C3%A9")
    assert query.text("name") == "a b c"
    assert query.text("x") == "é"
    assert query.text("empty") is None
    assert "bare" not in query


def test_a_list_may_repeat_and_a_text_may_not() -> None:
    query = Query.read("strategy=a&strategy=b")
    assert query.texts("strategy") == ["a", "b"]
    with pytest.raises(InvalidQuery):
        query.text("strategy")


def test_booleans_and_integers_are_strict() -> None:
    query = Query.read("yes=true&no=false&n=10&bad=1&worse=TRUE")
    assert (query.boolean("yes"), query.boolean("no"), query.boolean("none")) == (True, False, None)
    assert query.integer("n", minimum=0, maximum=10) == 10
    for name in ("bad", "worse"):
        with pytest.raises(InvalidQuery):
            query.boolean(name)


@pytest.mark.parametrize("value", ["-1", "11", "1.0", "1e1", "+1", "%201", "1_0", "%D9%A1", "x", "9" * 5000])
def test_a_number_out_of_range_or_in_another_form_is_refused(value: str) -> None:
    with pytest.raises(InvalidQuery, match="on property n"):
        Query.read(f"n={value}").integer("n", minimum=0, maximum=10)


@pytest.mark.parametrize("raw", ["a=%", "a=%f", "a=%ff", "a=%00", "%0a=1", "&" * 200, "a=1&" * 200])
def test_what_cannot_be_read_in_one_way_is_refused(raw: str) -> None:
    with pytest.raises(InvalidQuery):
        Query.read(raw)


@given(st.text())
def test_any_query_is_read_or_invalid(raw: str) -> None:
    try:
        Query.read(raw)
    except InvalidQuery:
        return
