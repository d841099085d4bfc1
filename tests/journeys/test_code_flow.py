"""The authorization code flow through a whole stack, as RFC 6749's figure 3 and OpenID Connect's steps have it.

+----------+
| Resource |
|   Owner  |
+----------+
     ^
     |
    (B)
+----|-----+          Client Identifier      +---------------+
|         -+----(A)-- & Redirection URI ---->|               |
|  User-   |                                 | Authorization |
|  Agent  -+----(B)-- User authenticates --->|     Server    |
|         -+----(C)-- Authorization Code ---<|               |
+-|----|---+                                 +---------------+
  |    |                                         ^      v
 (A)  (C)                                        |      |
  |    |                                         |      |
  ^    v                                         |      |
+---------+                                      |      |
|         |>---(D)-- Authorization Code ---------'      |
|  Client |          & Redirection URI                  |
|         |<---(E)----- Access Token -------------------'
+---------+       (w/ Optional Refresh Token)
"""

import json
import secrets
from base64 import urlsafe_b64decode
from typing import Any, Final
from urllib.parse import quote

from tests.journeys.visitor import Visitor, location, said
from tests.stack import Stack

CALLBACK: Final = "http://localhost:3999/callback"
BYE: Final = "http://localhost:3999/bye"
PASSWORD: Final = "correct-horse-7-battery"


def application(stack: Stack) -> dict[str, Any]:
    body = {"name": "Journey", "app_type": "regular_web", "callbacks": [CALLBACK], "allowed_logout_urls": [BYE]}
    answer = stack.management("POST", "clients", body)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()
    return made


def redeemed(stack: Stack, client: dict[str, Any], code: str) -> Any:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    form |= {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    answer = stack.request("POST", "/oauth/token", form=form)
    assert answer.status == 200, answer.body
    return answer.json()


def claims(id_token: str) -> Any:
    body = id_token.split(".")[1]
    return json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_somebody_signs_up_signs_in_again_and_logs_out(stack: Stack) -> None:
    client, ada = application(stack), Visitor(stack)
    email = f"ada-{secrets.token_hex(4)}@example.com"
    asked = {"client_id": client["client_id"], "redirect_uri": CALLBACK, "response_type": "code"}
    asked |= {"scope": "openid email offline_access", "state": "s1", "nonce": "n1"}

    # (A) The client sends the browser here; (B) she has no account yet and makes one, which signs her in.
    begun = ada.get("/authorize", **asked, screen_hint="signup")
    page = ada.get(location(begun))
    answered = ada.press(page, location(begun), email=email, password=PASSWORD)

    # (C) The browser goes back with a code, (D) which the client redeems (E) for tokens.
    assert location(answered).startswith(f"{CALLBACK}?"), answered.body
    assert said(answered)["state"] == "s1"
    assert said(answered)["iss"] == stack.issuer
    tokens = redeemed(stack, client, said(answered)["code"])
    first = claims(tokens["id_token"])
    assert (first["aud"], first["nonce"], first["email"]) == (client["client_id"], "n1", email)
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert stack.request("GET", "/userinfo", headers=bearer).json()["sub"] == first["sub"]

    # Signed in, she is asked nothing; the application need not even show a page.
    silent = ada.get("/authorize", **asked, prompt="none")
    assert claims(redeemed(stack, client, said(silent)["code"])["id_token"])["auth_time"] == first["auth_time"]

    # She logs out by the ID token, and nobody is signed in any more.
    out = ada.get("/oidc/logout", id_token_hint=tokens["id_token"], post_logout_redirect_uri=BYE, state="bye")
    assert location(out) == f"{BYE}?state=bye"
    assert said(ada.get("/authorize", **asked, prompt="none"))["error"] == "login_required"

    # Another day: name, then password.
    begun = ada.get("/authorize", **asked)
    page = ada.get(location(begun))
    named = ada.press(page, location(begun), username=email)
    wrong = ada.press(ada.get(location(named)), location(named), password="wrong-horse-7-battery")
    assert wrong.status == 400
    answered = ada.press(ada.get(location(named)), location(named), password=PASSWORD)
    again = claims(redeemed(stack, client, said(answered)["code"])["id_token"])
    assert again["sub"] == first["sub"]
    assert again["sid"] != first["sid"]

    # An administrator ends her sessions.
    user = quote(first["sub"], safe="")
    assert len(stack.management("GET", f"users/{user}/sessions").json()["sessions"]) == 1
    assert stack.management("DELETE", f"users/{user}/sessions").status == 202
    assert said(ada.get("/authorize", **asked, prompt="none"))["error"] == "login_required"


def test_pages_bear_the_products_name_until_the_tenant_has_one(stack: Stack) -> None:
    assert "· Limen</title>" in stack.get("/authorize").body.decode()


def test_a_stranger_asks_for_consent_and_it_is_taken_back(stack: Stack) -> None:
    client, bob = application(stack), Visitor(stack)
    assert stack.management("PATCH", f"clients/{client['client_id']}", {"is_first_party": False}).status == 200
    email = f"bob-{secrets.token_hex(4)}@example.com"
    asked = {"client_id": client["client_id"], "redirect_uri": CALLBACK, "response_type": "code"}
    asked |= {"scope": "openid offline_access", "state": "s"}

    begun = bob.get("/authorize", **asked, screen_hint="signup")
    asking = bob.press(bob.get(location(begun)), location(begun), email=email, password=PASSWORD)
    assert location(asking).startswith("/u/consent?")
    answered = bob.press(bob.get(location(asking)), location(asking), action="accept")
    tokens = redeemed(stack, client, said(answered)["code"])

    user = quote(claims(tokens["id_token"])["sub"], safe="")
    (consent,) = stack.management("GET", f"grants?user_id={user}").json()
    assert consent["clientID"] == client["client_id"]
    assert stack.management("DELETE", f"grants/{consent['id']}").status == 204

    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    form |= {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    refused = stack.request("POST", "/oauth/token", form=form)
    assert (refused.status, refused.json()["error"]) == (400, "invalid_grant")
    assert said(bob.get("/authorize", **asked, prompt="none"))["error"] == "consent_required"
