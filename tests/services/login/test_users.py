"""The Management API of users: shapes, changes, search, and who may."""

from typing import Any, Final
from urllib.parse import quote

import pytest

from services.login.commands import InviteAdministrator
from tests.services.login.house import CONNECTION, GOOD, NAME, OTHER, House
from tests.shapes.oracle import differences


def path(user: dict[str, Any]) -> str:
    return f"users/{quote(user['user_id'], safe='')}"


async def test_a_user_is_made_read_changed_and_deleted_in_auth0s_shapes(house: House) -> None:
    body = {"connection": NAME, "email": "Ada@Corp.example", "password": GOOD, "given_name": "Ada", "username": "ada"}
    made = await house.manage("POST", "users", body)
    assert made.status == 201
    assert differences("POST", "/api/v2/users", 201, made.body) == []
    assert made.body["email"] == made.body["name"] == "ada@corp.example"
    assert made.body["email_verified"] is False
    assert made.body["identities"][0] == {
        "connection": NAME,
        "provider": "auth0",
        "user_id": made.body["user_id"].removeprefix("auth0|"),
        "isSocial": False,
    }
    one = await house.manage("GET", path(made.body))
    assert differences("GET", "/api/v2/users/{id}", 200, one.body) == []
    assert one.body == made.body
    changed = await house.manage("PATCH", path(made.body), {"user_metadata": {"foo": "bar"}, "given_name": "A."})
    assert differences("PATCH", "/api/v2/users/{id}", 200, changed.body) == []
    assert changed.body["user_metadata"] == {"foo": "bar"}
    merged = await house.manage("PATCH", path(made.body), {"user_metadata": {"baz": "1", "foo": None}, "name": None})
    assert merged.body["user_metadata"] == {"baz": "1"}
    assert (await house.manage("DELETE", path(made.body))).status == 204
    gone = await house.manage("GET", path(made.body))
    assert (gone.status, gone.body["errorCode"]) == (404, "inexistent_user")
    assert (await house.manage("DELETE", path(made.body))).status == 204


async def test_a_user_keeps_a_name_to_sign_in_with(house: House) -> None:
    ada = await house.user("ada@corp.example")
    for change in ({"email": ""}, {"email": None}, {"username": ""}):
        assert (await house.manage("PATCH", path(ada), change)).status == 400, change
    assert (await house.manage("GET", path(ada))).body == ada
    assert (await house.manage("PATCH", path(ada), {"username": "ada", "email": None})).status == 200
    assert "email" not in (await house.manage("GET", path(ada))).body
    assert (await house.manage("PATCH", path(ada), {"username": None})).status == 400


async def test_metadata_that_are_empty_are_none(house: House) -> None:
    ada = await house.user("ada@corp.example", user_metadata={"colour": "green"}, app_metadata={"plan": "gold"})
    cleared = await house.manage("PATCH", path(ada), {"user_metadata": {}})
    assert "user_metadata" not in cleared.body
    assert cleared.body["app_metadata"] == {"plan": "gold"}
    again = await house.manage("PATCH", path(ada), {"user_metadata": {"colour": "red"}})
    assert again.body["user_metadata"] == {"colour": "red"}


@pytest.mark.parametrize("change", [{"email": "b@corp.example"}, {"password": GOOD}, {"name": "B"}])
async def test_a_change_for_a_connection_in_which_the_user_is_not_changes_nothing(
    house: House, change: dict[str, Any]
) -> None:
    ada = await house.user("ada@corp.example")
    refused = await house.manage("PATCH", path(ada), {**change, "connection": "elsewhere"})
    assert (refused.status, refused.body["errorCode"]) == (400, "inexistent_connection")
    assert (await house.manage("GET", path(ada))).body == ada
    assert (await house.manage("PATCH", path(ada), {**change, "connection": NAME})).status == 200


async def test_a_user_may_have_what_the_standard_claims_say(house: House) -> None:
    ada = await house.user("ada@corp.example")
    said = {"middle_name": "King", "birthdate": "1815-12-10", "address": {"formatted": "A street\nLondon"}}
    assert (await house.manage("PATCH", path(ada), said)).status == 200
    shown = (await house.manage("GET", path(ada))).body
    assert {name: shown[name] for name in said} == said
    assert (await house.manage("PATCH", path(ada), {"address": None})).status == 200
    assert "address" not in (await house.manage("GET", path(ada))).body
    for bad in (
        {"birthdate": "1815-13-10"},
        {"address": "London"},
        {"address": {"planet": "Earth"}},
        {"website": "javascript:alert(1)"},
        {"middle_name": "a\u202eb"},
    ):
        assert (await house.manage("PATCH", path(ada), bad)).status == 400, bad


