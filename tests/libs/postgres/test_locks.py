"""Leadership: one at a time, followed within seconds when it is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from libs.postgres import Locks, connect
from tests.conftest import SCHEMA, Background, eventually
from tests.doubles.wire import wire_to
from tests.servers import Addresses, PostgresServer

MakeLocks = Callable[[str, str], Locks]


@pytest.fixture
async def make_locks() -> AsyncIterator[MakeLocks]:
    made: list[Locks] = []

    def make(url: str, name: str) -> Locks:
        made.append(Locks(url, name))
        return made[-1]

    yield make
    for locks in made:
        await locks.close()


class Leaders:
    """Who leads now."""

    def __init__(self) -> None:
        self.now: list[str] = []
        self.most = 0

    def work(self, who: str) -> Callable[[], Awaitable[None]]:
        async def lead() -> None:
            self.now.append(who)
            self.most = max(self.most, len(self.now))
            try:
                await asyncio.Event().wait()
            finally:
                self.now.remove(who)

        return lead


async def test_one_of_two_leads_and_the_other_follows_when_it_closes(
    addresses: Addresses, make_locks: MakeLocks, background: Background
) -> None:
    leaders = Leaders()
    first, second = make_locks(addresses.of[SCHEMA], "a"), make_locks(addresses.of[SCHEMA], "b")
    stop = background(first.lead("relay", leaders.work("a")))
    await eventually(lambda: leaders.now == ["a"])
    background(second.lead("relay", leaders.work("b")))
    await asyncio.sleep(0.3)
    assert leaders.now == ["a"]
    await stop()
    await eventually(lambda: leaders.now == ["b"], within=3)
    assert leaders.most == 1


async def test_several_tasks_share_one_connection(
    addresses: Addresses, make_locks: MakeLocks, background: Background
) -> None:
    leaders = Leaders()
    locks = make_locks(addresses.of[SCHEMA], "a")
    for task in ("x", "y", "z"):
        background(locks.lead(task, leaders.work(task)))
    await eventually(lambda: sorted(leaders.now) == ["x", "y", "z"])
    operator = await connect(addresses.operator)
    count = await operator.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'limen locks of a'")
    await operator.close()
    assert count == 1


async def test_leadership_moves_within_seconds_when_the_lock_connection_dies(
    addresses: Addresses, make_locks: MakeLocks, background: Background
) -> None:
    leaders = Leaders()
    async with wire_to(addresses.of[SCHEMA]) as wire:
        background(make_locks(wire.url(addresses.of[SCHEMA]), "a").lead("relay", leaders.work("a")))
        await eventually(lambda: leaders.now == ["a"])
        wire.cut()
        background(make_locks(addresses.of[SCHEMA], "b").lead("relay", leaders.work("b")))
        await eventually(lambda: leaders.now == ["b"], within=4)
        assert leaders.most == 1


async def test_a_leader_that_is_paused_loses_its_lock(
    addresses: Addresses, make_locks: MakeLocks, background: Background
) -> None:
    leaders = Leaders()
    async with wire_to(addresses.of[SCHEMA]) as wire:
        background(make_locks(wire.url(addresses.of[SCHEMA]), "a").lead("relay", leaders.work("a")))
        await eventually(lambda: leaders.now == ["a"])
        wire.hold()  # as the server sees a stopped process: a connection that is there and says nothing
        began = time.monotonic()
        background(make_locks(addresses.of[SCHEMA], "b").lead("relay", leaders.work("b")))
        await eventually(lambda: "b" in leaders.now, within=9)
        assert time.monotonic() - began < 9
        await eventually(lambda: leaders.now == ["b"], within=9)


async def test_a_lock_whose_granting_was_not_heard_is_asked_for_anew(
    addresses: Addresses, make_locks: MakeLocks, background: Background
) -> None:
    leaders = Leaders()
    async with wire_to(addresses.of[SCHEMA]) as wire:
        locks = make_locks(wire.url(addresses.of[SCHEMA]), "a")
        background(locks.lead("x", leaders.work("x")))
        await eventually(lambda: leaders.now == ["x"])
        first = locks._connection
        wire.hold()
        background(locks.lead("y", leaders.work("y")))
        await eventually(lambda: locks._connection is not first, within=9)
        wire.release()
        await eventually(lambda: sorted(leaders.now) == ["x", "y"], within=9)
        assert leaders.most == 2


async def test_leading_goes_on_after_the_database_was_killed(
    addresses: Addresses, make_locks: MakeLocks, background: Background, postgres: PostgresServer
) -> None:
    leaders = Leaders()
    background(make_locks(addresses.of[SCHEMA], "a").lead("relay", leaders.work("a")))
    await eventually(lambda: leaders.now == ["a"])
    postgres.kill()
    await eventually(lambda: leaders.now == [], within=3)
    await postgres.back()
    await eventually(lambda: leaders.now == ["a"], within=3)


async def test_an_error_of_the_work_is_the_leaders(addresses: Addresses, make_locks: MakeLocks) -> None:
    async def work() -> None:
        raise ZeroDivisionError

    locks = make_locks(addresses.of[SCHEMA], "a")
    with pytest.raises(ZeroDivisionError):
        await locks.lead("relay", work)
