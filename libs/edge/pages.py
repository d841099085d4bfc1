"""Owns what a person sees when a page cannot be shown: calm, whole in itself, and telling nothing of our insides.

There is no script, no link to elsewhere and no template: the style is part of the page, and its hash is in the policy
that the page is sent with, so that nothing else would be obeyed even if somebody managed to put it there.
"""

import base64
import hashlib
from html import escape
from http import HTTPStatus
from typing import Final, NamedTuple

from libs.edge import answers
from libs.edge.refusals import Refusal
from libs.edge.wire import VERSION, Reply, Request
from libs.oauth.errors import OAuthError
from libs.runtime.errors import Unavailable


class Words(NamedTuple):
    """What a page says: what is the matter, what that means, and what to do next."""

    title: str
    meaning: str
    next: str


_BACK: Final = "Go back to the application you came from and start from there."
_AGAIN: Final = "Wait a moment, then load this page again."

MALFORMED: Final = Words(
    "This link does not work",
    "The address is incomplete or was changed on its way.",
    f"{_BACK} If you meet this page again, tell the people who run that application.",
)
SAID: Final[dict[int, Words]] = {
    400: MALFORMED,
    401: Words("You are not signed in", "This page is for somebody who is.", _BACK),
    403: Words("This is not possible", "What was asked for is not allowed here.", _BACK),
    404: Words("There is no such page", "The address may be mistyped, or it is no longer in use.", _BACK),
    405: Words("This address is not meant to be used like that", "The page cannot take what was sent to it.", _BACK),
    408: Words("That took too long", "The request did not arrive in time.", "Try again; check your connection first."),
    413: Words("That was too much", "More was sent than this page takes.", _BACK),
    421: Words(
        "Nobody signs in at this address",
        "No one is set up here under the name in the address bar.",
        "Check the address, or ask whoever gave it to you.",
    ),
    429: Words("Too many tries", "There were too many requests in a short time.", "Wait a minute, then try again."),
    500: Words(
        "Something went wrong",
        "It was our mistake, not yours. It has been noted.",
        f"{_AGAIN} If that does not help, go back to the application you came from.",
    ),
    503: Words("Back in a moment", "Signing in is not possible just now. Nothing of yours is lost.", _AGAIN),
}
"""By status; any other is told as its hundred."""

STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{margin:0;min-height:100vh;display:grid;place-items:center;background:#f4f5f7;color:#1c1e21;"
    "font:1rem/1.5 system-ui,sans-serif}"
    "main{box-sizing:border-box;width:min(100%,26rem);padding:2rem;background:#fff;border-radius:.75rem}"
    "h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}p{margin:0 0 1rem;overflow-wrap:anywhere}"
    ".note{margin:1.5rem 0 0;font-size:.875rem;color:#5b616b}"
    "@media(prefers-color-scheme:dark){body{background:#15171a;color:#eceef1}main{background:#1f2226}"
    ".note{color:#a5acb8}}"
)

POLICY: Final = (
    "default-src 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS: Final = (
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", POLICY),
    ("x-frame-options", "DENY"),
    *answers.NO_STORE,
)


def page(error: Exception, request: Request) -> Reply:
    """Tell an error to a person; the code and the request's id are for whoever they ask for help."""
    if isinstance(error, Refusal):
        return _page(error.status, None, error.code, error.headers, request)
    if isinstance(error, OAuthError):
        return _page(error.status, error.description, error.code, _again(error), request)
    if isinstance(error, Unavailable):
        return _page(503, None, "temporarily_unavailable", _again(error), request)
    return _page(500, None, "server_error", [], request)


def _again(error: Exception) -> list[tuple[str, str]]:
    retry_after = getattr(error, "retry_after", None)
    return [] if retry_after is None else [("retry-after", str(retry_after))]


def _page(status: int, detail: str | None, code: str, headers: list[tuple[str, str]], request: Request) -> Reply:
    words = SAID.get(status) or SAID.get(status // 100 * 100, SAID[500])
    # What the protocol says is for the application's makers; where it was our mistake it says nothing.
    is_theirs = detail is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR
    return Reply(VERSION, status, [*HEADERS, *headers], _html(words, detail if is_theirs else None, code, request))


def _html(words: Words, detail: str | None, code: str, request: Request) -> bytes:
    title = escape(words.title)
    said = "" if detail is None else f"<p>{escape(detail)}</p>"
    number = f" · {escape(request.request_id)}" if request.request_id else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1><p>{escape(words.meaning)}</p>{said}"
        f'<p>{escape(words.next)}</p><p class="note">{escape(code)}{number}</p></main></body></html>'
    ).encode()