async def test_lists_have_auth0s_shapes_and_lengths(house: House) -> None:
    for number in range(3):
        await house.user(f"user{number}@corp.example")
    bare = await house.manage("GET", "users", query="per_page=2")
    assert [each["email"] for each in bare.body] == ["user0@corp.example", "user1@corp.example"]
    wrapped = await house.manage("GET", "users", query="per_page=2&page=1&include_totals=true&sort=email%3A-1")
    assert {name: wrapped.body[name] for name in ("start", "limit", "length", "total")} == {
        "start": 2,
        "limit": 2,
        "length": 1,
        "total": 3,
    }
    assert wrapped.body["users"][0]["email"] == "user0@corp.example"
    assert differences("GET", "/api/v2/users", 200, wrapped.body) == []
    far = await house.manage("GET", "users", query="per_page=100&page=10")
    assert far.status == 400
    by_email = await house.manage("GET", "users-by-email", query="email=USER1%40corp.example")
    assert [each["email"] for each in by_email.body] == ["user1@corp.example"]


SEARCHES: Final[dict[str, list[str] | None]] = {
    'email:"ADA@corp.example"': ["ada"],
    "email:ada*": ["ada"],
    "name:bob*": ["bob"],
    "email:ada* OR email:bob*": ["ada", "bob"],
    "email:*@corp.example": None,
    "NOT email:ada*": ["bob", "eve"],
    "(email:ada* OR email:bob*) AND NOT name:bob*": ["ada"],
    "email:a* AND blocked:false": ["ada"],
    "blocked:true": ["eve"],
    "_exists_:username": ["bob"],
    "username:BOBBY": ["bob"],
    "bob": [],
    "bob*": ["bob"],
    f'identities.connection:"{NAME}"': ["ada", "bob", "eve"],
    "email:%": [],
    "email:a_a@corp.example": [],
    "email:a%*": [],
    'email:"\' OR 1=1 --"': [],
    "email:ada* ) OR (1:1": None,
    "password:x*": None,
    "created_at:2026": None,
    'NOT updated_at:"2026-01-01T00:00:00.000Z"': None,
    "last_login:2026*": None,
    "_exists_:last_login": [],
    "NOT _exists_:last_login": ["ada", "bob", "eve"],
    "user_metadata->>'x':1": None,
    "(" * 40: None,
    '"unclosed': None,
    "email:": None,
}
"""What is asked, and whom it finds; `None` is refused."""


@pytest.mark.security("AD-06")
async def test_what_is_searched_is_an_argument_and_what_is_not_understood_is_refused(house: House) -> None:
    await house.user("ada@corp.example")
    await house.user("bob@corp.example", username="bobby", name="Bob O'Hara")
    await house.user("eve@corp.example", blocked=True)
    for q, found in SEARCHES.items():
        answer = await house.manage("GET", "users", query=f"q={quote(q, safe='')}&sort=email:1")
        if found is None:
            assert (answer.status, answer.body["errorCode"]) == (400, "invalid_query_string"), q
        else:
            assert [each["email"].partition("@")[0] for each in answer.body] == found, q
    for sort in ("email", "email:2", "email;DROP TABLE people:1", "profile:1", "password:1"):
        assert (await house.manage("GET", "users", query=f"sort={quote(sort, safe='')}")).status == 400, sort


@pytest.mark.security("OI-06")
@pytest.mark.parametrize(("user_id", "status"), [("x" * 249, 201), ("x" * 250, 400), ("é", 400), ("a|b", 400)])
async def test_a_user_has_an_id_that_may_be_a_sub(house: House, user_id: str, status: int) -> None:
    body = {"connection": NAME, "email": "ada@corp.example", "password": GOOD, "user_id": user_id}
    assert (await house.manage("POST", "users", body)).status == status


async def test_two_users_of_a_connection_never_share_an_address_a_name_or_an_id(house: House) -> None:
    await house.user("ada@corp.example", username="ada", user_id="1")
    for body in (
        {"email": "ADA@corp.example"},
        {"email": "new@corp.example", "username": "ADA"},
        {"email": "new@corp.example", "user_id": "1"},
    ):
        answer = await house.manage("POST", "users", {"connection": NAME, "password": GOOD, **body})
        assert answer.status == 409, body
    bob = await house.user("bob@corp.example")
    assert (await house.manage("PATCH", path(bob), {"email": "ada@CORP.example"})).status == 409
    assert (await house.manage("GET", path(bob), tenant="other")).status == 404


