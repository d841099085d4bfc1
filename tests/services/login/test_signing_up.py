"""Accounts that people make themselves: by the API and behind it, whatever they say."""

import asyncio
import json
import time
from typing import Any, Final

import pytest

from libs.eventstore import Context
from libs.sealed import new_person_key
from services.login.commands import InviteAdministrator, RegisterUser
from services.login.factors.attempt import PasswordRefused, SignUpRefused, TooManyAttempts
from services.login.factors.policy import Policy
from services.login.factors.signup import PROVIDER, new_person, new_user_id
from services.login.routes.accounts import NoInvitation
from tests.services.login.house import CONNECTION, GOOD, NAME, OTHER, House

SIGNUP = "/dbconnections/signup"


async def options(house: House, **said: Any) -> None:
    async with house.database.connection() as rows:
        await rows.execute("UPDATE connections_v2 SET properties = $1", json.dumps({"options": said}))


async def test_somebody_signs_up_and_is_asked_to_show_the_address(house: House) -> None:
    said = {"client_id": "app", "connection": NAME, "email": "Ada@Corp.example", "password": GOOD}
    answer = await house.send("POST", SIGNUP, {**said, "given_name": "Ada", "user_metadata": {"plan": "gold"}})
    assert answer.status == 200, answer.body
    assert set(answer.body) == {"_id", "email", "email_verified", "given_name", "user_metadata"}
    assert (answer.body["email"], answer.body["email_verified"]) == ("ada@corp.example", False)
    assert answer.headers["cache-control"] == "no-store"
    assert await house.accounts.factor.prove(house.attempt())
    await house.hand_on()
    [mail] = house.mailbox.mails
    assert (mail.template, mail.to) == ("verify_email", "ada@corp.example")
    assert mail.variables["url"].startswith("https://acme.example/u/verify-email?ticket=")
    await house.accounts.tickets.redeem_verification("acme", house.mailbox.ticket("verify_email"))
    [facts] = await house.rows("SELECT count(*) AS n FROM facts WHERE type = 'login.user_email_verified'")
    assert facts["n"] == 1


@pytest.mark.security("LG-17")
async def test_signing_up_is_refused_where_it_is_not_allowed(house: House) -> None:
    said = {"client_id": "app", "connection": NAME, "email": "ada@corp.example", "password": GOOD}
    for wrong in ({"client_id": "stranger"}, {"connection": "nowhere"}):
        answer = await house.send("POST", SIGNUP, said | wrong)
        assert (answer.status, answer.body["code"]) == (400, "invalid_signup")
    await options(house, disable_signup=True)
    answer = await house.send("POST", SIGNUP, said)
    assert (answer.status, answer.body) == (
        400,
        {"name": "BadRequestError", "code": "invalid_signup", "description": "Invalid sign up", "statusCode": 400},
    )
    await options(house, requires_username=True)
    assert (await house.send("POST", SIGNUP, said)).status == 400
    assert (await house.send("POST", SIGNUP, {**said, "username": "ada"})).status == 200


async def test_that_an_address_is_taken_is_told_only_where_the_tenant_says_so(house: House) -> None:
    await house.accounts.signup.register(house.request())
    with pytest.raises(SignUpRefused) as refused:
        await house.accounts.signup.register(house.request("ADA@corp.example"))
    assert refused.value.code == "invalid_signup"
    async with house.database.connection() as rows:
        flags = json.dumps({"flags": {"enable_public_signup_user_exists_error": True}})
        await rows.execute("UPDATE tenants_v1 SET settings = $1", flags)
    with pytest.raises(SignUpRefused) as told:
        await house.accounts.signup.register(house.request("ADA@corp.example"))
    assert told.value.code == "user_exists"


async def test_a_taken_address_costs_as_much_as_a_free_one(house: House) -> None:
    await house.accounts.signup.register(house.request())
    before = house.passwords.hashed
    with pytest.raises(SignUpRefused):
        await house.accounts.signup.register(house.request())
    assert house.passwords.hashed == before + 1
    await house.accounts.signup.register(house.request("new@corp.example"))
    assert house.passwords.hashed == before + 2


