from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.edge import Cursors
from libs.edge.management_errors import InvalidQuery
from libs.sealed import RootKey, derive

NOW = datetime(2026, 11, 23, tzinfo=UTC)
OLD, NEW = (derive(RootKey(name, bytes([number]) * 32), "cursor") for number, name in enumerate(["k.1", "k.2"]))
CURSORS = Cursors(NEW, OLD)


def test_a_cursor_tells_its_position_to_the_list_that_made_it() -> None:
    cursor = CURSORS.sealed("default", "/api/v2/clients", "grüße/7", now=NOW)
    assert CURSORS.opened("default", "/api/v2/clients", cursor, now=NOW) == "grüße/7"
    assert cursor.startswith("k.2.")


def test_a_cursor_of_an_older_key_is_still_read() -> None:
    cursor = Cursors(OLD).sealed("t", "r", "7", now=NOW)
    assert CURSORS.opened("t", "r", cursor, now=NOW) == "7"
    with pytest.raises(InvalidQuery):
        Cursors(NEW).opened("t", "r", cursor, now=NOW)


@pytest.mark.security("AD-06")
@pytest.mark.parametrize(("tenant", "route"), [("other", "r"), ("t", "other"), ("tr", ""), ("", "tr")])
def test_a_cursor_of_another_tenant_or_list_is_refused(tenant: str, route: str) -> None:
    cursor = CURSORS.sealed("t", "r", "7", now=NOW)
    with pytest.raises(InvalidQuery):
        CURSORS.opened(tenant, route, cursor, now=NOW)


def test_a_cursor_lasts_a_day() -> None:
    cursor = CURSORS.sealed("t", "r", "7", now=NOW)
    assert CURSORS.opened("t", "r", cursor, now=NOW + timedelta(hours=23, minutes=59))
    with pytest.raises(InvalidQuery):
        CURSORS.opened("t", "r", cursor, now=NOW + timedelta(hours=24))


@pytest.mark.security("AD-06")
@given(st.integers(0, 60), st.characters(codec="ascii"))
def test_an_altered_cursor_is_refused(at: int, character: str) -> None:
    cursor = CURSORS.sealed("t", "r", "7", now=NOW)
    at %= len(cursor)
    altered = cursor[:at] + character + cursor[at + 1 :]
    if altered == cursor:
        return
    with pytest.raises(InvalidQuery):
        CURSORS.opened("t", "r", altered, now=NOW)


@pytest.mark.security("FZ-03")
@given(st.text())
def test_any_text_is_a_cursor_or_an_invalid_query(text: str) -> None:
    for cursor in (text, f"k.2.{text}", f"k.2.{text}.{text}"):
        with pytest.raises(InvalidQuery):
            CURSORS.opened("t", "r", cursor, now=NOW)
