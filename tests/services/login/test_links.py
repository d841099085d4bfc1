"""Links sent by mail: good once, the newest alone, and never a word about who is there."""

import asyncio
import json
from contextlib import suppress
from typing import Any, Final

import pytest

from libs.runtime.errors import Unavailable
from services.login.factors.attempt import PasswordRefused, TooManyAttempts, WrongCredentials
from services.login.factors.mails import mail
from services.login.rows.errands import put
from services.login.rows.tickets import Kind
from services.login.rules.person_reasons import TicketRefused
from tests.conftest import eventually
from tests.services.login.house import CONNECTION, GOOD, NAME, OTHER, House, caller

CHANGE = "/dbconnections/change_password"

PATIENT: Final = "SET LOCAL idle_in_transaction_session_timeout = 0"

WAITING: Final = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
"""Who waits for a row that another has locked."""


async def asked(house: House, email: str = "ada@corp.example", **more: Any) -> Any:
    body = {"client_id": "app", "connection": NAME, "email": email}
    return await house.send("POST", CHANGE, body, **more)


async def link(house: House) -> str:
    """A fresh link that came by mail."""
    await house.accounts.tickets.reset_requested("acme", CONNECTION, "ada@corp.example", caller())
    await house.hand_on()
    return house.mailbox.ticket("reset_email")


async def test_a_forgotten_password_is_set_by_mail_and_what_was_begun_ends(house: House) -> None:
    await house.user(email_verified=False)
    [before] = await house.rows("SELECT valid_from FROM people")
    ticket = await link(house)
    view = await house.accounts.tickets.look("acme", ticket, "reset")
    assert view is not None
    assert view.email == "ada@corp.example"
    await house.accounts.tickets.redeem_reset("acme", ticket, OTHER)
    [after] = await house.rows("SELECT valid_from, email_verified FROM people")
    assert after["valid_from"] > before["valid_from"]
    assert after["email_verified"]  # whoever had the link has the address
    assert await house.accounts.factor.prove(house.attempt(password=OTHER))


@pytest.mark.security("RC-05")
async def test_after_a_reset_the_old_password_fails_and_the_owner_is_told(house: House) -> None:
    await house.user()
    await house.accounts.tickets.redeem_reset("acme", await link(house), OTHER)
    with pytest.raises(WrongCredentials):
        await house.accounts.factor.prove(house.attempt())
    await house.hand_on()
    assert [(mail.template, mail.to) for mail in house.mailbox.mails] == [
        ("reset_email", "ada@corp.example"),
        ("password_changed", "ada@corp.example"),
    ]
    facts = await house.rows("SELECT type FROM facts ORDER BY pos")
    assert facts[-1]["type"] == "login.user_password_changed"


async def test_no_link_is_sent_where_people_may_not_change_passwords_themselves(house: House) -> None:
    ada = await house.user()
    said = json.dumps({"options": {"disable_self_service_change_password": True}})
    await house.rows("UPDATE connections_v2 SET properties = $1", said)
    refused = await asked(house)
    assert (refused.status, refused.body["code"]) == (400, "invalid_request")
    assert "disabled" in refused.body["description"]
    await house.hand_on()
    assert house.mailbox.mails == []
    # An administrator's link is good all the same.
    made = await house.manage("POST", "tickets/password-change", {"user_id": ada["user_id"]})
    await house.accounts.tickets.redeem_reset("acme", made.body["ticket"].partition("ticket=")[2], OTHER)


@pytest.mark.security("RC-02")
async def test_a_link_is_good_once(house: House) -> None:
    await house.user()
    ticket = await link(house)
    tickets = house.accounts.tickets
    done = await asyncio.gather(
        *(tickets.redeem_reset("acme", ticket, f"violet-{number}-submarine-tea") for number in range(6)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, TicketRefused) for each in done) == 5
    with pytest.raises(TicketRefused):
        await tickets.redeem_reset("acme", ticket, GOOD)
    [changes] = await house.rows("SELECT count(*) AS n FROM facts WHERE type = 'login.user_password_changed'")
    assert changes["n"] == 1