SAME: Final = (
    ("admin@corp.example", "ADMIN@corp.example"),
    ("ada@bücher.example", "ada@xn--bcher-kva.example"),
    ("bob@bücher.example", "bob@BÜCHER.example"),
)
"""Pairs of addresses that mean the same."""

BEYOND_ASCII: Final = (
    ("boss@corp.example", "\uff42\uff4f\uff53\uff53@corp.example"),
    ("straße@corp.example", "STRASSE@corp.example"),
    ("é@corp.example", "e\u0301@corp.example"),
)
"""The same, where one at least is not ASCII before its @: they are not taken any more."""


async def of_before(house: House, email: str) -> str:
    """The opaque id of somebody who has an address that is not taken any more."""
    command = RegisterUser(
        tenant="acme",
        person=new_person(),
        key=new_person_key(),
        connection_id=CONNECTION,
        connection=NAME,
        provider=PROVIDER,
        user_id=new_user_id(),
        profile={"email": email},
        phc=await house.passwords.hashed_of(GOOD),
    )
    await house.store.execute(command, Context())
    return command.person


@pytest.mark.security("LG-21")
async def test_addresses_that_mean_the_same_are_one_account(house: House) -> None:
    for first, second in SAME:
        await house.accounts.signup.register(house.request(first))
        with pytest.raises(SignUpRefused):
            await house.accounts.signup.register(house.request(second))
    assert len(await house.rows("SELECT 1 FROM people")) == len(SAME)


@pytest.mark.security("LG-21")
async def test_who_has_an_address_beyond_ascii_signs_in_by_all_that_means_the_same(house: House) -> None:
    for first, second in BEYOND_ASCII:
        person = await of_before(house, first)
        for each in (first, second):
            assert (await house.accounts.factor.prove(house.attempt(each))).person == person
        with pytest.raises(SignUpRefused):
            await house.accounts.signup.register(house.request(second))


async def test_an_address_that_no_mail_reaches_is_refused_as_any_that_is_none(house: House) -> None:
    ada = await house.user(f"{'a' * 64}@corp.example")
    path = f"users/{ada['user_id'].replace('|', '%7C')}"
    body = {"connection": NAME, "email": "malformed", "password": GOOD}
    malformed = (await house.manage("POST", "users", body)).body
    signup = (await house.send("POST", SIGNUP, body | {"client_id": "app"})).body
    assert (malformed["statusCode"], signup["code"]) == (400, "invalid_signup")
    for email in ("m\u0131ke@corp.example", "straße@corp.example", f"{'a' * 65}@corp.example"):
        said = body | {"email": email}
        assert (await house.send("POST", SIGNUP, said | {"client_id": "app"})).body == signup
        assert (await house.manage("POST", "users", said)).body == malformed
        assert (await house.manage("PATCH", path, {"email": email})).body == malformed
        with pytest.raises(NoInvitation):
            await house.accounts.invite(InviteAdministrator(tenant="acme", email=email))
    assert (await house.manage("PATCH", path, {"email": "ada@bücher.example"})).status == 200


@pytest.mark.parametrize("domain", ["corp.local", "example.test", "office.home.arpa", "here.localhost"])
async def test_names_for_special_use_are_somebodys_own(house: House, domain: str) -> None:
    assert (await house.user(f"ada@{domain}"))["email"] == f"ada@{domain}"
    await house.accounts.signup.register(house.request(f"bob@{domain}"))


@pytest.mark.security("LG-21")
async def test_look_alikes_are_another_account_or_refused_and_get_no_mail_of_the_first(house: House) -> None:
    await house.accounts.signup.register(house.request("mike@corp.example"))
    for alike in ("m\u0131ke@corp.example", "m\u0456ke@corp.example"):
        with pytest.raises(SignUpRefused):
            await house.accounts.signup.register(house.request(alike))
        await of_before(house, alike)
    for unseen in (
        "mi\u200bke@corp.example",
        "mi\u00adke@corp.example",
        "mike@corp.exa\u200dmple",
        "\u202emike@corp.example",
    ):
        with pytest.raises(SignUpRefused):
            await house.accounts.signup.register(house.request(unseen))
    await house.hand_on()
    house.mailbox.mails.clear()
    body = {"client_id": "app", "connection": NAME, "email": "MIKE@corp.example"}
    await house.send("POST", "/dbconnections/change_password", body)
    await house.hand_on()
    assert [mail.to for mail in house.mailbox.mails] == ["mike@corp.example"]


