"""Pages without dress: what is shown where no dressed page can be made, and errors of the front channel."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final, Protocol

from libs.edge import Call, Refusal, Reply, Request
from libs.oauth.authorization import Untrusted
from libs.oauth.errors import OAuthError
from libs.runtime.errors import Unavailable
from services.login.routes.answering import html
from services.login.routes.csrf import Forged
from services.login.rows.transactions import NotThisBrowser, TransactionGone

POLICY: Final = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"

PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title></head><body><main><h1>{title}</h1><p>{sentence}</p>{more}</main></body></html>
"""


class Shows(Protocol):
    """Whoever makes the pages."""

    def show(
        self,
        call: Call,
        template: str,
        *,
        status: int = 200,
        form_action: Sequence[str] = (),
        headers: Sequence[tuple[str, str]] = (),
        **context: Any,
    ) -> Reply:
        """A page."""


def plain(title: str, sentence: str, *, status: int, more: str = "", headers: Sequence[tuple[str, str]] = ()) -> Reply:
    """A page of a heading and a sentence; `more` is HTML."""
    body = PAGE.format(title=escape(title), sentence=escape(sentence), more=more)
    return html(body, POLICY, headers, status=status)


SAID: Final[Mapping[type[Exception], tuple[int, str, str]]] = {
    NotThisBrowser: (403, "Another browser", "This login was begun in another browser, or cookies are off."),
    TransactionGone: (400, "Start again", "This login has expired, or is done. Go back to the application."),
    Forged: (403, "This cannot be done", "The form was not sent from this page. Go back and try again."),
}
"""What is told of the errors that say nothing themselves: status, heading, sentence."""


def page(error: Exception, _request: Request) -> Reply:
    """Tell an error to the person before the browser; a renderer (DESIGN §9)."""
    for kind, (status, title, sentence) in SAID.items():
        if isinstance(error, kind):
            return plain(title, sentence, status=status)
    match error:
        case Untrusted():
            return plain("This request cannot be answered", error.sentence, status=400)
        case Unavailable():
            wait = [("retry-after", str(error.retry_after))]
            return plain("One moment", "We cannot answer right now. Reload this page.", status=503, headers=wait)
        case Refusal():
            return plain("This cannot be done", error.message, status=error.status, headers=error.headers)
        case OAuthError():
            return plain("This cannot be done", error.description, status=error.status)
        case _:
            return plain("Something went wrong", "It is our fault, and it was noted.", status=500)
