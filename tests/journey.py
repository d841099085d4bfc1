"""Somebody, their browser and an application on their way together, in the shortest words for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.browser import Browser, Page, browsing
from tests.relying_party import Account, Application, Attempt, RelyingParty, Tokens, account, register
from tests.stack import Stack

OFFLINE = "openid profile email offline_access"


class Journey:
    """One person at one application; the login page is answered only where it is shown."""

    def __init__(self, rp: RelyingParty, browser: Browser, person: Account) -> None:
        self.rp, self.browser, self.person = rp, browser, person

    @property
    def stack(self) -> Stack:
        return self.rp.stack

    @property
    def client_id(self) -> str:
        return self.rp.application.client_id

    def authorize(self, **parameters: str | None) -> Page:
        """Where an authorization request leads at first."""
        return self.browser.open(self.rp.attempt(**parameters).url)

    def landing(self, attempt: Attempt) -> Page:
        page = self.browser.open(attempt.url)
        if page.landed is None and page.has_button("accept"):
            return self.browser.accepted(page)
        return page if page.landed else self.browser.sign_in(page, self.person.email, self.person.password)

    def code(self, **parameters: str | None) -> tuple[Attempt, str]:
        """A code, not yet redeemed."""
        attempt = self.rp.attempt(**parameters)
        return attempt, self.rp.code(attempt, self.landing(attempt))

    def tokens(self, **parameters: str | None) -> Tokens:
        """What the code is worth."""
        attempt = self.rp.attempt(**parameters)
        return self.rp.redeemed(attempt, self.landing(attempt))

    def error(self, **parameters: str | None) -> str:
        """The error that came to the application, with nobody asked anything."""
        attempt = self.rp.attempt(**parameters)
        return self.rp.refused(attempt, self.browser.open(attempt.url))

    def is_known(self) -> bool:
        """Whether the browser has a session."""
        attempt = self.rp.attempt(prompt="none")
        return "code" in self.rp.arrived(attempt, self.browser.open(attempt.url))


@contextmanager
def journey(
    stack: Stack, application: Application | None = None, person: Account | None = None, **properties: Any
) -> Iterator[Journey]:
    """A journey with what is not given made for it."""
    made = application or register(stack, **properties)
    rp = RelyingParty(stack, made)
    try:
        with browsing(stack) as browser:
            yield Journey(rp, browser, person or account(stack))
    finally:
        rp.close()


def is_refused(answer: httpx.Response, error: str = "invalid_grant", status: int = 400) -> bool:
    """Whether it is this refusal."""
    found = (answer.status_code, answer.json().get("error"))
    assert found == (status, error), (found, answer.text)
    return True


ROTATING = {
    "rotation_type": "rotating",
    "expiration_type": "expiring",
    "leeway": 0,
    "token_lifetime": 3600,
    "idle_token_lifetime": 1800,
    "infinite_token_lifetime": False,
    "infinite_idle_token_lifetime": False,
}
"""A refresh token that is good once."""
