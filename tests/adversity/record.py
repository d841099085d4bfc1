"""What Postgres and NATS hold, as an operator may look: events, rows, and whether the mirrors are exact."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

from libs.bus import Bus, BusError, Reader, Streams
from libs.eventstore.forms import FORMS
from libs.eventstore.names import stream_of
from libs.postgres import connect
from tests.adversity.load import Call
from tests.stack import Stack, until

LOGS: Final = (("tenants", "facts"), ("key_rotation", "facts"), ("token", "facts"), ("token", "activity"))
LOGS_OF_ALL: Final = (*LOGS, ("audit", "facts"), ("audit", "feed"))

T = TypeVar("T")


def rows(stack: Stack, sql: str, *arguments: object) -> list[Any]:
    """What a statement finds, as the superuser."""

    async def ask() -> list[Any]:
        connection = await connect(stack.env["LIMEN_POSTGRES_URL"], name="tests")
        try:
            return list(await connection.fetch(sql, *arguments))
        finally:
            await connection.close()

    return asyncio.run(ask())


def committed(stack: Stack, *, since: int = 0) -> dict[str, int]:
    """How often each token's event is in the log, by `jti`."""
    found = rows(
        stack,
        "SELECT data->>'jti' AS jti, count(*)::int AS times FROM token.activity "
        "WHERE type = 'token.token_issued' AND pos > $1 GROUP BY 1",
        since,
    )
    return {row["jti"]: row["times"] for row in found}


def head(stack: Stack, service: str = "token", log: str = "activity") -> int:
    """The position of the newest event."""
    (row,) = rows(stack, f"SELECT pos FROM {service}.head WHERE log = $1", log)
    return int(row["pos"])


def require_committed(stack: Stack, calls: Iterable[Call]) -> int:
    """Each answered token has its event, once; returns how many there were."""
    answered = [call.jti for call in calls if call.status == 200]
    times = committed(stack)
    assert len(set(answered)) == len(answered)
    missing = [jti for jti in answered if jti not in times]
    assert not missing, f"{len(missing)} of {len(answered)}: {missing}"
    assert not (repeated := {jti: count for jti, count in times.items() if count != 1}), repeated
    return len(answered)


def require_gapless(stack: Stack) -> None:
    """In each log positions run from 1 (nothing was dropped here) to the head."""
    for service, log in LOGS_OF_ALL:
        (found,) = rows(
            stack,
            f"SELECT h.pos, (SELECT count(*) FROM {service}.{log}) AS count, "
            f"(SELECT coalesce(max(pos), 0) FROM {service}.{log}) AS last FROM {service}.head h WHERE log = '{log}'",
        )
        assert found["pos"] == found["count"] == found["last"], (service, log, found)


def facts(stack: Stack) -> dict[str, list[tuple[int, UUID]]]:
    """Position and id of every fact, by service."""
    services = [service for service, log in LOGS if log == "facts"]
    return {
        service: [(row["pos"], row["id"]) for row in rows(stack, f"SELECT pos, id FROM {service}.facts ORDER BY pos")]
        for service in services
    }


def require_exact_mirrors(stack: Stack, *, within: float = 10) -> None:
    """Each stream holds, within some seconds, the events of its log with sequence == position, and nothing else."""
    require_gapless(stack)
    for service, log in LOGS_OF_ALL:
        stream = stream_of(service, log)
        until(partial(_is_level, stack, service, log, stream), within, stack.story)
        ids = {row["pos"]: row["id"] for row in rows(stack, f"SELECT pos, id FROM {service}.{log}")}
        assert _mirrored(stack, stream, log, len(ids)) == ids, (stream, len(ids))


def _is_level(stack: Stack, service: str, log: str, stream: str) -> bool:
    try:
        state = on_bus(stack, lambda bus: Streams(bus).state(stream))
    except BusError:
        return False
    position = head(stack, service, log)
    return state is not None and (state.last, state.messages, state.deleted) == (position, position, 0)


def _mirrored(stack: Stack, stream: str, log: str, count: int) -> dict[int, UUID]:
    async def read(bus: Bus) -> dict[int, UUID]:
        found: dict[int, UUID] = {}
        async with Reader(bus, stream, start=1) as reader:
            while len(found) < count and (batch := await reader.fetch(1000, wait=2)):
                found |= {each.sequence: FORMS[log].identity(each).id for each in batch}
        return found

    return on_bus(stack, read) if count else {}


def on_bus(stack: Stack, work: Callable[[Bus], Awaitable[T]]) -> T:
    """Do some work as the operator on the bus."""

    async def do() -> T:
        bus = await Bus.connect(stack.env["LIMEN_NATS_URL"], name="limen")
        try:
            return await work(bus)
        finally:
            await bus.close()

    return asyncio.run(do())
