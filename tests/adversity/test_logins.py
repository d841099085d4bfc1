"""Somebody signs in while services are killed: they reload and go on, and nobody has a session without its steps."""

import secrets

from tests.journeys.test_code_flow import CALLBACK, PASSWORD, application, redeemed
from tests.journeys.visitor import Visitor, location, said
from tests.stack import Stack


def test_a_login_goes_on_when_login_and_token_were_killed_in_its_middle(victim: Stack) -> None:
    client, ada = application(victim), Visitor(victim)
    email = f"ada-{secrets.token_hex(4)}@example.com"
    asked = {"client_id": client["client_id"], "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}

    begun = ada.get("/authorize", **asked, screen_hint="signup")
    page = ada.get(location(begun))
    pid = victim.kill("login")
    victim.await_back("login", not_pid=pid, within=40)
    with victim.nobody_restarts():
        gone = victim.kill("token")
        waiting = ada.press(page, location(begun), email=email, password=PASSWORD)
        assert location(waiting).startswith("/authorize/resume?"), waiting
        assert ada.get(location(waiting)).status == 503
    victim.await_back("token", not_pid=gone, within=40)
    pid = victim.kill("login")
    victim.await_back("login", not_pid=pid, within=40)
    answered = ada.get(location(waiting))
    assert redeemed(victim, client, said(answered)["code"])["id_token"]
    assert "code" in said(ada.get("/authorize", **asked, prompt="none"))
