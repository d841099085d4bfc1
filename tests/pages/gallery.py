"""Owns examples of every page: what the tests hold against the rules, and what the pictures in the guide show."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from libs.edge.wire import Reply, Request
from libs.sealed import keyring_from_text
from services.login.factors.policy import Policy
from services.login.routes import messages, problems
from services.login.routes.brand import Brand
from services.login.routes.messages import Message
from services.login.routes.rules import rules_of
from services.login.routes.showing import Pages

ROOT: Final = Path(__file__).parents[2]
KEYRING: Final = keyring_from_text("test:" + base64.urlsafe_b64encode(bytes(range(32))).decode())
BRAND: Final = Brand(name="Nordlicht", primary="#1f5fbf", support_url="https://nordlicht.example/help")
STATE: Final = "0123456789abcdef0123456789abcdef"
ADA: Final = "ada@example.org"
RULES: Final = rules_of(Policy())
SCOPES: Final = (
    {"name": "openid", "text": ""},
    {"name": "profile", "text": ""},
    {"name": "email", "text": ""},
    {"name": "read:invoices", "text": "Read your invoices"},
    {"name": "offline_access", "text": ""},
)


@dataclass(frozen=True)
class Example:
    """One page as somebody meets it."""

    name: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)

    def shown(self, *, language: str = "en", brand: Brand = BRAND, **more: Any) -> Reply:
        """The answer with this page."""
        context = {
            "state": STATE,
            "action": "/u/login",
            "application": "Harbour",
            "binding": "secret",
            **self.context,
            **more,
        }
        return Pages(KEYRING.derived("csrf"), lambda _: brand).show(request(language), self.template, **context)


def request(language: str = "en", *headers: tuple[str, str]) -> Request:
    """Somebody whose browser prefers this language."""
    said = [("accept-language", language), *headers]
    return Request(
        1, "GET", "https", "login.example", "/u/login", "", said, b"", "192.0.2.1", None, "t", "r-1", "", 0.0
    )


_ERRORS: Final = (
    problems.Forged(),
    problems.Expired(back="https://app.example/"),
    problems.OtherBrowser(),
    problems.AlreadyDone(),
    problems.UnknownApplication(),
    problems.BadRedirectURI(),
    problems.BadRequest(detail="invalid_request: scope"),
    problems.LinkSpent(),
    problems.LinkNotKept(),
    problems.NoSuchPage(),
    problems.Away(),
    problems.Broken(),
)

GALLERY: Final = (
    Example("identifier", "identifier.html", {"may_sign_up": True}),
    Example("identifier-offered", "identifier.html", {"identifier": ADA, "is_offered": True, "may_sign_up": True}),
    Example("login-offered", "login.html", {"identifier": ADA, "is_offered": True, "may_sign_up": True}),
    Example("identifier-error", "identifier.html", {"errors": {"username": messages.EMPTY_IDENTIFIER}}),
    Example("password", "password.html", {"identifier": ADA, "may_sign_up": True}),
    Example("password-error", "password.html", {"identifier": ADA, "errors": {"password": messages.WRONG_CREDENTIALS}}),
    Example("login", "login.html", {"may_sign_up": True}),
    Example("login-error", "login.html", {"identifier": ADA, "errors": {"form": messages.TOO_MANY}}),
    Example("signup", "signup.html", {"rules": RULES}),
    Example(
        "signup-error",
        "signup.html",
        {
            "identifier": ADA,
            "rules": rules_of(Policy(), ("length_at_least", "not_used_before", "length_at_most")),
            "errors": {"password": messages.WEAK_PASSWORD, "form": messages.NO_ACCOUNT},
        },
    ),
    Example(
        "signup-names",
        "signup.html",
        {
            "identifier": "ada@example",
            "user_name": "ada lovelace",
            "needs_username": True,
            "rules": RULES,
            "errors": {"email": messages.NO_ADDRESS, "username": messages.NO_USERNAME},
        },
    ),
    Example("consent", "consent.html", {"person": ADA, "scopes": SCOPES}),
    Example(
        "consent-rare",
        "consent.html",
        {"scopes": ({"name": "phone", "text": ""}, {"name": "address", "text": ""}, {"name": "x:y", "text": ""})},
    ),
    Example("account", "account.html", {"person": ADA, "session": "Zm9yIGV2ZXIgYW5kIGEgZGF5"}),
    Example("reset-request", "reset_request.html"),
    Example("reset", "reset.html", {"person": ADA, "rules": RULES}),
    *(
        Example(f"message-{each.code}", "message.html", {"message": each, "link": None if each.button else "/u/login"})
        for each in vars(messages).values()
        if isinstance(each, Message)
    ),
    *(
        Example(f"problem-{each.code}", "problem.html", {"problem": each, "request_id": "r-0123456789"})
        for each in _ERRORS
    ),
)