FORGED: Final = (
    "=?utf-8?q?admin?=@corp.example",
    "=?utf-8?q?a=40evil.example=3e?=@corp.example",
    '"a@evil.example"@corp.example',
    "a@evil.example@corp.example",
    "a@corp.example,b@evil.example",
    "a@corp.example\r\nBcc: b@evil.example",
    "a@corp.example ",
    "a@localhost",
    "a@[127.0.0.1]",
    "@corp.example",
    "a@",
    "a" * 250 + "@corp.example",
    "a" * 65 + "@corp.example",
)
"""Addresses that a mail server might read as others."""


@pytest.mark.security("LG-22")
async def test_an_address_that_could_mean_another_is_refused(house: House) -> None:
    for email in FORGED:
        body = {"client_id": "app", "connection": NAME, "email": email, "password": GOOD}
        assert (await house.send("POST", SIGNUP, body)).status == 400, email
        answer = await house.manage("POST", "users", {"connection": NAME, "email": email, "password": GOOD})
        assert answer.status == 400, email
    assert await house.rows("SELECT 1 FROM people") == []


@pytest.mark.security("LG-20")
def test_passwords_are_measured_by_length_strength_and_what_they_are_about() -> None:
    policy = Policy()
    said = ["ada.lovelace@corp.example", "Acme Widgets", "Ada"]
    for password, rule in (
        ("x7!kQ2z", "length_at_least"),
        ("password1", "not_common"),
        ("Iloveyou", "not_common"),
        ("baseball", "not_common"),
        ("lovelace-1815-x", "not_personal"),
        ("my-ACME-password-9", "not_personal"),
        ("limen-is-nice-44", "not_personal"),
        ("aaaaaaaaaaaa", "not_guessable"),
        ("qwertyuiop1", "not_guessable"),
        ("x" * 1025, "length_at_most"),
    ):
        assert rule in policy.broken_now(password, said), password
    for password in ("correct-horse-7-battery", "wX9 q#tz", "🐎🔋📎✈️🌵🍉🎺🧵", "no rules of composition"):
        assert policy.broken_now(password, said) == (), password


def test_no_password_takes_seconds_to_be_estimated() -> None:
    """Each of these signs may stand for letters: to try all combinations took twelve seconds."""
    began = time.thread_time()
    Policy().broken_now("4@8({[<369&#!1/|0$5+7%2" * 44, [])
    assert time.thread_time() - began < 2


@pytest.mark.security("LG-20")
async def test_a_refused_password_says_which_rules_in_auth0s_words(house: House) -> None:
    said = {"client_id": "app", "connection": NAME, "email": "ada@corp.example"}
    for password, name in (
        ("short", "PasswordStrengthError"),
        ("password1", "PasswordDictionaryError"),
        ("ada@corp.example", "PasswordNoUserInfoError"),
        ("x" * 1025, "PasswordStrengthError"),
    ):
        answer = await house.send("POST", SIGNUP, {**said, "password": password})
        assert (answer.status, answer.body["code"], answer.body["name"]) == (400, "invalid_password", name)
        assert set(answer.body) == {"name", "code", "description", "statusCode"}
    assert (await house.send("POST", SIGNUP, {**said, "password": "z-Q8 " * 20})).status == 200


def test_a_connection_says_what_it_demands_by_auth0s_names() -> None:
    assert Policy.of({}) == Policy()
    assert Policy.of({"passwordPolicy": "excellent"}).shortest == 10
    assert Policy.of({"password_complexity_options": {"min_length": 4}}).shortest == 8
    assert Policy.of({"password_complexity_options": {"min_length": 20}}).shortest == 20
    assert Policy.of({"password_history": {"enable": True, "size": 3}}).history == 3
    assert Policy.of({"password_history": {"enable": False, "size": 3}}).history == 0
    own = Policy.of({"password_dictionary": {"enable": True, "dictionary": ["Tr1cky-Phrase-Ours"]}})
    assert "not_common" in own.broken_now("tr1cky-phrase-ours", [])


