"""Who says a name and a password: one answer for all that is wrong, and counters that hold."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, Final

import pytest
from argon2 import PasswordHasher

from libs.eventstore import Context
from libs.runtime.errors import Unavailable
from services.login.factors.attempt import TooManyAttempts, WrongCredentials
from services.login.rows.attempts import Limits
from services.login.rules.protection import Protection
from tests.conftest import eventually
from tests.servers import PostgresServer
from tests.services.login.house import ADDRESS, GOOD, OTHER, House

WRONG: Final = "wrong-password-9"


def at_once(number: int) -> dict[str, Any]:
    """So many wrong passwords from one address, and no more for a long time."""
    return {"stage": {"pre-login": {"max_attempts": number, "rate": 86_400_000}}}


async def refused(house: House, identifier: str = "ada@corp.example", password: str = WRONG, **more: Any) -> str:
    """How an attempt ends."""
    try:
        await house.accounts.factor.prove(house.attempt(identifier, password, **more))
    except (WrongCredentials, TooManyAttempts) as refusal:
        return type(refusal).__name__
    return "proven"


async def test_whoever_says_name_and_password_is_somebody(house: House) -> None:
    await house.user(username="ada")
    person = await house.person()
    for identifier in ("ada@corp.example", "ADA@CORP.EXAMPLE", "ada", "AdA"):
        assert (await house.accounts.factor.prove(house.attempt(identifier))).person == person


@pytest.mark.security("LG-01")
async def test_all_that_is_wrong_gets_one_answer_for_one_work(house: House) -> None:
    await house.user("ada@corp.example")
    await house.user("blocked@corp.example", blocked=True)
    await house.user("unverified@corp.example", email_verified=False)
    async with house.database.connection() as rows:
        await house.user("social@corp.example")
        await rows.execute("DELETE FROM passwords WHERE person = $1", await house.person("social@corp.example"))
    cases = [
        ("ada@corp.example", WRONG),
        ("ada@corp.example", ""),
        ("ada@corp.example", "x" * 1100),
        ("blocked@corp.example", WRONG),
        ("blocked@corp.example", "correct-horse-7-battery"),
        ("unverified@corp.example", WRONG),
        ("social@corp.example", WRONG),
        ("nobody@corp.example", WRONG),
        ("nobody", WRONG),
        ("not an address@@", WRONG),
        ("", ""),
    ]
    work = []
    for identifier, password in cases:
        hashed, events = house.passwords.hashed, await house.rows("SELECT count(*) AS n FROM activity")
        assert await refused(house, identifier, password) == "WrongCredentials"
        more = await house.rows("SELECT count(*) AS n FROM activity")
        work.append((house.passwords.hashed - hashed, more[0]["n"] - events[0]["n"]))
    assert set(work) == {(1, 1)}


@pytest.mark.security("LG-01")
async def test_a_lock_is_the_same_for_somebody_and_for_nobody(house: House) -> None:
    await house.user()
    seen = []
    for identifier in ("ada@corp.example", "nobody@corp.example"):
        before = house.passwords.hashed
        answers = [await refused(house, identifier) for _ in range(12)]
        errands = await house.rows("SELECT count(*) AS n FROM errands")
        seen.append((answers, house.passwords.hashed - before, errands[0]["n"]))
    (ada, hashed, first), (nobody, as_much, second) = seen
    assert ada == nobody == ["WrongCredentials"] * 10 + ["TooManyAttempts"] * 2
    assert hashed == as_much == 10
    assert second == first + 1
    await house.hand_on()
    assert house.mailbox.templates() == ["blocked_account"]


@pytest.mark.security("LG-04")
async def test_all_names_of_somebody_share_one_count(house: House) -> None:
    await house.user("ada.l@corp.example", username="ada")
    names = ["ada.l@corp.example", "ADA.L@corp.example", "ada", "ADA", "\uff41\uff44\uff41", "ada.l@CORP.example"]
    answers = [await refused(house, names[number % len(names)]) for number in range(11)]
    assert answers == ["WrongCredentials"] * 10 + ["TooManyAttempts"]
    assert await refused(house, "ada", "correct-horse-7-battery") == "TooManyAttempts"


@pytest.mark.security("LG-04")
async def test_one_address_and_one_account_have_limits_of_their_own(house: House) -> None:
    house.protect(brute_force_protection={"max_attempts": 3}, suspicious_ip_throttling=at_once(6))
    house.accounts.attempts.limits = Limits(per_account=4)
    await house.user()
    assert (await house.accounts.factor.prove(house.attempt(address="203.0.113.7"))).person
    spread = [await refused(house, address=f"198.51.100.{number}") for number in range(6)]
    assert spread == ["WrongCredentials"] * 4 + ["TooManyAttempts"] * 2
    # Where they signed in before, nobody else's attempts lock them out.
    assert await refused(house, password="correct-horse-7-battery", address="203.0.113.7") == "proven"
    assert await refused(house, password="correct-horse-7-battery", address="203.0.113.8") == "TooManyAttempts"
    many = [await refused(house, f"user{number}@corp.example", address="192.0.2.99") for number in range(8)]
    assert many == ["WrongCredentials"] * 6 + ["TooManyAttempts"] * 2


async def locks_told(house: House) -> list[dict[str, Any]]:
    found = await house.rows("SELECT data FROM activity WHERE type = 'login.login_locked' ORDER BY pos")
    return [json.loads(each["data"]) for each in found]


@pytest.mark.security("LG-04")
async def test_whoever_has_a_whole_network_of_ipv6_has_the_tries_of_one_address(house: House) -> None:
    await house.user()
    for number in range(10):
        assert await refused(house, address=f"2001:db8:1:2::{number:x}") == "WrongCredentials"
    right = "correct-horse-7-battery"
    assert await refused(house, password=right, address="2001:db8:1:2:ffff::1") == "TooManyAttempts"
    assert await refused(house, password=right, address="2001:db8:1:3::1") == "proven"
    house.protect(suspicious_ip_throttling=at_once(6))
    many = [await refused(house, f"user{number}@corp.example", address=f"2001:db8::{number}") for number in range(8)]
    assert many == ["WrongCredentials"] * 6 + ["TooManyAttempts"] * 2
    attempts, most = house.accounts.attempts, house.accounts.attempts.limits.mails_from_one
    asked = [await attempts.may_mail("acme", f"{number}", f"2001:db8::{number}", None) for number in range(most + 1)]
    assert asked == [True] * most + [False]


@pytest.mark.security("LG-04")
async def test_of_an_account_that_is_tried_from_everywhere_it_is_told_once(house: House) -> None:
    house.protect(brute_force_protection={"max_attempts": 3})
    house.accounts.attempts.limits = Limits(per_account=4)
    await house.user()
    person = await house.person()
    storm = [refused(house, address=f"198.51.100.{number}") for number in range(20)]
    assert (await asyncio.gather(*storm)).count("WrongCredentials") == 4
    [locked] = await locks_told(house)
    assert (locked["person"], locked["is_everywhere"]) == (person, True)
    for _ in range(4):
        await refused(house, "nobody@corp.example", address="192.0.2.9")
    assert [(each["person"], each["is_everywhere"]) for each in await locks_told(house)] == [
        (person, True),
        (None, False),
    ]


@pytest.mark.security("LG-04")
async def test_who_is_locked_out_cannot_lock_the_account_for_others(house: House) -> None:
    house.protect(brute_force_protection={"max_attempts": 3})
    house.accounts.attempts.limits = Limits(per_account=5)
    await house.user()
    for _ in range(20):
        await refused(house, address="192.0.2.66")
    assert await refused(house, password="correct-horse-7-battery", address="203.0.113.7") == "proven"


@pytest.mark.security("LG-06")
async def test_of_a_burst_no_more_are_compared_than_the_limit(house: House) -> None:
    await house.user()
    before = house.passwords.hashed
    answers = await asyncio.gather(*(refused(house) for _ in range(200)))
    assert answers.count("WrongCredentials") == 10
    assert answers.count("TooManyAttempts") == 190
    assert house.passwords.hashed - before == 10


async def test_a_right_password_takes_its_counts_back(house: House) -> None:
    await house.user()
    for _ in range(2):
        assert [await refused(house) for _ in range(9)] == ["WrongCredentials"] * 9
        assert await refused(house, password="correct-horse-7-battery") == "proven"
    left = await house.rows(
        "SELECT failures, extract(epoch FROM until - now()) AS ahead FROM attempts ORDER BY failures"
    )
    assert [each["failures"] for each in left] == [0, 1, 18]
    assert 17 < left[1]["ahead"] / 864 < 18.1


async def test_counts_survive_the_death_of_the_database(house: House, postgres: PostgresServer) -> None:
    await house.user()
    storm = [asyncio.create_task(refused(house)) for _ in range(6)]
    await asyncio.gather(*storm)
    postgres.kill()
    with pytest.raises(Unavailable):
        await refused(house)
    postgres.start()

    async def is_back() -> bool:
        try:
            return bool(await house.rows("SELECT 1"))
        except Unavailable:
            return False

    await eventually(is_back, within=15)
    answers = [await refused(house) for _ in range(6)]
    assert answers == ["WrongCredentials"] * 4 + ["TooManyAttempts"] * 2


async def test_a_lock_is_lifted_by_its_mail_by_an_administrator_and_by_a_reset(house: House) -> None:
    user = await house.user()
    for lift in ("mail", "administrator", "reset"):
        for _ in range(10):
            await refused(house)
        blocked = await house.manage("GET", "user-blocks", query="identifier=ada%40corp.example")
        assert blocked.body == {"blocked_for": [{"identifier": "ada@corp.example", "ip": "192.0.2.1"}]}
        await house.hand_on()
        if lift == "mail":
            await house.accounts.tickets.redeem_unblock("acme", house.mailbox.ticket("blocked_account"))
        elif lift == "administrator":
            path = f"user-blocks/{user['user_id'].replace('|', '%7C')}"
            assert (await house.manage("DELETE", path)).status == 204
            assert (await house.manage("GET", path)).body == {"blocked_for": []}
        else:
            answer = await house.manage("POST", "tickets/password-change", {"user_id": user["user_id"]})
            await house.accounts.tickets.redeem_reset("acme", answer.body["ticket"].partition("ticket=")[2], OTHER)
        assert await refused(house) == "WrongCredentials", lift


async def test_a_password_of_another_cost_is_hashed_anew_at_the_next_login(house: House) -> None:
    await house.user()
    person = await house.person()
    async with house.database.connection() as rows:
        cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("imported-pass-1")
        await rows.execute("UPDATE passwords SET phc = $2 WHERE person = $1", person, cheap)
    await house.accounts.factor.prove(house.attempt(password="imported-pass-1"))
    found = await house.rows("SELECT phc FROM passwords WHERE person = $1", person)
    assert found[0]["phc"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await house.accounts.factor.prove(house.attempt(password="imported-pass-1"))


OFF: Final = {"brute_force_protection": {"enabled": False}, "suspicious_ip_throttling": {"enabled": False}}
SETTINGS: Final[tuple[dict[str, Any], ...]] = (
    {"brute_force_protection": {"max_attempts": 3}},
    OFF,
    {"brute_force_protection": {"shields": []}, "suspicious_ip_throttling": {"shields": ["admin_notification"]}},
    {"brute_force_protection": {"shields": ["user_notification"], "max_attempts": 3}},
    {"brute_force_protection": {"allowlist": ["0.0.0.0/0"]}, "suspicious_ip_throttling": {"allowlist": ["0.0.0.0/0"]}},
    {"brute_force_protection": {"mode": "count_per_identifier", "max_attempts": 3}},
)


@pytest.mark.security("LG-04")
def test_whatever_is_set_there_is_a_bound() -> None:
    for setting in SETTINGS:
        bounds = Protection.of(setting).bounds("192.0.2.1")
        assert bounds.per_pair <= 100
        assert bounds.per_address.most <= 900
        assert bounds.per_address.every >= timedelta(seconds=1)


@pytest.mark.security("LG-04", "LG-06")
async def test_where_nothing_protects_guessing_ends_all_the_same(house: House) -> None:
    house.protect(**OFF)
    attempts = house.accounts.attempts

    async def let(account: str, address: str) -> bool:
        return (await attempts.count("acme", attempts.keys("acme", account, address), None)).is_let

    assert sum(await asyncio.gather(*(let("one", "192.0.2.1") for _ in range(104)))) == 100
    assert sum(await asyncio.gather(*(let("two", f"10.0.0.{place}") for place in range(104)))) == 100
    assert 900 <= sum(await asyncio.gather(*(let(f"user{name}", "192.0.2.2") for name in range(1000)))) < 1000


@pytest.mark.security("LG-04")
async def test_a_connection_may_lock_nobody_and_has_its_bound_all_the_same(house: House) -> None:
    await house.user()
    house.protect(brute_force_protection={"max_attempts": 2})
    wrong = [await refused(house, is_guarded=False) for _ in range(4)]
    assert wrong == ["WrongCredentials"] * 4
    assert await refused(house, password="correct-horse-7-battery", is_guarded=False) == "proven"
    assert await house.rows("SELECT 1 FROM errands WHERE kind = 'mail'") == []
    open_to_all = Protection.of({"suspicious_ip_throttling": at_once(7)}).bounds("192.0.2.1", is_guarded=False)
    assert (open_to_all.per_pair, open_to_all.per_address.most) == (100, 7)
    guarded = [await refused(house) for _ in range(3)]
    assert guarded == ["WrongCredentials"] * 2 + ["TooManyAttempts"]


@pytest.mark.security("LG-01")
async def test_whatever_is_set_somebody_and_nobody_are_answered_alike(house: House) -> None:
    await house.user()
    for setting in SETTINGS:
        house.protect(**setting)
        seen = []
        for identifier in ("ada@corp.example", "nobody@corp.example"):
            before = house.passwords.hashed
            answers = [await refused(house, identifier) for _ in range(4)]
            errands = await house.rows("DELETE FROM errands RETURNING 1")
            seen.append((answers, house.passwords.hashed - before, len(errands)))
            await house.rows("DELETE FROM attempts")
        assert seen[0] == seen[1], setting


async def test_an_account_that_is_counted_by_itself_is_locked_for_every_address(house: House) -> None:
    await house.user()
    house.protect(brute_force_protection={"mode": "count_per_identifier", "max_attempts": 4})
    assert await refused(house, password="correct-horse-7-battery", address="203.0.113.7") == "proven"
    spread = [await refused(house, address=f"198.51.100.{number}") for number in range(5)]
    assert spread == ["WrongCredentials"] * 4 + ["TooManyAttempts"]
    assert [each["is_everywhere"] for each in await locks_told(house)] == [True]
    assert await refused(house, password="correct-horse-7-battery", address="203.0.113.7") == "TooManyAttempts"
    blocked = await house.manage("GET", "user-blocks", query="identifier=ada%40corp.example")
    assert blocked.body == {"blocked_for": [{"identifier": "ada@corp.example"}]}
    await house.hand_on()
    await house.accounts.tickets.redeem_unblock("acme", house.mailbox.ticket("blocked_account"))
    assert await refused(house, password="correct-horse-7-battery") == "proven"


async def test_whoever_asks_what_holds_is_told_of_no_lock_while_nobody_is_locked(house: House) -> None:
    await house.user()
    house.protect(brute_force_protection={"max_attempts": 1})
    assert [await refused(house) for _ in range(2)] == ["WrongCredentials", "TooManyAttempts"]
    asked = "identifier=ada%40corp.example"
    considering = f"{asked}&consider_brute_force_enablement=true"

    async def told(query: str) -> int:
        return len((await house.manage("GET", "user-blocks", query=query)).body["blocked_for"])

    assert [await told(query) for query in (asked, considering)] == [1, 1]
    for off in ({"enabled": False}, {"shields": ["user_notification"]}):
        house.protect(brute_force_protection=off)
        assert [await told(query) for query in (asked, considering)] == [1, 0]


async def test_an_address_on_the_allowlist_locks_nobody_and_is_not_throttled(house: House) -> None:
    await house.user()
    allowed = {"allowlist": ["192.0.2.0/25", "2001:db8::/32"]}
    house.protect(brute_force_protection=allowed | {"max_attempts": 2}, suspicious_ip_throttling=at_once(2) | allowed)
    for address in ("192.0.2.1", "2001:db8::7", "::ffff:192.0.2.9"):
        assert [await refused(house, address=address) for _ in range(3)] == ["WrongCredentials"] * 3
        assert await refused(house, password="correct-horse-7-battery", address=address) == "proven"
    assert await house.rows("SELECT 1 FROM errands WHERE kind = 'mail'") == []
    outside = [await refused(house, address="192.0.2.200") for _ in range(3)]
    assert outside == ["WrongCredentials", "WrongCredentials", "TooManyAttempts"]


@pytest.mark.parametrize("off", [{"enabled": False}, {"allowlist": [ADDRESS]}])
async def test_an_address_that_has_to_wait_has_not_any_more_once_it_is_told_so(
    house: House, off: dict[str, Any]
) -> None:
    await house.user()
    house.protect(suspicious_ip_throttling=at_once(2))
    others = [await refused(house, f"user{number}@corp.example") for number in range(3)]
    assert others == ["WrongCredentials"] * 2 + ["TooManyAttempts"]
    house.protect(suspicious_ip_throttling=at_once(2) | off)
    assert await refused(house, password="correct-horse-7-battery") == "proven"
    assert await refused(house) == "WrongCredentials"
    assert await refused(house) == "TooManyAttempts", "of what it tried before, nothing is forgotten at once"


@pytest.mark.security("LG-04")
async def test_a_lock_that_comes_too_late_is_none_and_one_that_is_there_stays(house: House) -> None:
    await house.user()
    house.protect(brute_force_protection={"max_attempts": 2})
    attempts, person = house.accounts.attempts, await house.person()
    keys = attempts.keys("acme", person, ADDRESS)

    async def struck(between: Callable[[], Awaitable[None]]) -> bool:
        """Two passwords are compared; before the second one's lock, `between` happens."""
        counted = [await attempts.count("acme", keys, person) for _ in range(2)]
        assert [each.failures for each in counted] == [1, 2]
        await between()
        async with house.database.connection() as rows:
            return await attempts.lock(rows, "acme", keys, ADDRESS)

    lifted = partial(house.accounts.tickets.lift, "acme", person, Context(), by="api")
    for between in (lifted, partial(attempts.prove, "acme", keys)):
        assert not await struck(between)
        assert await attempts.locked("acme", person) == []
        assert await refused(house, password="correct-horse-7-battery") == "proven"
        await lifted()
    assert [await refused(house) for _ in range(2)] == ["WrongCredentials"] * 2
    await attempts.prove("acme", keys)  # somebody said the right one a moment before
    assert await attempts.locked("acme", person) == [ADDRESS]
    assert await refused(house, password="correct-horse-7-battery") == "TooManyAttempts"


