"""Causes the events of people, of connections and of what is delivered, on a running stack, for the record.

Everybody here is invented. What takes a stack long is made short by what an operator may set: refresh tokens that live
a second (whose grants still wait up to a minute for a sweep), and, on the second start, a mail server that is not there
and a single try.
"""

from collections.abc import Mapping
from typing import Any, Final

from tests.browser import Page
from tests.journey import OFFLINE, Journey, journey
from tests.mailbox import link
from tests.receiver import Receiver
from tests.relying_party import LOGGED_OUT, Account, account
from tests.stack import Answer, Stack, until

CONNECTION: Final = "Username-Password-Authentication"
STRANGER: Final = Account("recorded@example.com", "Twelve brave otters 47", "")
"""Who signs up."""

SECOND: Final = "Entirely other otter 51"
LOCKS_AFTER: Final = 10
TOO_MANY: Final = 429
SWEPT_WITHIN: Final = 90.0

BRIEF: Final = {
    "rotation_type": "rotating",
    "expiration_type": "expiring",
    "leeway": 0,
    "token_lifetime": 2,
    "idle_token_lifetime": 1,
    "infinite_token_lifetime": False,
    "infinite_idle_token_lifetime": False,
}
"""Refresh tokens that nobody can use in time."""

SENDER: Final = {"LIMEN_SMTP_URL": "smtp+plain://127.0.0.1:1", "LIMEN_MAIL_FROM": "no-reply@example.com"}

UNDELIVERABLE: Final = {**SENDER, "LIMEN_DELIVERY_ATTEMPTS": "1"}
"""Mails and logouts are given up at once."""


def people(stack: Stack) -> Account:
    """Do what makes each event happen but those of `undelivered`; somebody who is left for it.

    The last events of a kind are recorded: they come in the order in which they can follow, so that they fold.
    """
    left = account(stack)
    _looks(stack)
    _connections(stack)
    _brief(stack)
    _attempts(stack)
    _throttled(stack)
    _consents(stack)
    _life(stack)
    until(lambda: has_happened(stack, "facts", "token.grant_expired"), SWEPT_WITHIN)
    return left


def undelivered(stack: Stack, person: Account) -> None:
    """On a stack with `UNDELIVERABLE`: a mail and a logout that are given up, and a code that comes twice."""
    wish = {"backchannel_logout_urls": ["http://localhost:1/logout"]}
    with journey(stack, person=person, oidc_logout=wish) as go:
        go.tokens()
        again = go.rp.attempt(prompt="login", scope=OFFLINE)
        code = go.rp.code(again, go.landing(again))
        given = go.rp.judged(go.rp.exchange(again, code), again.parameters["nonce"])
        assert go.rp.exchange(again, code).status_code == 400
        _left(go, given.id_token)
        _asked(stack, go.client_id, "change_password", {"email": go.person.email})
    for name in ("mail_failed", "logout_undelivered"):
        until(lambda name=name: has_happened(stack, "activity", f"connections.{name}"), 30)  # type: ignore[misc]


def has_happened(stack: Stack, log: str, name: str) -> bool:
    """Whether an event of this name is in a log."""
    return any(event["type"] == name for event in stack.events("--log", log, "--from", "1"))


def _looks(stack: Stack) -> None:
    _managed(stack, "PATCH", "branding", {"colors": {"primary": "#3b5bdb"}})
    _managed(stack, "PATCH", "prompts", {"identifier_first": False})
    _managed(stack, "PATCH", "prompts", {"identifier_first": True})
    _managed(stack, "PATCH", "attack-protection/brute-force-protection", {"allowlist": ["192.0.2.0/24"]})


def _connections(stack: Stack) -> None:
    app = _managed(stack, "POST", "clients", {"name": "recorded", "app_type": "regular_web"}).json()["client_id"]
    made = _managed(stack, "POST", "connections", {"name": "recorded", "strategy": "auth0"}).json()["id"]
    _managed(stack, "PATCH", f"connections/{made}", {"display_name": "Recorded"})
    for status in (True, False):
        _managed(stack, "PATCH", f"connections/{made}/clients", [{"client_id": app, "status": status}])
    _managed(stack, "DELETE", f"connections/{made}")


def _brief(stack: Stack) -> None:
    """A grant that ends by itself."""
    with journey(stack, refresh_token=BRIEF) as go:
        go.tokens(scope=OFFLINE)


def _attempts(stack: Stack) -> None:
    """What is refused: wrong passwords until the account is locked, weak ones, silence of somebody unknown."""
    with journey(stack) as go:
        assert go.error(prompt="none") == "login_required"
        page = go.authorize()
        for _ in range(LOCKS_AFTER):
            page = _guessed(go, page)
        weak = {"email": "weak@example.com", "password": "password"}
        assert _asked(stack, go.client_id, "signup", weak).status == 400
        link(stack, go.person.email, "blocked_account")
        _managed(stack, "DELETE", f"user-blocks/{_in_path(go.person.user_id)}")