@pytest.mark.security("RC-02")
async def test_a_link_ends_with_a_newer_one_with_time_with_another_password_and_with_another_address(
    house: House,
) -> None:
    user = await house.user()
    path = f"users/{user['user_id'].replace('|', '%7C')}"
    tickets = house.accounts.tickets

    async def is_good(ticket: str) -> bool:
        return await tickets.look("acme", ticket, "reset") is not None

    older, newer = await link(house), await link(house)
    assert (await is_good(older), await is_good(newer)) == (False, True)
    assert await tickets.look("other", newer, "reset") is None
    assert await tickets.look("acme", newer, "verify") is None
    await house.manage("PATCH", path, {"password": OTHER})
    assert not await is_good(newer)
    third = await link(house)
    async with house.database.connection() as rows:
        await rows.execute("UPDATE tickets SET expires_at = clock_timestamp() - interval '1 second'")
    assert not await is_good(third)
    with pytest.raises(TicketRefused):
        await tickets.redeem_reset("acme", third, GOOD)
    fourth = await link(house)
    await house.manage("PATCH", path, {"email": "ada@new.example"})
    assert not await is_good(fourth)


@pytest.mark.security("RC-02")
async def test_a_link_is_its_persons_alone(house: House) -> None:
    await house.user()
    await house.user("bob@corp.example")
    ada, bob = await house.person(), await house.person("bob@corp.example")
    assert await house.accounts.tickets.redeem_reset("acme", await link(house), OTHER) == ada
    assert (await house.accounts.factor.prove(house.attempt("bob@corp.example"))).person == bob


async def test_a_refused_password_leaves_the_link_good(house: House) -> None:
    await house.user()
    ticket = await link(house)
    with pytest.raises(PasswordRefused):
        await house.accounts.tickets.redeem_reset("acme", ticket, "password")
    await house.accounts.tickets.redeem_reset("acme", ticket, OTHER)


async def test_the_answer_to_a_forgotten_password_never_tells(house: House) -> None:
    await house.user()
    seen = []
    for email in ("ada@corp.example", "nobody@corp.example", "not an address"):
        [before] = await house.rows("SELECT count(*) AS n FROM errands")
        answer = await asked(house, email)
        [after] = await house.rows("SELECT count(*) AS n FROM errands")
        seen.append((answer.status, dict(answer.headers), answer.content, after["n"] - before["n"]))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][2] == b"We've just sent you an email to reset your password."
    await house.hand_on()
    assert house.mailbox.templates() == ["reset_email"]


@pytest.mark.security("RC-09")
async def test_mails_are_limited_per_account_and_per_address_and_the_answer_is_the_same(house: House) -> None:
    await house.user()
    answers = [await asked(house, "ADA@corp.example" if number % 2 else "ada@corp.example") for number in range(100)]
    assert len({(each.status, each.content) for each in answers}) == 1
    await house.hand_on()
    assert len(house.mailbox.mails) == 5
    await house.user("bob@corp.example")
    assert (await asked(house, "bob@corp.example")).status == 200
    await house.hand_on()
    assert len(house.mailbox.mails) == 5  # this address asked too often already
    await asked(house, "bob@corp.example", address="203.0.113.5")
    await house.hand_on()
    assert house.mailbox.mails[-1].to == "bob@corp.example"


@pytest.mark.security("LG-05")
async def test_an_address_that_is_only_claimed_counts_for_nothing(house: House) -> None:
    names = ("x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip")
    for number in range(60):
        claimed = f"203.0.113.{number}"
        headers = [(name, f"for={claimed}" if name == "forwarded" else claimed) for name in names]
        await asked(house, f"user{number}@corp.example", headers=headers)
    [errands] = await house.rows("SELECT count(*) AS n FROM errands")
    assert errands["n"] == 50
    told = await house.rows("SELECT data FROM activity WHERE type = 'login.password_reset_requested'")
    assert {json.loads(each["data"])["address"] for each in told} == {"192.0.2.1"}