@pytest.mark.security("LG-04")
async def test_of_a_lock_it_is_told_where_it_holds_and_nowhere_else(house: House) -> None:
    await house.user()
    person = await house.person()
    house.protect(brute_force_protection={"max_attempts": 3}, suspicious_ip_throttling=OFF["suspicious_ip_throttling"])
    for _ in range(6):
        before = len(await locks_told(house))
        tries = [refused(house, password=WRONG if number % 4 else GOOD) for number in range(9)]
        await asyncio.gather(*tries)
        holds = bool(await house.accounts.attempts.locked("acme", person))
        assert len(await locks_told(house)) - before == holds
        assert (await refused(house, password=GOOD) == "TooManyAttempts") == holds
        await house.rows("DELETE FROM attempts")


async def test_each_shield_does_its_part(house: House) -> None:
    await house.user()
    right = "correct-horse-7-battery"
    for shields, answer, mails in (
        (["block"], "TooManyAttempts", []),
        (["user_notification"], "proven", ["failed_attempts"]),
        ([], "proven", []),
        (["block", "user_notification"], "TooManyAttempts", ["blocked_account"]),
    ):
        house.protect(brute_force_protection={"shields": shields, "max_attempts": 2})
        assert [await refused(house) for _ in range(2)] == ["WrongCredentials"] * 2
        assert await refused(house, password=right) == answer, shields
        await house.hand_on()
        assert house.mailbox.templates() == mails, shields
        house.mailbox.mails.clear()
        await house.rows("DELETE FROM attempts")


