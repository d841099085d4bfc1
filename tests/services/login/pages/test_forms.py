"""Who may post a form of ours (LG-10)."""

from dataclasses import replace as changed
from datetime import UTC, datetime
from typing import Final

import pytest
from msgspec.structs import replace

from libs.edge import Call, Route
from libs.edge.wire import Reply, Request
from services.login.routes.problems import Forged
from services.login.routes.showing import Pages
from tests.pages.gallery import KEYRING, request

PAGES: Final = Pages(KEYRING.derived("csrf"))
FORM: Final = "application/x-www-form-urlencoded"
HOME: Final = "https://login.example"


def posted(body: str, *headers: tuple[str, str], content_type: str = FORM, **more: str) -> Call:
    said = [("content-type", content_type), *headers]
    asked: Request = replace(request(), method="POST", body=body.encode(), headers=said, **more)
    return Call(asked, Route("POST", "/u/login", nobody), {}, datetime(2026, 1, 1, tzinfo=UTC), 0.0, "")


async def nobody(_call: Call) -> Reply:
    raise AssertionError


def token(binding: str = "secret", tenant: str = "t") -> str:
    return PAGES._tokens.token(tenant, binding)


def test_our_own_page_may_post() -> None:
    for headers in (
        [],
        [("origin", HOME)],
        [("origin", HOME), ("sec-fetch-site", "same-origin")],
        # Our pages send no referrer, and then Chromium says `null` (Fetch, 3.1).
        [("origin", "null"), ("sec-fetch-site", "same-origin")],
    ):
        assert PAGES.form(posted(f"csrf={token()}&a=b", *headers), "secret")["a"] == "b"


@pytest.mark.security("LG-10")
@pytest.mark.parametrize(
    "call",
    [
        posted("a=b"),
        posted("csrf="),
        posted(f"csrf={token('another')}"),
        posted(f"csrf={token(tenant='other')}"),
        posted(f"csrf={token()}x"),
        posted("csrf=%ff%fe"),
        posted(f"csrf={token()}", ("origin", "https://evil.ex")),
        posted(f"csrf={token()}", ("origin", "http://login.example")),
        posted(f"csrf={token()}", ("origin", "https://evil-login.example")),
        posted(f"csrf={token()}", ("origin", "https://login.example.evil.ex")),
        posted(f"csrf={token()}", ("origin", "https://login.example:8443")),
        posted(f"csrf={token()}", ("sec-fetch-site", "none")),
        posted(f"csrf={token()}", ("sec-fetch-site", "cross-site")),
        posted(f"csrf={token()}", ("sec-fetch-site", "same-site")),
        posted(f"csrf={token()}", ("origin", "null"), ("sec-fetch-site", "cross-site")),
        posted(f"csrf={token()}", content_type="text/plain"),
        posted(f"csrf={token()}", content_type="multipart/form-data; boundary=x"),
        posted(f"csrf={token()}&csrf={token()}"),
        posted(f"csrf={token()}&a=1&a=2"),
        posted(f"csrf={token()}&" + "&".join(f"a{n}=1" for n in range(200))),
        posted(f"csrf={token()}&a=" + "x" * 70_000),
        posted("csrf=é"),
    ],
)
def test_nobody_else_may(call: Call) -> None:
    with pytest.raises(Forged):
        PAGES.form(call, "secret")


@pytest.mark.security("LG-10")
def test_without_a_cookie_no_form_is_taken() -> None:
    with pytest.raises(Forged):
        PAGES.form(posted(f"csrf={token('')}"), "")


@pytest.mark.security("LG-10")
def test_a_refusal_is_a_page() -> None:
    reply = PAGES.refused(Forged(), request())
    assert reply.status == 403
    assert dict(reply.headers)["content-type"] == "text/html; charset=utf-8"


def test_a_key_that_was_replaced_is_good_for_forms_that_are_open() -> None:
    older = KEYRING.derived("csrf")
    newer = Pages([changed(older[0], key_id="new", key=b"n" * 32), *older])
    assert newer.form(posted(f"csrf={token()}"), "secret")
