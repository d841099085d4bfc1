"""Auth0's codes of what people do: each event of a few kinds, with what decides its code."""

from datetime import UTC, datetime
from typing import Any

import pytest

from libs.eventstore import Activity, Envelope, Event
from libs.runtime.ids import uuid7
from services.audit.rules.publishing import PUBLISHED, publishes
from services.audit.rules.said import Private
from services.connections import events as connections
from services.login import events as login
from services.token import events as token

SEEN: dict[str, Any] = {"address": "203.0.113.7", "user_agent": "Marked/1.0", "host": "marked.example"}
CLIENT: dict[str, Any] = {"client_id": "app", "client_name": "Marked app", "connection": "db"}
FAILED: dict[str, Any] = {"identifier_hash": "a" * 64, **CLIENT, **SEEN}
CAME: dict[str, Any] = {"person": "p1", "session_id": "s1", **CLIENT, "amr": ["pwd"], "is_signup": False, **SEEN}
REFUSED: dict[str, Any] = {"client_id": "app", "client_name": "Marked app", "error": "login_required", **SEEN}
GRANT: dict[str, Any] = {"grant_id": "g1", "client_id": "app", "person": "p1"}
DELIVERED: dict[str, Any] = {"delivery_id": "d1", "client_id": "app", "session_id": "s1"}

CODES: list[tuple[Event, str | None]] = [
    (login.LoginSucceeded(**CAME, is_silent=False), "s"),
    (login.LoginSucceeded(**CAME, is_silent=True), "ssa"),
    (login.LoginFailed(person="p1", reason="wrong_password", **FAILED), "fp"),
    (login.LoginFailed(person=None, reason="unknown", **FAILED), "fu"),
    (login.LoginFailed(person="p1", reason="blocked", **FAILED), "f"),
    (login.LoginLocked(person="p1", identifier_hash="a", client_id="app", **SEEN), "limit_wc"),
    (login.LoginThrottled(client_id="app", client_name="Marked app", is_signup=False, **SEEN), "limit_mu"),
    (login.LoginUnlocked(person="p1", by="api"), "ublkdu"),
    (login.SignupFailed(**CLIENT, reason="user_exists", **SEEN), "fs"),
    (login.AuthorizationRefused(**REFUSED, reason="LoginRequired", is_silent=True), "fsa"),
    (login.AuthorizationRefused(**REFUSED, reason="Denied", is_silent=False), "f"),
    (login.UserBlocked(person="p1"), "sapi"),
    (login.UserErased(person="p1"), "sdu"),
    (login.UserPasswordChanged(person="p1", by="reset"), "scp"),
    (login.UserPasswordChanged(person="p1", by="api"), "sapi"),
    (login.UserEmailVerified(person="p1", is_verified=True, by="link"), "sv"),
    (login.UserEmailVerified(person="p1", is_verified=False, by="api"), "sapi"),
    (login.SessionEnded(session_id="s1", person="p1", reason="logout"), "slo"),
    (login.SessionEnded(session_id="s1", person="p1", reason="erased"), None),
    (login.SessionEnded(session_id="s1", person="p1", reason="expired"), None),
    (login.SessionAnnotated(session_id="s1", person="p1"), "sapi"),
    (login.PasswordResetRequested(person=None, client_id="app", connection="db", **SEEN), "scpr"),
    (login.EmailVerificationRequested(person="p1", client_id=None), "svr"),
    (token.GrantRevoked(**GRANT, reason="refresh_token_reused"), "ferrt"),
    (token.GrantRevoked(**GRANT, reason="revoked"), "srrt"),
    (token.GrantExpired(**GRANT), None),
    (token.GrantAnnotated(**GRANT), "sapi"),
    (connections.ConnectionDeleted(connection_id="c1", name="db"), "sapi"),
    (connections.MailFailed(delivery_id="d1", kind="verify_email", person="p1", reason="refused"), "fn"),
    (connections.LogoutDelivered(**DELIVERED), "oidc_backchannel_logout_succeeded"),
    (connections.LogoutUndelivered(**DELIVERED, reason="timeout"), "oidc_backchannel_logout_failed"),
]


@pytest.mark.parametrize(("event", "code"), CODES, ids=lambda value: value if isinstance(value, str) else "")
def test_what_people_do_has_auth0s_codes_and_names_nobody_in_public(event: Event, code: str | None) -> None:
    says = PUBLISHED[type(event)]
    assert not isinstance(says, Private)
    public = publishes(says)(_envelope(), event)
    assert public.code == code
    for word in ("203.0.113.7", "Marked", "marked.example", "a" * 64):
        assert word.encode() not in public.data
    if isinstance(event, Activity) and hasattr(event, "address"):
        assert public.private is not None
        assert b"203.0.113.7" in public.private


def _envelope() -> Envelope:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Envelope(
        id=uuid7(), tenant="default", stream=None, version=None, log="facts", epoch=1, pos=1, type="login.x", v=1,
        occurred_at=now, at=now, data=b"{}",  # type: ignore[arg-type]
    )  # fmt: skip
