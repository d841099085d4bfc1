"""The rules of somebody with an account: given what happened, when this is asked, then that follows."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from libs.eventstore.verify import folds
from libs.sealed import PersonKey, Sealed
from services.login.commands import (
    BlockUser,
    ChangeUser,
    EraseUser,
    RegisterUser,
    SetPassword,
    UnblockUser,
    VerifyEmail,
)
from services.login.events import (
    CATALOGUE,
    UserBlocked,
    UserChanged,
    UserEmailVerified,
    UserErased,
    UserPasswordChanged,
    UserRegistered,
    UserUnblocked,
)
from services.login.rows import person_keys
from services.login.rows.people import FOLD
from services.login.rules import person
from services.login.rules.person import Beside, ErasedPerson, NoPerson, Person, State
from services.login.rules.person_reasons import NoSuchUser, TicketRefused, UserExists, UsernameExists
from tests.services.login.house import KEYRING, NAME, OTHER, House

NOW: Final = datetime(2026, 11, 26, tzinfo=UTC)
RAW: Final = bytes(range(64))
KEY: Final = PersonKey("acme", "p1", RAW)
REGISTER: Final = RegisterUser("acme", "p1", RAW, "con_1", NAME, "auth0", "auth0|1", {"email": "a@x.example"}, phc="$")
HELD: Final = Beside(key=KEY)
WHO: Final = ("acme", "p1")


def somebody(beside: Beside = HELD, **said: Any) -> Person:
    [registered] = person.register(REGISTER, NoPerson(Beside(KEY)), NOW)
    state = person.evolve(NoPerson(), registered)
    assert isinstance(state, Person)
    return replace(state, beside=beside, **said)


def test_registering_seals_what_is_said() -> None:
    [fact] = person.register(REGISTER, NoPerson(Beside(KEY)), NOW)
    assert isinstance(fact, UserRegistered)
    assert fact.has_password
    assert KEY.open("email", fact.profile["email"]) == "a@x.example"
    assert "a@x" not in str(fact)
    assert "auth0|" not in str(fact)


@pytest.mark.parametrize(
    ("taken", "refusal"), [({"email"}, UserExists), ({"user_id"}, UserExists), ({"username"}, UsernameExists)]
)
def test_registering_is_refused_where_a_name_is_taken(taken: set[str], refusal: type[Exception]) -> None:
    with pytest.raises(UserExists) as caught:
        person.register(REGISTER, NoPerson(Beside(KEY, frozenset(taken))), NOW)
    assert type(caught.value) is refusal  # the one is a kind of the other


@pytest.mark.parametrize(
    ("taken", "refusal", "said"),
    [({"email"}, UserExists, "The specified new email already exists"), ({"username"}, UsernameExists, "username")],
)
def test_a_change_is_refused_where_a_name_is_taken(taken: set[str], refusal: type[Exception], said: str) -> None:
    change = ChangeUser(*WHO, profile={"email": "b@x.example", "username": "b"})
    with pytest.raises(UserExists, match=said) as caught:
        person.change(change, somebody(Beside(KEY, frozenset(taken))), NOW)
    assert type(caught.value) is refusal


def test_a_change_says_only_what_differs() -> None:
    change = ChangeUser(*WHO, profile={"email": "a@x.example", "name": "A", "nickname": None})
    [fact] = person.change(change, somebody(), NOW)
    assert fact == UserChanged(person="p1", profile={"name": KEY.seal("name", "A")})
    same = person.evolve(somebody(), fact)
    assert person.change(change, same, NOW) == []


def test_metadata_are_merged_and_a_null_removes_a_member() -> None:
    given = somebody(profile={"user_metadata": KEY.seal("user_metadata", {"a": 1, "b": 2})})
    [fact] = person.change(ChangeUser(*WHO, profile={"user_metadata": {"b": None, "c": {"d": None}}}), given, NOW)
    assert isinstance(fact, UserChanged)
    sealed = fact.profile["user_metadata"]
    assert isinstance(sealed, Sealed)
    assert KEY.open("user_metadata", sealed) == {"a": 1, "c": {"d": None}}


def test_another_address_is_not_verified() -> None:
    given = somebody(email_verified=True)
    facts = person.change(ChangeUser(*WHO, profile={"email": "b@x.example"}), given, NOW)
    assert facts[1] == UserEmailVerified(person="p1", is_verified=False, by="api")
    assert len(person.change(ChangeUser(*WHO, profile={"email": "a@x.example"}), given, NOW)) == 0


def test_the_same_address_in_small_letters_stays_verified() -> None:
    given = somebody(email_verified=True, profile={"email": KEY.seal("email", "A@X.example")})
    [fact] = person.change(ChangeUser(*WHO, profile={"email": "a@x.example"}), given, NOW)
    assert fact == UserChanged(person="p1", profile={"email": KEY.seal("email", "a@x.example")})
    for other in ("\N{FULLWIDTH LATIN SMALL LETTER A}@x.example", "aa@x.example", None):
        facts = person.change(ChangeUser(*WHO, profile={"email": other}), given, NOW)
        assert facts[1] == UserEmailVerified(person="p1", is_verified=False, by="api"), other


def test_blocking_and_another_password_end_what_was_begun() -> None:
    given = somebody()
    assert person.block(BlockUser(*WHO), given, NOW) == [UserBlocked(person="p1")]
    blocked = person.evolve(given, UserBlocked(person="p1"))
    assert isinstance(blocked, Person)
    assert (blocked.is_blocked, blocked.endings) == (True, 1)
    assert person.block(BlockUser(*WHO), blocked, NOW) == []
    assert person.unblock(UnblockUser(*WHO), blocked, NOW) == [UserUnblocked(person="p1")]
    assert person.unblock(UnblockUser(*WHO), given, NOW) == []
    changed = person.evolve(blocked, UserPasswordChanged(person="p1", by="reset"))
    assert isinstance(changed, Person)
    assert changed.endings == 2


def test_a_password_is_set_by_a_good_link_alone() -> None:
    command = SetPassword(*WHO, "$", "reset", b"t", proves_email=True)
    with pytest.raises(TicketRefused):
        person.set_password(command, somebody(), NOW)
    facts = person.set_password(command, somebody(Beside(is_ticket_good=True)), NOW)
    assert [type(each) for each in facts] == [UserPasswordChanged, UserEmailVerified]
    # A link that was not sent to the address shows nothing of it.
    handed_on = replace(command, proves_email=False)
    [fact] = person.set_password(handed_on, somebody(Beside(is_ticket_good=True)), NOW)
    assert fact == UserPasswordChanged(person="p1", by="reset")
    assert len(person.set_password(SetPassword(*WHO, "$", "api"), somebody(), NOW)) == 1


def test_an_address_is_verified_by_a_good_link_alone() -> None:
    command = VerifyEmail(*WHO, ticket=b"t")
    for state in (somebody(), NoPerson(), ErasedPerson()):
        with pytest.raises(TicketRefused):
            person.verify_email(command, state, NOW)
    [fact] = person.verify_email(command, somebody(Beside(is_ticket_good=True)), NOW)
    assert fact == UserEmailVerified(person="p1", is_verified=True, by="link")


def test_whoever_is_erased_is_nobody() -> None:
    assert person.erase(EraseUser(*WHO), somebody(), NOW) == [UserErased(person="p1")]
    gone = person.evolve(somebody(), UserErased(person="p1"))
    assert gone == ErasedPerson()
    assert person.erase(EraseUser(*WHO), gone, NOW) == []
    assert person.evolve(gone, UserBlocked(person="p1")) == gone
    states: tuple[State, ...] = (gone, NoPerson())
    for state in states:
        wanted: tuple[tuple[Any, Any], ...] = (
            (person.change, ChangeUser(*WHO)),
            (person.block, BlockUser(*WHO)),
            (person.unblock, UnblockUser(*WHO)),
            (person.set_password, SetPassword(*WHO, "$", "api")),
        )
        for decide, command in wanted:
            with pytest.raises(NoSuchUser):
                decide(command, state, NOW)


async def test_folding_the_facts_gives_the_rows_and_opening_the_sealed_gives_the_plain(house: House) -> None:
    """Also of whoever was erased: of them there is no row."""
    ada = await house.user("ada@corp.example", username="ada", user_metadata={"a": [1, "é"]})
    await house.user("bob@corp.example", name="Bob")
    eve = await house.user("eve@corp.example")
    path = f"users/{ada['user_id'].replace('|', '%7C')}"
    for body in ({"name": "Ada"}, {"blocked": True}, {"password": OTHER}, {"blocked": False, "username": None}):
        assert (await house.manage("PATCH", path, body)).status == 200
    await house.manage("DELETE", f"users/{eve['user_id'].replace('|', '%7C')}")
    async with house.database.connection() as rows, rows.transaction():
        assert await folds(rows, CATALOGUE, FOLD) == (3, [])
        for row in await rows.fetch("SELECT * FROM people"):
            key = await person_keys.key_of(rows, KEYRING, row["tenant"], row["person"])
            assert key is not None
            sealed = {name: Sealed(text) for name, text in json.loads(row["sealed"]).items()}
            plain = {name: key.open(name, each) for name, each in sealed.items()}
            assert plain == json.loads(row["profile"])
            assert key.open("user_id", Sealed(row["sealed_user_id"])) == row["user_id"]
            assert plain.get("email") == row["email"]
        await rows.execute("UPDATE people SET is_blocked = true WHERE email = 'bob@corp.example'")
        _, findings = await folds(rows, CATALOGUE, FOLD)
        assert len(findings) == 1
