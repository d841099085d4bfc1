"""What somebody began before their password was changed, or they were blocked or erased, is over: also what began just
then (LG-14, RC-05)."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import pytest

from libs.bus import Bus
from libs.edge.asks import ask
from libs.eventstore import Context, EventStore
from services.login import app
from services.login.commands import (
    BlockUser,
    EraseUser,
    GiveConsent,
    Lifetimes,
    PeopleOf,
    PersonAnswer,
    PersonOf,
    RenewSession,
    RevokeConsent,
    SetPassword,
    StartSession,
    Visit,
)
from services.login.events import CATALOGUE
from services.login.factors.attempt import Proven
from services.login.queries import sessions
from services.login.routes.accounts import handlers
from services.login.routes.asks import PeopleAsk, PersonAsk
from services.login.rules.consent import consent_id_of
from services.login.rules.session import ProofGone
from tests.services.login.house import CONNECTION, KEYRING, OTHER, House, caller

OPENID: Final = ("openid",)
LIVES: Final = Lifetimes(timedelta(hours=1), timedelta(hours=2))
VISIT: Final = Visit("app", "App", "db", "192.0.2.1", "browser", "id.example")


class Desk:
    """Starts and renews sessions on the house's rows."""

    def __init__(self, house: House, bus: Bus) -> None:
        self.house = house
        self.store = EventStore(house.database, CATALOGUE, bus, {**app.COMMANDS, **handlers(KEYRING)})

    async def start(self, proven: Proven, session_id: str = "s1") -> None:
        command = StartSession(
            "acme", session_id, proven.person, CONNECTION, proven.amr, None, session_id.encode(), LIVES, VISIT,
            proven.endings,
        )  # fmt: skip
        await self.store.execute(command, Context())

    async def renew(self, proven: Proven) -> None:
        command = RenewSession("acme", "s1", proven.person, proven.amr, None, b"new", LIVES, VISIT, proven.endings)
        await self.store.execute(command, Context())

    async def says(
        self, person: str, purpose: str, session_id: str = "s1", scope: Sequence[str] = OPENID
    ) -> str | None:
        """Why a grant that was given in a session is dead."""
        asked = await self.question(person, purpose, session_id, scope)
        return (await PeopleAsk(self.house.database).answer(PeopleOf(people=[asked]))).people[0].refusal

    async def question(
        self, person: str, purpose: str, session_id: str = "s1", scope: Sequence[str] = OPENID
    ) -> PersonOf:
        """What `token` asks of a grant that was given in a session."""
        found = await sessions.session(self.house.database, "acme", session_id)
        assert found is not None
        return PersonOf(
            tenant="acme", person=person, client_id="app", session_id=session_id, authorized_at=found.auth_time,
            scope=list(scope), audience=None, requested=None, purpose=purpose,
        )  # fmt: skip

    def commands(self, person: str) -> list[Any]:
        """Everything that ends what began before."""
        changed = SetPassword(tenant="acme", person=person, phc="x", by="api")
        return [changed, BlockUser("acme", person), EraseUser("acme", person)]


@pytest.fixture
def desk(house: House, bus: Bus) -> Desk:
    return Desk(house, bus)


async def waited(house: House) -> None:
    """Until a statement waits for a lock."""
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(1):
        while not await house.rows(waits):  # noqa: ASYNC110  # the state is the database's
            await asyncio.sleep(0.01)


async def reset(house: House, password: str = OTHER) -> None:
    """A new password by a link."""
    await house.accounts.tickets.reset_requested("acme", CONNECTION, "ada@corp.example", caller())
    await house.hand_on()
    ticket = house.mailbox.ticket("reset_email")
    await house.accounts.tickets.redeem_reset("acme", ticket, password)


@pytest.mark.security("LG-14")
async def test_nobody_is_signed_in_with_what_was_proven_before(house: House, desk: Desk) -> None:
    await house.user()
    proven = await house.accounts.factor.prove(house.attempt())
    await desk.start(proven)
    for number, command in enumerate(desk.commands(proven.person)):
        await desk.store.execute(command, Context())
        with pytest.raises(ProofGone):
            await desk.start(proven, f"late{number}")
        with pytest.raises(ProofGone):
            await desk.renew(proven)
    assert await house.rows("SELECT 1 FROM sessions WHERE session_id <> 's1'") == []


@pytest.mark.security("LG-14")
async def test_nobody_is_signed_in_who_is_blocked_whatever_they_proved(house: House, desk: Desk) -> None:
    await house.user()
    proven = await house.accounts.factor.prove(house.attempt())
    await house.rows("UPDATE people SET is_blocked = true")
    with pytest.raises(ProofGone):
        await desk.start(proven)


@pytest.mark.security("LG-14")
async def test_a_session_that_begins_beside_a_change_waits_for_it(house: House, desk: Desk) -> None:
    await house.user()
    proven = await house.accounts.factor.prove(house.attempt())
    async with house.database.transaction() as rows:
        await rows.execute("UPDATE people SET endings = endings + 1 WHERE person = $1", proven.person)
        starting = asyncio.create_task(desk.start(proven))
        await waited(house)
    with pytest.raises(ProofGone):
        await starting