def _guessed(go: Journey, page: Page) -> Page:
    page = go.browser.submit(page, {"username": go.person.email}) if page.asks_for("username") else page
    return go.browser.submit(page, {"password": "a wrong otter 99"})


def _throttled(stack: Stack) -> None:
    """After so many attempts from here none is let through, where the tenant wants it so."""
    path = "attack-protection/suspicious-ip-throttling"
    before = _managed(stack, "GET", path).json()
    _managed(stack, "PATCH", path, {"stage": {**before["stage"], "pre-login": {"max_attempts": 1, "rate": 86_400_000}}})
    with journey(stack) as go:
        assert _guessed(go, go.authorize()).status == TOO_MANY
    _managed(stack, "PATCH", path, {"stage": before["stage"]})


def _consents(stack: Stack) -> None:
    with journey(stack, is_first_party=False) as go:
        go.tokens(scope="openid email")
        (grant,) = _managed(stack, "GET", f"grants?user_id={_in_path(go.person.user_id)}").json()
        _managed(stack, "DELETE", f"grants/{grant['id']}")


def _life(stack: Stack) -> None:
    """Somebody signs up, comes back, leaves, forgets the password, is blocked and let in again, and is erased."""
    email = STRANGER.email
    with Receiver() as receiver, journey(stack, oidc_logout=_told(receiver), person=STRANGER) as go:
        attempt = go.rp.attempt(scope=OFFLINE)
        go.rp.redeemed(attempt, go.browser.sign_up(go.browser.open(attempt.url), email, STRANGER.password))
        user = f"users/{_in_path(_user_id(stack, email))}"
        _annotated(stack, user)
        _managed(stack, "POST", "jobs/verification-email", {"user_id": _user_id(stack, email)})
        _confirmed(go, link(stack, email, "verify_email", count=2))
        again = go.rp.attempt(prompt="login")
        page = go.browser.sign_in(go.browser.open(again.url), email, STRANGER.password)
        _left(go, go.rp.redeemed(again, page).id_token)
        until(lambda: has_happened(stack, "activity", "connections.logout_delivered"), 15)
        _asked(stack, go.client_id, "change_password", {"email": email})
        _reset(go, link(stack, email, "reset_email"))
    for change in ({"given_name": "Recorded"}, {"blocked": True}, {"blocked": False}):
        _managed(stack, "PATCH", user, change)
    _managed(stack, "DELETE", user)


def _annotated(stack: Stack, user: str) -> None:
    """Something is noted of what somebody has."""
    for kind, of, metadata in (
        ("sessions", "sessions", "session_metadata"),
        ("tokens", "refresh-tokens", "refresh_token_metadata"),
    ):
        id_ = _managed(stack, "GET", f"{user}/{of}").json()[kind][0]["id"]
        _managed(stack, "PATCH", f"{of}/{id_}", {metadata: {"recorded": "yes"}})


def _told(receiver: Receiver) -> Mapping[str, Any]:
    return {"backchannel_logout_urls": [f"{receiver.url}logout"]}


def _left(go: Journey, id_token: str) -> None:
    url = go.rp.logout_url(id_token_hint=id_token, post_logout_redirect_uri=LOGGED_OUT)
    assert go.browser.open(url).landed, "the way out leads back"


def _confirmed(go: Journey, url: str) -> None:
    page = go.browser.open(url)
    page = go.browser.submit(page) if page.forms else page
    assert page.status == 200, page


def _reset(go: Journey, url: str) -> None:
    page = go.browser.open(url)
    inputs = {name: SECOND for name, kind in page.form().types.items() if kind == "password"}
    assert go.browser.submit(page, inputs).status == 200


def _asked(stack: Stack, client_id: str, what: str, body: Mapping[str, str]) -> Answer:
    """Ask Auth0's Authentication API for an account or a mail."""
    given = {"client_id": client_id, "connection": CONNECTION, **body}
    return stack.request("POST", f"/dbconnections/{what}", json=given)


def _managed(stack: Stack, method: str, path: str, body: Any = None) -> Answer:
    answer = stack.management(method, path, body)
    assert answer.status in {200, 201, 202, 204}, (method, path, answer.body)
    return answer


def _user_id(stack: Stack, email: str) -> str:
    return str(_managed(stack, "GET", f"users-by-email?email={email}").json()[0]["user_id"])


def _in_path(user_id: str) -> str:
    return user_id.replace("|", "%7C")
