"""Owns what the public feed costs and gives: tokens a second with it and without, events a second to one subscriber.

Without means that `audit` is paused while the load lasts; it has caught up before the next load. The subscriber is a
program of its own with plain nats-py, which pulls and acknowledges each event.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from libs.postgres import connect
from tests.bench import load
from tests.bench.contenders import Contender
from tests.bench.load import Shot
from tests.stack import Stack

PROGRAM: Final = Path(__file__).parent / "subscriber.py"
CATCHES_UP: Final = 120.0
MOST: Final = 100_000
"""Events the subscriber is given at most."""

NAME: Final = "bench"

BEHIND: Final = """
SELECT (SELECT pos FROM token.head WHERE log = 'activity') - pos FROM audit.checkpoints WHERE name = 'feed_act_token_0'
"""
HISTORY: Final = 10_000
GROWN: Final = """
WITH model AS (
    SELECT tenant, stream, type, v, data, meta, version FROM token.facts
    WHERE stream = 'client-' || $1 ORDER BY version DESC LIMIT 1
), moved AS (
    UPDATE token.head SET pos = pos + $2 WHERE log = 'facts' RETURNING pos - $2 AS base
), row AS (
    UPDATE token.clients SET version = version + $2 WHERE client_id = $1
)
INSERT INTO token.facts (pos, tenant, stream, version, id, type, v, data, meta, at)
SELECT moved.base + n, tenant, stream, version + n, gen_random_uuid(), type, v, data, meta, clock_timestamp()
FROM model, moved, generate_series(1, $2) AS n
"""


@dataclass
class Fed:
    """Loads with the feed and without it, and what a subscriber was given."""

    with_feed: list[Shot] = field(default_factory=list)
    without: list[Shot] = field(default_factory=list)
    caught_up: list[float] = field(default_factory=list)
    """Seconds after a load with the feed until everything was in it."""
    heard: list[float] = field(default_factory=list)
    """Events a second through one subscriber."""
    states: list[float] = field(default_factory=list)
    """Seconds of `limen state client … --at` on a stream of `HISTORY` facts, the program's start included."""


@contextmanager
def without(stack: Stack) -> Iterator[None]:
    """`audit` is paused meanwhile, and has caught up in the end."""
    stack.pause("audit")
    try:
        yield
    finally:
        stack.resume("audit")
    _catch_up(stack)


def measured(stack: Stack, es256: Contender, rounds: int, seconds: int, say: Callable[[str], None]) -> Fed:
    """All of it, in turns."""
    found = Fed()
    _catch_up(stack)
    for _ in range(rounds):
        with without(stack):
            found.without.append(load.fired(es256.target, seconds, es256.watched))
        found.with_feed.append(load.fired(es256.target, seconds, es256.watched))
        found.caught_up.append(_catch_up(stack))
        say(f"feed: {found.without[-1].rate:,.0f}/s without, {found.with_feed[-1].rate:,.0f}/s with")
    for _ in range(rounds):
        found.heard.append(_heard(stack))
        say(f"subscriber: {found.heard[-1]:,.0f} events/s")
    found.states = _states(stack, rounds)
    say("limen state: " + "  ".join(f"{each:.2f} s" for each in found.states))
    return found


def _catch_up(stack: Stack) -> float:
    began = time.monotonic()
    while asyncio.run(_asked(stack, BEHIND)) > 0:
        assert time.monotonic() - began < CATCHES_UP, "the feed does not catch up"
        time.sleep(0.05)
    return time.monotonic() - began


async def _asked(stack: Stack, sql: str, *arguments: object) -> int:
    connection = await connect(stack.env["LIMEN_POSTGRES_URL"], name="bench")
    try:
        return int(await connection.fetchval(sql, *arguments) or 0)
    finally:
        await connection.close()


def _heard(stack: Stack) -> float:
    done = stack.limen("subscriber", "add", NAME, "--from", "1")
    assert done.returncode == 0, done.stderr
    try:
        url = done.stdout.split("\n")[0].partition("=")[2]
        said = subprocess.run(
            [sys.executable, "-P", str(PROGRAM), url, NAME, str(MOST)], capture_output=True, text=True, check=True
        )
        return float(said.stdout)
    finally:
        stack.limen("subscriber", "remove", NAME)


def _states(stack: Stack, rounds: int) -> list[float]:
    client_id = stack.management("POST", "clients", json={"name": "Long history"}).json()["client_id"]
    assert stack.management("PATCH", f"clients/{client_id}", json={"description": "changed"}).status == 200
    asyncio.run(_asked(stack, GROWN, client_id, HISTORY))
    found = []
    for _ in range(rounds):
        began = time.monotonic()
        done = stack.limen("state", "client", client_id, "--at", "2100-01-01T00:00:00Z")
        found.append(time.monotonic() - began)
        assert done.returncode == 0, done.stderr
    return found
