"""How an authorization response goes back to the application: a redirect, a form that posts itself, a message.

Each is for the registered redirect URI alone, and each says `iss` (RFC 9207).
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

import msgspec

from libs.edge import Reply
from libs.edge.answers import NO_STORE
from libs.edge.wire import VERSION
from libs.oauth.authorization import FORM_POST, WEB_MESSAGE, AuthorizationRequest, location, origin_of

HTML: Final = ("content-type", "text/html; charset=utf-8")

KEEPS_OPENER: Final = ("cross-origin-opener-policy", "unsafe-none")
"""A login in a pop-up tells whoever opened it, by a message or from the application's own callback page.

Every answer on its way must leave it its opener: one that does not cuts the pop-up off for good, and nothing in a
request tells that it comes from one (Swagger UI, auth0-js).
"""

FORM_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Signing in</title></head>
<body>
<form id="response" method="post" action="{action}">
{fields}
<noscript><p>Your browser runs no scripts. Press the button to go on.</p></noscript>
<button id="continue" type="submit">Continue</button>
</form>
<script nonce="{nonce}">{script}</script>
</body></html>
"""

SUBMIT: Final = 'document.getElementById("response").submit();'

MESSAGE_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Signing in</title></head>
<body><script nonce="{nonce}">
(function (to, message, origin) {{ if (to && to !== window) to.postMessage(message, origin); }})(
  window.opener || window.parent, {message}, {origin});
</script></body></html>
"""


@dataclass(frozen=True)
class Destination:
    """Where an answer goes, and how."""

    client_id: str
    redirect_uri: str
    mode: str
    state: bytes | None

    @classmethod
    def of(cls, asked: AuthorizationRequest) -> "Destination":
        """Where the answer to a checked request goes."""
        return cls(asked.client_id, asked.redirect_uri, asked.response_mode, asked.state)


def answered(to: Destination, issuer: str, said: Mapping[str, str], headers: Iterable[tuple[str, str]] = ()) -> Reply:
    """The response to an authorization request: `said`, with `state` as it was sent, and `iss`."""
    answer: dict[str, str | bytes] = {**said}
    if to.state is not None:
        answer["state"] = to.state
    answer["iss"] = issuer
    if to.mode == FORM_POST:
        return _form(to, answer, headers)
    if to.mode == WEB_MESSAGE:
        return _message(to, answer, headers)
    there = location(to.redirect_uri, to.mode, answer)
    return Reply(VERSION, 303, [("location", there), *NO_STORE, *headers], b"")


def _form(to: Destination, answer: Mapping[str, str | bytes], headers: Iterable[tuple[str, str]]) -> Reply:
    # The script is a classic one behind the form, so that old engines run it too. The directive form-action is left
    # out: Chromium applies it to redirects behind the post as well, and those are the application's affair.
    nonce = secrets.token_urlsafe(16)
    fields = "\n".join(f'<input type="hidden" name="{name}" value="{_html(value)}">' for name, value in answer.items())
    body = FORM_PAGE.format(action=_html(to.redirect_uri), fields=fields, nonce=nonce, script=SUBMIT)
    return html(body, f"default-src 'none'; script-src 'nonce-{nonce}'; {_CLOSED}", [*headers, KEEPS_OPENER])


def _message(to: Destination, answer: Mapping[str, str | bytes], headers: Iterable[tuple[str, str]]) -> Reply:
    nonce, origin = secrets.token_urlsafe(16), origin_of(to.redirect_uri)
    message = {"type": "authorization_response", "response": {name: _text(value) for name, value in answer.items()}}
    body = MESSAGE_PAGE.format(nonce=nonce, message=_script(message), origin=_script(origin))
    policy = f"default-src 'none'; script-src 'nonce-{nonce}'; base-uri 'none'; frame-ancestors {origin}"
    return html(body, policy, [*headers, KEEPS_OPENER])


_CLOSED: Final = "base-uri 'none'; frame-ancestors 'none'"


def html(body: str, policy: str, headers: Iterable[tuple[str, str]] = (), *, status: int = 200) -> Reply:
    """A page with its content security policy, kept by nobody."""
    said = [HTML, ("content-security-policy", policy), ("referrer-policy", "no-referrer"), *NO_STORE, *headers]
    return Reply(VERSION, status, said, body.encode(errors="replace"))


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _html(value: str | bytes) -> str:
    return escape(_text(value), quote=True)


def _script(value: object) -> str:
    """JSON that can stand in a script: nothing in it ends the script or a line."""
    text = msgspec.json.encode(value).decode()
    for sign in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