@pytest.mark.security("RC-09")
async def test_who_is_tried_again_and_again_is_warned_so_often_and_no_more(house: House) -> None:
    await house.user()
    house.protect(brute_force_protection={"max_attempts": 1})
    for number in range(8):
        assert await refused(house, address=f"198.51.100.{number}") == "WrongCredentials"
    await house.hand_on()
    assert house.mailbox.templates() == ["blocked_account"] * 5


async def throttled(house: House) -> list[dict[str, Any]]:
    found = await house.rows("SELECT data FROM activity WHERE type = 'login.login_throttled' ORDER BY pos")
    return [json.loads(each["data"]) for each in found]


@pytest.mark.security("LG-04")
async def test_of_an_address_that_has_to_wait_it_is_told_once(house: House) -> None:
    house.protect(brute_force_protection={"max_attempts": 3}, suspicious_ip_throttling=at_once(4))
    assert [await refused(house) for _ in range(5)].count("TooManyAttempts") == 2
    assert await throttled(house) == [], "it is the account that is locked"
    for after in (1, 2):
        storm = [refused(house, f"user{number}@corp.example") for number in range(30)]
        assert (await asyncio.gather(*storm)).count("TooManyAttempts") >= 26
        told = await throttled(house)
        assert len(told) == after
        assert (told[-1]["address"], told[-1]["is_signup"], told[-1]["client_id"]) == ("192.0.2.1", False, "app")
        await house.rows("UPDATE attempts SET until = clock_timestamp() WHERE failures = 1 AND person IS NULL")


async def test_an_address_that_waits_may_try_one_more(house: House) -> None:
    house.protect(suspicious_ip_throttling={"stage": {"pre-login": {"max_attempts": 2, "rate": 1000}}})
    tried = [await refused(house, f"user{number}@corp.example") for number in range(3)]
    assert tried == ["WrongCredentials"] * 2 + ["TooManyAttempts"]

    names = (f"another{number}@corp.example" for number in count())

    async def may_again() -> bool:
        return await refused(house, next(names)) == "WrongCredentials"

    await eventually(may_again, within=5)
    assert await refused(house, next(names)) == "TooManyAttempts"