async def test_an_errand_that_is_handed_on_twice_is_one_mail_with_one_link(house: House) -> None:
    await house.user()
    await house.accounts.tickets.reset_requested("acme", CONNECTION, "ada@corp.example", caller())
    [errand] = await house.rows("SELECT * FROM errands")
    await house.hand_on()
    async with house.database.connection() as rows:
        await rows.execute(
            "INSERT INTO errands (id, tenant, person, kind, payload, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            *(errand[name] for name in ("id", "tenant", "person", "kind", "payload", "created_at")),
        )
    await house.hand_on()
    assert len(house.mailbox.mails) == 1
    ticket = house.mailbox.ticket("reset_email")
    assert await house.accounts.tickets.look("acme", ticket, "reset") is not None
    assert await house.rows("SELECT 1 FROM errands") == []
    # An errand holds neither address nor link.
    assert "ada" not in errand["payload"]
    assert ticket not in errand["payload"]


@pytest.mark.security("RC-05")
@pytest.mark.parametrize("template", ["verify_email", "reset_email"])
async def test_a_link_that_is_made_while_the_address_changes_goes_to_the_new_one(house: House, template: str) -> None:
    await house.user(email_verified=False)
    person = await house.person()
    await house.rows("DELETE FROM errands")
    async with house.database.connection() as rows:
        await put(rows, mail("acme", person, template, proves_email=True))
    async with house.database.connection() as rows, rows.transaction():
        # What a change of the address does, until just before its commit.
        await rows.execute(PATIENT)
        await rows.fetch("SELECT 1 FROM people WHERE person = $1 FOR NO KEY UPDATE", person)
        await rows.execute("UPDATE people SET email = 'new@corp.example' WHERE person = $1", person)
        await rows.execute("DELETE FROM tickets WHERE person = $1", person)
        handing = asyncio.create_task(house.hand_on())

        async def waits_or_is_through() -> bool:
            return handing.done() or bool(await house.rows(WAITING))

        await eventually(waits_or_is_through)
    await handing
    (sent,) = house.mailbox.mails
    kind: Kind = "verify" if template == "verify_email" else "reset"
    assert sent.to == "new@corp.example"
    assert await house.accounts.tickets.look("acme", house.mailbox.ticket(template), kind)


async def locked(house: House) -> None:
    """Have the account locked for the address."""
    for _ in range(11):
        with suppress(WrongCredentials, TooManyAttempts):
            await house.accounts.factor.prove(house.attempt(password="wrong-password-9"))
    await house.hand_on()


@pytest.mark.security("RL-03")
async def test_a_link_for_a_new_password_is_not_spent_where_the_lock_was_not_lifted(house: House) -> None:
    await house.user()
    await locked(house)
    ticket = await link(house)
    async with house.database.connection() as rows, rows.transaction():
        await rows.execute(PATIENT)
        await rows.fetch("SELECT 1 FROM attempts FOR UPDATE")
        with pytest.raises(Unavailable):
            await house.accounts.tickets.redeem_reset("acme", ticket, OTHER)
    await house.accounts.tickets.redeem_reset("acme", ticket, OTHER)
    assert await house.accounts.factor.prove(house.attempt(password=OTHER))


@pytest.mark.security("RL-03")
async def test_a_link_that_lifts_a_lock_is_not_spent_where_the_lock_was_not_lifted(house: House) -> None:
    await house.user()
    await locked(house)
    ticket = house.mailbox.ticket("blocked_account")
    async with house.database.connection() as rows, rows.transaction():
        await rows.execute(PATIENT)
        await rows.fetch("SELECT 1 FROM attempts FOR UPDATE")
        with pytest.raises(Unavailable):
            await house.accounts.tickets.redeem_unblock("acme", ticket)
    clicks = [house.accounts.tickets.redeem_unblock("acme", ticket) for _ in range(5)]
    said = await asyncio.gather(*clicks, return_exceptions=True)
    assert sum(isinstance(each, TicketRefused) for each in said) == 4, said
    assert await house.accounts.factor.prove(house.attempt())
    told = await house.rows("SELECT 1 FROM activity WHERE type = 'login.login_unlocked'")
    assert len(told) == 1
