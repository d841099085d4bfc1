"""What tokens say of somebody: by scope, by the `claims` parameter, and never metadata."""

from datetime import UTC, datetime
from typing import Any, Final

from services.login.queries.people import Person, claims

BEGAN: Final = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)


def somebody(**profile: Any) -> Person:
    return Person(
        person="p1",
        user_id="auth0|1",
        connection_id="con_1",
        connection="Username-Password-Authentication",
        provider="auth0",
        email_verified=True,
        has_password=True,
        is_blocked=False,
        profile={"email": "ada@corp.example", "user_metadata": {"a": 1}, "app_metadata": {"role": "admin"}, **profile},
        valid_from=BEGAN,
        created_at=BEGAN,
        updated_at=BEGAN,
    )


def test_scopes_ask_for_claims() -> None:
    assert claims(somebody(), ["openid"], None, place="id_token") == {}
    email = {"email": "ada@corp.example", "email_verified": True}
    assert claims(somebody(), ["openid", "email"], None, place="userinfo") == email
    profile = claims(somebody(given_name="Ada"), ["openid", "profile"], None, place="id_token")
    assert profile["name"] == "ada@corp.example"
    assert profile["nickname"] == "ada"
    assert profile["given_name"] == "Ada"
    assert profile["updated_at"] == int(BEGAN.timestamp())
    assert profile["picture"].startswith("https://s.gravatar.com/avatar/")
    assert "email" not in profile


def test_the_claims_parameter_asks_for_one_place() -> None:
    asked = {
        "id_token": {"email": {"essential": True}, "app_metadata": None, "nonsense": None},
        "userinfo": {"name": None},
    }
    assert claims(somebody(), ["openid"], asked, place="id_token") == {"email": "ada@corp.example"}
    assert claims(somebody(name="Ada"), ["openid"], asked, place="userinfo") == {"name": "Ada"}
    assert claims(somebody(), ["openid"], {"id_token": None}, place="id_token") == {}


def test_metadata_are_never_claims() -> None:
    every = ["openid", "profile", "email", "address", "phone", "user_metadata", "app_metadata"]
    said = claims(somebody(), every, {"id_token": {"user_metadata": None}}, place="id_token")
    assert not {"user_metadata", "app_metadata"} & said.keys()