async def test_whoever_may_read_themself_alone_reads_nobody_else(house: House) -> None:
    ada, bob = await house.user("ada@corp.example"), await house.user("bob@corp.example")
    me = {"scope": "read:current_user update:current_user_metadata", "sub": ada["user_id"]}
    assert (await house.manage("GET", path(ada), **me)).status == 200
    assert (await house.manage("GET", path(bob), **me)).status == 403
    assert (await house.manage("PATCH", path(ada), {"user_metadata": {"a": "b"}}, **me)).status == 200
    assert (await house.manage("PATCH", path(bob), {"user_metadata": {"a": "b"}}, **me)).status == 403
    assert (await house.manage("PATCH", path(ada), {"blocked": False}, **me)).status == 403
    app = {"scope": "update:users_app_metadata"}
    assert (await house.manage("PATCH", path(ada), {"app_metadata": {"a": 1}}, **app)).status == 200
    assert (await house.manage("PATCH", path(ada), {"email_verified": False}, **app)).status == 403
    identities = await house.manage("GET", path(ada), scope="read:user_idp_tokens")
    assert set(identities.body) == {"user_id", "identities"}


async def test_what_ends_sessions_says_why(house: House) -> None:
    ada = await house.user()
    person = await house.person()
    await house.manage("PATCH", path(ada), {"name": "Ada"})
    assert house.ended == []
    await house.manage("PATCH", path(ada), {"password": OTHER})
    await house.manage("PATCH", path(ada), {"blocked": True})
    # Whoever blocks cannot know that somebody was not let in since they last looked.
    await house.manage("PATCH", path(ada), {"blocked": True})
    await house.manage("DELETE", path(ada))
    assert [reason for _, reason in house.ended] == ["password", "blocked", "blocked", "erased"]
    assert {who for who, _ in house.ended} == {person}


async def test_a_new_address_is_unverified_until_it_was_shown(house: House) -> None:
    ada = await house.user()
    changed = await house.manage("PATCH", path(ada), {"email": "ada@new.example"})
    assert changed.body["email_verified"] is False
    kept = await house.manage("PATCH", path(ada), {"email": "ada@third.example", "email_verified": True})
    assert kept.body["email_verified"] is True


async def test_an_administrator_is_invited_once_and_gets_a_link_each_time(house: House) -> None:
    first = await house.accounts.invite(InviteAdministrator(tenant="acme", email="root@corp.example"))
    again = await house.accounts.invite(InviteAdministrator(tenant="acme", email="ROOT@corp.example"))
    assert first.user_id == again.user_id
    assert first.link.startswith("https://acme.example/u/reset-password?ticket=")
    assert first.link != again.link
    ticket = again.link.partition("ticket=")[2]
    person = await house.accounts.tickets.redeem_reset("acme", ticket, GOOD)
    assert (await house.accounts.factor.prove(house.attempt("root@corp.example"))).person == person


async def test_links_of_an_administrator_are_answered_and_good(house: House) -> None:
    ada = await house.user(email_verified=False)
    password = await house.manage("POST", "tickets/password-change", {"user_id": ada["user_id"], "ttl_sec": 60})
    named = {"connection_id": CONNECTION, "email": "ada@corp.example", "result_url": "https://app.example/done"}
    assert password.status == 201
    newer = await house.manage("POST", "tickets/password-change", named)
    ticket = newer.body["ticket"].partition("ticket=")[2]
    view = await house.accounts.tickets.look("acme", ticket, "reset")
    assert view is not None
    assert view.options["result_url"] == "https://app.example/done"
    older = password.body["ticket"].partition("ticket=")[2]
    assert await house.accounts.tickets.look("acme", older, "reset") is None
    email = await house.manage("POST", "tickets/email-verification", {"user_id": ada["user_id"]})
    await house.accounts.tickets.redeem_verification("acme", email.body["ticket"].partition("ticket=")[2])
    assert (await house.manage("GET", path(ada))).body["email_verified"] is True
    job = await house.manage("POST", "jobs/verification-email", {"user_id": ada["user_id"]})
    assert (job.status, job.body["type"]) == (201, "verification_email")
    nobody = await house.manage("POST", "tickets/password-change", {"user_id": "auth0|nobody"})
    assert nobody.status == 404


@pytest.mark.security("RC-02")
@pytest.mark.parametrize("says", [{}, {"mark_email_as_verified": False}, {"mark_email_as_verified": True}])
async def test_a_link_that_was_not_mailed_verifies_the_address_only_where_the_administrator_says_so(
    house: House, says: dict[str, bool]
) -> None:
    ada = await house.user(email_verified=False)
    made = await house.manage("POST", "tickets/password-change", {"user_id": ada["user_id"], **says})
    await house.accounts.tickets.redeem_reset("acme", made.body["ticket"].partition("ticket=")[2], OTHER)
    assert (await house.manage("GET", path(ada))).body["email_verified"] is bool(says.get("mark_email_as_verified"))


