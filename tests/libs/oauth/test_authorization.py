"""Authorization requests as data: reading never breaks, and nothing leads to an address that is not registered."""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.authorization import (
    FORM_POST,
    FRAGMENT,
    QUERY,
    WEB_MESSAGE,
    Given,
    Registered,
    RequestUnreadable,
    Untrusted,
    checked,
    client_id_of,
    is_registered,
    location,
    origin_of,
    read,
    redirect_uri_of,
    response_mode_of,
)
from libs.oauth.errors import InvalidTarget, OAuthError

CALLBACK: Final = "https://app.example/cb"
CLIENT: Final = Registered("app", (CALLBACK,), ("https://app.example",), ("authorization_code", "implicit"))
NAMES: Final = (
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt", "max_age"),
    *("claims", "code_challenge", "code_challenge_method", "request", "audience", "resource", "login_hint", "x"),
)
VALUES: Final = st.sampled_from(
    ("", "app", CALLBACK, "https://evil.example/", "code", "id_token", "token", "query", "form_post", "none", "login",
     "openid", "S256", "0", "{}", "\x00", "é", '"><')
) | st.text(max_size=20)  # fmt: skip
PAIRS: Final = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=12)


@given(st.text(max_size=300))
def test_reading_says_no_or_gives_parameters(raw: str) -> None:
    try:
        assert isinstance(read(raw), Given)
    except RequestUnreadable:
        return


@given(PAIRS)
def test_whatever_is_sent_is_answered_at_the_registered_address_or_nowhere(pairs: list[tuple[str, str]]) -> None:
    try:
        asked = read(urlencode(pairs))
        assert client_id_of(asked)
        assert redirect_uri_of(asked, CLIENT) == CALLBACK
    except Untrusted:
        return
    assert response_mode_of(asked) in {QUERY, FRAGMENT, FORM_POST, WEB_MESSAGE}
    try:
        request = checked(asked, CLIENT, CALLBACK)
    except OAuthError:
        return
    assert request.redirect_uri == CALLBACK
    assert request.response_mode != QUERY or request.response_type == "code"
    assert request.code_challenge is None or len(request.code_challenge) == 43


@pytest.mark.security("TE-10")
def test_audience_and_resource_name_one_api() -> None:
    asked = f"response_type=code&redirect_uri={CALLBACK}&code_challenge_method=S256&code_challenge={'x' * 43}"
    both = f"{asked}&audience=https://a.example/&resource=https://a.example/"
    assert checked(read(both), CLIENT, CALLBACK).audience == "https://a.example/"
    with pytest.raises(InvalidTarget):
        checked(read(both.replace("resource=https://a", "resource=https://b")), CLIENT, CALLBACK)


@given(st.text(min_size=1, max_size=50), st.sampled_from([QUERY, FRAGMENT]), st.sampled_from(["", "?a=b", "?"]))
def test_what_is_answered_can_be_read_back(state: str, mode: str, query: str) -> None:
    there = location(CALLBACK + query, mode, {"state": state.encode(errors="replace"), "iss": "https://id.example/"})
    assert there.isascii()
    split = urlsplit(there)
    found = dict(parse_qsl(split.fragment if mode == FRAGMENT else split.query, keep_blank_values=True))
    assert found["state"] == state.encode(errors="replace").decode()
    assert origin_of(there) == "https://app.example"


@pytest.mark.security("RU-01")
@given(st.text(max_size=8), st.integers(0, len(CALLBACK)))
def test_another_text_is_another_address(extra: str, at: int) -> None:
    changed = CALLBACK[:at] + extra + CALLBACK[at:]
    assert is_registered(changed, (CALLBACK,), is_native=True) == (changed == CALLBACK)
