"""The language of a search in a tenant's log."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.rules.log_ids import Place, log_id_of
from services.audit.rules.log_query import LogSearch, NotSearchable, parse

DAY: Final = datetime(2026, 1, 31, tzinfo=UTC)
NEXT: Final = datetime(2026, 2, 1, tzinfo=UTC)


def only(*values: str) -> frozenset[str]:
    return frozenset(values)


MEANS: Final = {
    "": LogSearch(),
    "  ": LogSearch(),
    "type:seccft": LogSearch(types=only("seccft")),
    'type:"seccft"': LogSearch(types=only("seccft")),
    "type: seccft": LogSearch(types=only("seccft")),
    "type:(seccft OR feccft)": LogSearch(types=only("seccft", "feccft")),
    'type:( "seccft" OR feccft OR sapi )': LogSearch(types=only("seccft", "feccft", "sapi")),
    "type:seccft AND client_id:a": LogSearch(types=only("seccft"), client_ids=only("a")),
    "type:seccft client_id:a": LogSearch(types=only("seccft"), client_ids=only("a")),
    'client_id:"AND"': LogSearch(client_ids=only("AND")),
    r'client_id:"a \"b\" \\ (c)"': LogSearch(client_ids=only(r'a "b" \ (c)')),
    "type:seccft AND type:feccft": LogSearch(types=only()),
    "type:(a OR b) type:(b OR c)": LogSearch(types=only("b")),
    'user_id:"auth0|1"': LogSearch(user_ids=only("auth0|1")),
    "user_id:auth0|1": LogSearch(user_ids=only("auth0|1")),
    "user_id:(auth0|1 OR auth0|2) user_id:(auth0|2 OR auth0|3)": LogSearch(user_ids=only("auth0|2")),
    "log_id:x": LogSearch(places=frozenset()),
    f"log_id:{log_id_of(Place(1, 7))}": LogSearch(places=frozenset({Place(1, 7)})),
    "date:2026-01-31": LogSearch(since=DAY, until=NEXT),
    "date:[2026-01-31 TO *]": LogSearch(since=DAY),
    "date:[* TO 2026-01-31]": LogSearch(until=NEXT),
    "date:{2026-01-31 TO *]": LogSearch(since=NEXT),
    "date:[* TO 2026-01-31}": LogSearch(until=DAY),
    "date:[* TO *]": LogSearch(),
    'date:["2026-01-31" TO "2026-02-01T00:00:00Z"}': LogSearch(since=DAY, until=NEXT),
    "date:[2026-01-31T01:00+01:00 TO 2026-01-31T23:59]": LogSearch(since=DAY, until=NEXT),
    "date:[* TO 2026-01-31T23:59:59.999]": LogSearch(until=NEXT),
    "date:2026-01-31T00:00:00.5Z": LogSearch(since=DAY + timedelta(seconds=0.5), until=DAY + timedelta(seconds=0.6)),
    "date:[2026-01-01 TO *] AND date:[2026-01-31 TO *] date:[* TO 2027-01-01]": LogSearch(
        since=DAY, until=datetime(2027, 1, 2, tzinfo=UTC)
    ),
}


@pytest.mark.parametrize("text", MEANS)
def test_a_search_means_what_it_says(text: str) -> None:
    assert parse(text) == MEANS[text]


def test_two_searches_want_what_both_want() -> None:
    assert parse("type:a", "client_id:b type:(a OR c)") == LogSearch(types=only("a"), client_ids=only("b"))


REFUSED: Final = (
    *("seccft", "*", "*:*", "AND", "type:a AND", "AND type:a", "type:a AND AND type:b", "type:a OR type:b"),
    *("NOT type:a", "-type:a", "!type:a", "type:", "type:(", "type:()", "type:(a", "type:(a OR)", "type:(a b)"),
    *("type:(a AND b)", "type:((a))", "type:a)", 'type:"a', 'type:a"', "type:s*", "type:s?", "type:OR", "type:a~2"),
    *("type:[a TO b]", "client_id:/.*/", "client_id:a:b", "ip:192.0.2.1", "description:x", "_exists_:type", "TYPE:a"),
    *("date:*", "date:(2026-01-01 OR 2026-01-02)", "date:[2026-01-01]", "date:[2026-01-01 TO]", "date:[TO *]"),
    f"user_id:({' OR '.join(map(str, range(11)))})",
    *("date:[2026-01-01 TO *", "date:[2026-01-01 OR *]", "date:>2026-01-01", "date:2026", "date:20260101", "date:now"),
    *("date:2026-13-01", "date:2026-02-30", "date:0000-01-01", "date:9999-12-31", "date:0001-01-01T00:00:00+01:00"),
    *(
        "date:2026-01-01T25:00",
        "date:2026-01-01T00:00:00.1234567Z",
        "date:2026-01-01T00:00+99:99",
        "date:\u0662026-01-01",
    ),
)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_search_is_refused_with_what_is_possible(text: str) -> None:
    with pytest.raises(NotSearchable) as refused:
        parse(text)
    assert "type, client_id, log_id, user_id or date" in refused.value.message


PIECES: Final = (
    *("type:", "client_id:", "date:", "log_id:", "user_id:", "ip:", "seccft", "2026-01-31", "9999-12-31", "*"),
    *(
        '"',
        '"a"',
        "\\",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        " ",
        "AND",
        "OR",
        "TO",
        "NOT",
        "-",
        ":",
        "T23:59:59.9Z",
        "0" * 29,
    ),
)


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from(PIECES)).map(" ".join), st.lists(st.sampled_from(PIECES)).map("".join)
    )
)
def test_whatever_is_asked_is_a_search_or_refused(text: str) -> None:
    try:
        search = parse(text)
    except NotSearchable:
        return
    assert isinstance(search, LogSearch)


@given(st.lists(st.text(), min_size=1), st.sampled_from(["type", "client_id"]))
def test_every_text_can_be_looked_for_in_quotation_marks(values: list[str], field: str) -> None:
    quoted = ['"{}"'.format(each.replace("\\", "\\\\").replace('"', '\\"')) for each in values]
    wanted = frozenset(values)
    expected = LogSearch(types=wanted) if field == "type" else LogSearch(client_ids=wanted)
    assert parse(f"{field}:({' OR '.join(quoted)})") == expected