@pytest.mark.parametrize("asked", ["tickets/password-change", "tickets/email-verification", "jobs/verification-email"])
async def test_a_link_is_asked_for_an_application_that_is_there(house: House, asked: str) -> None:
    named = {"user_id": (await house.user())["user_id"]}
    await house.hand_on()
    refused = await house.manage("POST", asked, {**named, "client_id": "ghost"})
    assert (refused.status, refused.body["errorCode"], "ghost" in refused.body["message"]) == (
        400,
        "invalid_body",
        True,
    )
    assert await house.rows("SELECT 1 FROM tickets") == []
    assert await house.rows("SELECT 1 FROM errands") == []
    assert (await house.manage("POST", asked, {**named, "client_id": "app"})).status == 201


@pytest.mark.parametrize("asked", ["tickets/password-change", "tickets/email-verification", "jobs/verification-email"])
async def test_a_link_is_about_an_identity_of_its_user_and_made_once_under_a_key(house: House, asked: str) -> None:
    ada = await house.user(email_verified=False)
    identity = {"provider": "auth0", "user_id": ada["user_id"].removeprefix("auth0|")}
    named = {"user_id": ada["user_id"], "identity": identity}
    first = await house.manage("POST", asked, named, key="k1")
    again = await house.manage("POST", asked, named, key="k1")
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert (await house.manage("POST", asked, named, key="k2")).body != first.body
    elsewhere = await house.manage("POST", asked, {**named, "identity": {**identity, "user_id": "another"}})
    assert (elsewhere.status, elsewhere.body["errorCode"]) == (404, "inexistent_user")
    assert (await house.manage("POST", asked, {**named, "identity": {"provider": "auth0"}})).status == 400
    assert (await house.manage("DELETE", path(ada))).status == 204
    assert await house.rows("SELECT 1 FROM answered_requests") == []


async def test_the_mail_that_a_change_asks_for_names_the_application(house: House) -> None:
    ada = await house.user()
    asked = {"email": "ada@new.example", "verify_email": True}
    for body, application in ((asked | {"client_id": "app"}, "Web app"), (asked, None)):
        assert (await house.manage("PATCH", path(ada), body)).status == 200
        await house.hand_on()
        sent = house.mailbox.mails[-1]
        assert (sent.template, sent.to) == ("verify_email", "ada@new.example")
        assert sent.variables.get("application") == application
    told = len(house.mailbox.mails)
    refused = await house.manage("PATCH", path(ada), {"email": "ada@third.example", "client_id": "ghost"})
    assert (refused.status, refused.body["errorCode"]) == (400, "invalid_body")
    assert "ghost" in refused.body["message"]
    await house.hand_on()
    assert len(house.mailbox.mails) == told
    assert (await house.manage("GET", path(ada))).body["email"] == "ada@new.example"


async def test_nothing_is_verified_of_who_has_no_address(house: House) -> None:
    body = {"connection": NAME, "username": "lovelace", "password": GOOD}
    nameless = await house.manage("POST", "users", body)
    assert nameless.status == 201, nameless.body
    named = {"user_id": nameless.body["user_id"]}
    for asked in (
        await house.manage("PATCH", path(nameless.body), {"verify_email": True}),
        await house.manage("POST", "users", {**body, "username": "other", "verify_email": True}),
        await house.manage("POST", "jobs/verification-email", named),
        await house.manage("POST", "tickets/email-verification", named),
        await house.manage("POST", "tickets/password-change", {**named, "mark_email_as_verified": True}),
    ):
        assert (asked.status, asked.body["message"]) == (400, "The user does not have an email address.")
    assert await house.rows("SELECT 1 FROM jobs") == []
    assert await house.rows("SELECT 1 FROM tickets") == []
    assert (await house.manage("POST", "tickets/password-change", named)).status == 201


async def test_a_text_message_that_nobody_sends_is_not_promised(house: House) -> None:
    ada = await house.user(phone_number="+4930123456", verify_phone_number=False)
    for method, place, body in (
        ("PATCH", path(ada), {}),
        ("POST", "users", {"connection": NAME, "email": "eve@corp.example", "password": GOOD}),
    ):
        refused = await house.manage(method, place, {**body, "verify_phone_number": True})
        assert (refused.status, refused.body["errorCode"]) == (400, "operation_not_supported")