def test_a_connection_says_the_same_in_the_words_of_newer_tools() -> None:
    newer = {
        "complexity": {"min_length": 20},
        "dictionary": {"active": True, "custom": ["Tr1cky-Phrase-Ours"]},
        "history": {"active": True, "size": 3},
        "profile_data": {"active": False},
    }
    policy = Policy.of({"password_options": newer, "password_history": {"enable": False, "size": 9}})
    assert (policy.shortest, policy.history, policy.allows_personal) == (20, 3, True)
    assert "not_common" in policy.broken_now("tr1cky-phrase-ours", [])
    # What the newer words do not say is as the older ones have it.
    older = {"password_complexity_options": {"min_length": 14}, "password_history": {"enable": True, "size": 2}}
    both = Policy.of({"password_options": {"history": {"size": 4}}, **older})
    assert (both.shortest, both.history) == (14, 4)


@pytest.mark.security("LG-17")
async def test_signing_up_is_refused_where_no_password_may_be_chosen(house: House) -> None:
    said = {"client_id": "app", "connection": NAME, "email": "ada@corp.example", "password": GOOD}
    await options(house, authentication_methods={"password": {"signup_behavior": "block"}})
    assert (await house.send("POST", SIGNUP, said)).body["code"] == "invalid_signup"
    await options(house, authentication_methods={"password": {"signup_behavior": "allow"}})
    assert (await house.send("POST", SIGNUP, said)).status == 200


async def test_a_user_name_is_as_long_as_the_connection_takes_them(house: House) -> None:
    await options(house, validation={"username": {"min": 4, "max": 8}})
    said = {"client_id": "app", "connection": NAME, "email": "ada@corp.example", "password": GOOD}
    made = {"connection": NAME, "password": GOOD}
    for wrong in ("ada", "lovelaces"):
        assert (await house.send("POST", SIGNUP, {**said, "username": wrong})).body["code"] == "invalid_signup"
        refused = await house.manage("POST", "users", {**made, "username": wrong})
        assert (refused.status, "username" in refused.body["message"]) == (400, True)
    assert (await house.send("POST", SIGNUP, {**said, "username": "lovelace"})).status == 200
    user = (await house.manage("POST", "users", {**made, "username": "eves"})).body
    path = f"users/{user['user_id'].replace('|', '%7C')}"
    assert (await house.manage("PATCH", path, {"username": "eve"})).status == 400
    assert (await house.manage("PATCH", path, {"username": "evelina"})).status == 200
    # Who has a longer name from before keeps it, and may be changed otherwise.
    await options(house, validation={"username": {"min": 1, "max": 3}})
    assert (await house.manage("PATCH", path, {"username": "evelina", "nickname": "E"})).status == 200


async def test_what_is_said_at_a_sign_up_is_kept_or_refused(house: House) -> None:
    said = {"client_id": "app", "connection": NAME, "email": "ada@corp.example", "password": GOOD}
    wrongs: list[dict[str, Any]] = [
        *({"organization": "org_1"}, {"user_metadata": {"n" * 101: "x"}}, {"phone_number": "030 123456"}),
        *({"picture": each} for each in ("http://a.example/p.png", "javascript:alert(1)", "https://127.0.0.1/p.png")),
    ]
    for wrong in wrongs:
        refused = await house.send("POST", SIGNUP, {**said, **wrong})
        assert (refused.status, refused.body["code"]) == (400, "invalid_request"), wrong
    kept = {"picture": "https://a.example/p.png", "phone_number": "+4930123456"}
    answer = await house.send("POST", SIGNUP, said | kept)
    assert {name: answer.body[name] for name in kept} == kept
    [user] = (await house.manage("GET", "users-by-email", query="email=ada@corp.example")).body
    assert {name: user[name] for name in kept} == kept
    assert "phone_verified" not in user