@pytest.mark.security("RC-05", "LG-14")
async def test_a_reset_ends_sessions_and_has_their_applications_told(house: House, desk: Desk) -> None:
    await house.user()
    await desk.start(await house.accounts.factor.prove(house.attempt()))
    await house.rows(
        "UPDATE clients_v1 SET properties = properties || "
        """'{"oidc_logout": {"backchannel_logout_urls": ["https://app.example/out"]}}'"""
    )
    await reset(house)
    await desk.start(await house.accounts.factor.prove(house.attempt(password=OTHER)), "s2")
    assert await house.errands.once()
    told = await house.rows("SELECT payload->>'client_id' AS client, payload->>'session_id' AS session FROM errands")
    assert [(row["client"], row["session"]) for row in told] == [("app", "s1")]
    ended = await house.rows("SELECT data::jsonb AS data FROM facts WHERE type = 'login.session_ended'")
    assert len(ended) == 1
    assert '"reason": "password"' in ended[0]["data"]
    assert '"session_id": "s1"' in ended[0]["data"]
    assert await house.rows("SELECT 1 FROM sessions WHERE session_id = 's2' AND ended IS NULL")


@pytest.mark.security("CO-10", "RT-06", "RS-08")
async def test_what_was_granted_before_a_change_is_dead_though_nothing_ended_the_session(
    house: House, desk: Desk
) -> None:
    await house.user()
    proven = await house.accounts.factor.prove(house.attempt())
    await desk.start(proven)
    assert [await desk.says(proven.person, purpose) for purpose in ("code", "refresh")] == [None, None]
    for command, said in zip(desk.commands(proven.person), ("ended since", "blocked", "unknown"), strict=True):
        await desk.store.execute(command, Context())
        assert [await desk.says(proven.person, purpose) for purpose in ("code", "refresh")] == [said, said]


async def test_from_where_somebody_came_is_forgotten_with_them_though_nothing_ended_the_session(
    house: House, desk: Desk
) -> None:
    await house.user()
    proven = await house.accounts.factor.prove(house.attempt())
    await desk.start(proven)
    await house.rows("""UPDATE sessions SET metadata = '{"shop": "Rome"}'""")
    said = await house.rows("SELECT to_jsonb(s)::text AS text FROM sessions s")
    assert "192.0.2.1" in said[0]["text"]
    await desk.store.execute(EraseUser("acme", proven.person), Context())
    (left,) = await house.rows("SELECT to_jsonb(s)::text AS text FROM sessions s WHERE ended IS NULL")
    for word in ("192.0.2.1", "browser", "Rome"):
        assert word not in left["text"]


async def test_an_offline_grant_outlives_its_session_but_not_its_revocation(house: House, desk: Desk) -> None:
    await house.user()
    proven = await house.accounts.factor.prove(house.attempt())
    await desk.start(proven)
    await house.rows("UPDATE sessions SET expires_at = clock_timestamp(), idle_expires_at = clock_timestamp()")
    assert [await desk.says(proven.person, purpose) for purpose in ("code", "refresh")] == ["session over", None]
    for reason, said in (("logout", None), ("admin_logout", None), ("revoked", "session revoked")):
        await house.rows("UPDATE sessions SET ended = $1", reason)
        assert await desk.says(proven.person, "refresh") == said


@pytest.mark.security("CO-10", "RT-06")
async def test_a_strangers_grant_lives_as_long_as_the_consent_that_covers_it(house: House, desk: Desk) -> None:
    await house.user()
    proven = await house.accounts.factor.prove(house.attempt())
    await desk.start(proven)
    await house.rows("""UPDATE clients_v1 SET properties = properties || '{"is_first_party": false}'""")
    consent = consent_id_of("acme", proven.person, "app", None)

    async def says() -> list[str | None]:
        return [await desk.says(proven.person, purpose) for purpose in ("code", "refresh")]

    assert await says() == ["no consent", "no consent"]
    for scope, said in ((("email",), "no consent"), (("openid",), None)):
        given = GiveConsent("acme", consent, proven.person, "app", None, scope)
        await desk.store.execute(given, Context())
        assert await says() == [said, said]
    await desk.store.execute(RevokeConsent("acme", consent), Context())
    assert await says() == ["no consent", "no consent"]
    # Also one in which nothing is asked of the person: what it rests on is gone.
    assert await desk.says(proven.person, "refresh", scope=()) == "no consent"


async def test_who_asks_of_one_alone_as_0_4_0_does_is_answered_while_releases_run_side_by_side(
    house: House, desk: Desk, bus: Bus
) -> None:
    ada = await house.user()
    proven = await house.accounts.factor.prove(house.attempt())
    await desk.start(proven)
    serving = await PersonAsk(house.database).serve(bus)
    question = await desk.question(proven.person, "refresh")
    answer = await ask(bus, "login", "person", question, PersonAnswer)
    assert (answer.refusal, answer.sub) == (None, ada["user_id"])
    await desk.store.execute(BlockUser("acme", proven.person), Context())
    assert (await ask(bus, "login", "person", question, PersonAnswer)).refusal == "blocked"
    await serving.drain(within=5)
