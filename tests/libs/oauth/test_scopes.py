import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.errors import InvalidScope
from libs.oauth.scopes import Scopes


def test_scopes_keep_the_order_in_which_they_were_named_and_each_once() -> None:
    assert str(Scopes.parse("write:b read:a  write:b ")) == "write:b read:a"


def test_scopes_are_a_set() -> None:
    asked, granted = Scopes.parse("read:a"), Scopes.parse("write:a read:a")
    assert asked <= granted
    assert str(granted - asked) == "write:a"
    assert str(granted & asked) == "read:a"
    assert Scopes.parse("a b") == Scopes.parse("b a")
    assert hash(Scopes.parse("a b")) == hash(Scopes.parse("b a"))
    assert not Scopes()


@pytest.mark.parametrize("text", ['"', "a\\b", "a\tb", "a\nb", "é", "a\x7f", "a\0", "\N{NO-BREAK SPACE}"])
def test_characters_outside_the_rfc_are_refused(text: str) -> None:
    with pytest.raises(InvalidScope):
        Scopes.parse(text)


@given(st.text())
def test_any_text_is_read_or_is_an_invalid_scope(text: str) -> None:
    try:
        scopes = Scopes.parse(text)
    except InvalidScope:
        return
    assert Scopes.parse(str(scopes)) == scopes