async def test_earlier_passwords_are_refused_where_they_are_remembered(house: House) -> None:
    await options(house, password_history={"enable": True, "size": 2})
    user = await house.user()
    path = f"users/{user['user_id'].replace('|', '%7C')}"
    third = "meadow-44-lantern-cup"
    assert (await house.manage("PATCH", path, {"password": GOOD})).body["errorCode"] == "invalid_password"
    for password in (OTHER, third):
        assert (await house.manage("PATCH", path, {"password": password})).status == 200
    assert (await house.manage("PATCH", path, {"password": OTHER})).status == 400
    assert (await house.manage("PATCH", path, {"password": GOOD})).status == 200


async def test_of_two_who_want_one_address_at_once_one_gets_it(house: House) -> None:
    made = await asyncio.gather(
        *(house.accounts.signup.register(house.request()) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(each, SignUpRefused) for each in made) == 5
    assert len(await house.rows("SELECT 1 FROM people")) == 1


async def test_a_form_that_comes_twice_makes_one_account_and_proves_who_has_it(house: House) -> None:
    form = house.request(form="a secret of one browser")
    made = await asyncio.gather(*(house.accounts.signup.register(form) for _ in range(4)))
    assert {each.person for each in made} == {await house.person()}
    assert (await house.accounts.signup.register(form)).person == await house.person()
    assert len(await house.rows("SELECT 1 FROM facts WHERE type = 'login.user_registered'")) == 1
    for other in (
        house.request(form="a secret of another browser"),
        house.request(form="a secret of one browser", password=OTHER),
        house.request(),
    ):
        with pytest.raises(SignUpRefused) as refused:
            await house.accounts.signup.register(other)
        assert refused.value.code == "invalid_signup"
    await house.accounts.signup.register(house.request("eve@corp.example", form="a secret of one browser"))
    assert len(await house.rows("SELECT 1 FROM people")) == 2
    [ada] = (await house.manage("GET", "users-by-email", query="email=ada@corp.example")).body
    assert (await house.manage("DELETE", f"users/{ada['user_id'].replace('|', '%7C')}")).status == 204
    with pytest.raises(SignUpRefused):
        await house.accounts.signup.register(form)


async def test_one_address_signs_up_so_many_and_no_more(house: House) -> None:
    house.protect(suspicious_ip_throttling={"stage": {"pre-user-registration": {"max_attempts": 2, "rate": 600_000}}})
    for number in range(2):
        await house.accounts.signup.register(house.request(f"user{number}@corp.example"))
    with pytest.raises(TooManyAttempts):
        await house.accounts.signup.register(house.request("user3@corp.example"))
    body = {"client_id": "app", "connection": NAME, "email": "ada@corp.example", "password": GOOD}
    assert (await house.send("POST", SIGNUP, body)).status == 429
    assert (await house.send("POST", SIGNUP, body, address="203.0.113.9")).status == 200
    [told] = await house.rows("SELECT data FROM activity WHERE type = 'login.login_throttled'")
    assert (json.loads(told["data"])["address"], json.loads(told["data"])["is_signup"]) == ("192.0.2.1", True)


async def test_what_is_no_body_is_refused(house: House) -> None:
    malformed: list[Any] = [[], {"client_id": "app"}, {"client_id": "app", "connection": NAME, "email": 1}]
    for body in malformed:
        assert (await house.send("POST", SIGNUP, body)).status == 400
    named = {"client_id": "app", "connection": NAME, "email": "a@corp.example", "password": GOOD, "name": "x\r\nBcc: y"}
    assert (await house.send("POST", SIGNUP, named)).status == 400


async def test_a_refused_sign_up_is_told_to_the_log(house: House) -> None:
    with pytest.raises(PasswordRefused):
        await house.accounts.signup.register(house.request(password="short"))
    [event] = await house.rows("SELECT data FROM activity WHERE type = 'login.signup_failed'")
    assert json.loads(event["data"])["reason"].startswith("invalid_password,length_at_least")
