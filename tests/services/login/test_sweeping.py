"""Sessions that are long over go once no grant names them, and what they were is in the log."""

import pytest

from libs.bus import Bus
from libs.eventstore.verify import folds
from libs.runtime.errors import Unavailable
from services.login.commands import PeopleOf, PersonOf
from services.login.events import CATALOGUE
from services.login.routes.asks import PeopleAsk
from services.login.routes.sweeping import Sweeping
from services.login.rows.sessions import FOLD
from tests.services.login.front import BEGINNING, Browser, Front


@pytest.fixture
def sweeping(front: Front, bus: Bus) -> Sweeping:
    return Sweeping(front.store, bus)


async def overdue(front: Front, session_id: str | None = None, hours: int = 25) -> None:
    """Let sessions, or one, have been over for so long."""
    await front.run(
        "UPDATE sessions SET idle_expires_at = clock_timestamp() - make_interval(hours => $1), "
        "named_at = named_at - make_interval(hours => $1) WHERE session_id = coalesce($2, session_id)",
        hours,
        session_id,
    )


async def signed_in(front: Front, number: int) -> list[str]:
    """So many sessions, in the order in which they began."""
    for _ in range(number):
        await front.browser().sign_in()
    return [each["session_id"] for each in await front.events("login.session_started")]


async def left(front: Front) -> set[str]:
    async with front.database.connection() as rows:
        return {row["session_id"] for row in await rows.fetch("SELECT session_id FROM sessions")}


@pytest.mark.security("DS-01")
async def test_what_is_long_over_goes_and_what_lives_or_just_ended_stays(front: Front, sweeping: Sweeping) -> None:
    lives, just, long, logged_out, late = await signed_in(front, 5)
    await overdue(front, just, hours=1)
    await front.api("DELETE", f"sessions/{logged_out}", "delete:sessions")
    for each in (long, logged_out, late):
        await overdue(front, each)
    assert [await sweeping.once(most=2) for _ in range(3)] == [2, 1, 0]
    assert await left(front) == {lives, just}
    async with front.database.connection() as rows:
        assert await rows.fetchval("SELECT count(DISTINCT session_id) FROM session_clients") == 2
    async with front.database.transaction() as rows:
        assert await folds(rows, CATALOGUE, FOLD) == (5, [])
    ended = {each["session_id"]: each["reason"] for each in await front.events("login.session_ended")}
    assert ended == {long: "expired", logged_out: "admin", late: "expired"}
    assert front.told == []


@pytest.mark.security("RS-08")
async def test_a_session_that_a_grant_names_stays_and_the_revoked_stay_revoked(
    front: Front, sweeping: Sweeping
) -> None:
    expired, revoked = await signed_in(front, 2)
    await front.api("POST", f"sessions/{revoked}/revoke", "delete:sessions")
    front.token.named |= {expired, revoked}
    await overdue(front)
    assert [await sweeping.once(), await sweeping.once()] == [2, 0]
    assert await left(front) == {expired, revoked}
    assert [await says(front, each) for each in (expired, revoked)] == [None, "session revoked"]
    async with front.database.connection() as rows:
        (row,) = await rows.fetch("SELECT to_jsonb(s)::text AS text FROM sessions s WHERE session_id = $1", expired)
        assert "192.0.2.1" not in row["text"]
    front.token.named.clear()
    await overdue(front)
    assert await sweeping.once() == 2
    assert await left(front) == set()
    assert [await says(front, each) for each in (expired, revoked)] == ["no session", "no session"]


async def test_nothing_is_forgotten_while_token_is_away(front: Front, sweeping: Sweeping) -> None:
    (over,) = await signed_in(front, 1)
    await overdue(front)
    front.token.is_away = True
    with pytest.raises(Unavailable):
        await sweeping.once()
    assert await left(front) == {over}
    front.token.is_away = False
    assert await sweeping.once() == 1
    assert await left(front) == set()
    assert [each["reason"] for each in await front.events("login.session_ended")] == ["expired"]


async def says(front: Front, session_id: str) -> str | None:
    """Why a refresh with a grant of the session is refused."""
    asked = PersonOf(
        tenant="acme", person="p1", client_id="app", session_id=session_id, authorized_at=BEGINNING,
        scope=["openid"], audience=None, requested=None, purpose="refresh",
    )  # fmt: skip
    return (await PeopleAsk(front.database).answer(PeopleOf(people=[asked]))).people[0].refusal


async def test_who_comes_back_after_the_sweep_signs_in_anew(front: Front, sweeping: Sweeping, browser: Browser) -> None:
    await browser.sign_in()
    await overdue(front)
    await sweeping.once()
    assert (await browser.authorize(prompt="none")).said["error"] == "login_required"
    assert "code" in (await browser.sign_in()).said
